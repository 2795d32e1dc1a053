"""One optimiser step, the same on one process and on many."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from unroll.errors import BundleError, ConfigError
from unroll.training.exchange import Exchange, Sums
from unroll.training.learner import Learner, Timed
from unroll.training.processes import Processes
from unroll.training.schedule import learning_rate_factor
from unroll.training.settings import TrainSettings
from unroll.training.tables import Tables, numbers

_PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Update(NamedTuple):
    """What one step did.

    Attributes:
        sums: over all processes.
        norm: norm of the gradient before clipping; infinite where the gradient scaler skipped the step.
        waited: seconds that this process waited for what the network is fed.
        exchanged: seconds that it took to sum over the processes, waiting for the others included.
        sent: bytes that this process gave to those sums.
    """

    sums: Sums
    norm: Tensor
    waited: float
    exchanged: float
    sent: int


@dataclasses.dataclass
class SoFar:
    """Sums over the steps of an epoch that are done.

    Attributes:
        total: summed loss.
        items: how many items the sum runs over.
        tokens: time steps seen by all processes.
        data_seconds: how long steps waited for their rows.
        exchange_seconds: how long sums over several processes took.
        sent_bytes: what this process gave to those sums.
    """

    total: float = 0.0
    items: int = 0
    tokens: int = 0
    data_seconds: float = 0.0
    exchange_seconds: float = 0.0
    sent_bytes: int = 0

    def add(self, update: Update) -> None:
        """Take in a step."""
        self.total += float(update.sums.total)
        self.items += update.sums.items
        self.tokens += update.sums.tokens
        self.data_seconds += update.waited
        self.exchange_seconds += update.exchanged
        self.sent_bytes += update.sent


class Updater:
    """AdamW (Loshchilov and Hutter 2019, algorithm 2), clipping, schedule, mixed precision and the sum over processes.

    Each process computes the loss of every `count`-th row of a global batch. Gradients are summed over the processes
    and divided by the number of items of all of them, so they equal those of one process with the whole batch, whatever
    the shares; a process whose share is empty contributes zeros.

    Layers may have rates of their own, and lower ones may be frozen at first (Howard, Ruder 2018, "Universal language
    model fine-tuning for text classification", section 3.2 and 3.3). A frozen parameter has no gradient: it takes no
    part in clipping, it is not decayed, and its moments stay zero.

    Args:
        learner: gives the model, its parameter groups and the loss.
        settings: how to train.
        processes: who takes part.

    Raises:
        ConfigError: rates or freezing by layer are asked for and the learner tells no layers apart, or the run ends
            before all layers are trained.
    """

    def __init__(self, learner: Learner, settings: TrainSettings, processes: Processes) -> None:
        self._learner = learner
        # Asked once: to ask a protocol costs as much as a small kernel.
        self._timed = learner if isinstance(learner, Timed) else None
        self._settings = settings
        self._processes = processes
        # Fused: one pass over the memory of each parameter; several times faster where a vocabulary has millions.
        self.optimizer = torch.optim.AdamW(
            learner.parameter_groups(settings.learning_rate), weight_decay=settings.weight_decay, fused=True
        )
        self._depths: list[int] = [group.get("depth", 0) for group in self.optimizer.param_groups]
        self._check_depths(max(self._depths))
        self._rates: list[float] = [
            group["lr"] / settings.layer_decay**depth
            for group, depth in zip(self.optimizer.param_groups, self._depths, strict=True)
        ]
        self._parameters: list[Tensor] = [p for group in self.optimizer.param_groups for p in group["params"]]
        trained = {name for name, _ in learner.model.named_parameters(remove_duplicate=False)}
        buffers = [tensor for name, tensor in learner.model.state_dict().items() if name not in trained]
        self._exchange = Exchange(self._parameters, buffers, processes)
        device = processes.device.type
        self.scaler = torch.amp.GradScaler(device, enabled=settings.precision == "float16")
        dtype = _PRECISIONS.get(settings.precision)
        self._precision = nullcontext() if dtype is None else torch.autocast(device, dtype)
        self._tables = Tables(learner.model, wanted=device == "cpu")

    @property
    def learning_rate(self) -> float:
        """The learning rate of the first parameter group."""
        return float(self.optimizer.param_groups[0]["lr"])

    def set_rate(self, done: float) -> None:
        """Set the learning rates to those of a step at whose middle the share `done` of the run is done."""
        factor = learning_rate_factor(done, self._settings.schedule, self._settings.warmup)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor

    def _waited(self) -> float:
        return 0.0 if self._timed is None else self._timed.waited

    def _check_depths(self, lowest: int) -> None:
        for name, plain in (("layer_decay", 1), ("unfreeze", 0)):
            if getattr(self._settings, name) != plain and not lowest:
                raise ConfigError(
                    f"training.{name} needs a task that tells layers apart, such as classify; leave it out"
                )
        if lowest * self._settings.unfreeze >= self._settings.epochs:
            raise ConfigError(
                f"training.unfreeze={self._settings.unfreeze}: the lowest of {lowest + 1} layers would be trained from"
                f" epoch {lowest * self._settings.unfreeze + 1} on, and there are {self._settings.epochs}; raise"
                " training.epochs"
            )

    def thaw(self, epoch: int) -> None:
        """Freeze the layers that are not trained yet in an epoch, counted from 0, and thaw the others."""
        for group, depth in zip(self.optimizer.param_groups, self._depths, strict=True):
            for parameter in group["params"]:
                parameter.requires_grad_(depth * self._settings.unfreeze <= epoch)

    def step(self, rows: np.ndarray, done: float, flags: Callable[[], Sequence[bool]]) -> Update:
        """Take one step on a global batch.

        Args:
            rows: the row numbers of the global batch.
            done: share of the run at the middle of this step.
            flags: what to tell the other processes, asked when the gradient is there.

        Raises:
            ProcessLostError: another process has ended.
        """
        self.set_rate(done)
        self.optimizer.zero_grad()
        share = rows[self._processes.rank :: self._processes.count]
        total, items, tokens = torch.zeros((), device=self._processes.device), 0, 0
        waited = self._waited()
        if len(share):
            with self._tables.by_rows():
                with self._precision:
                    loss = self._learner.loss(self._learner.model, share, self._processes.device)
                if loss.total.requires_grad:
                    # The number of items is not known to all yet; the size of the batch is, and keeps float16 in range.
                    torch.autograd.backward(self.scaler.scale(loss.total / len(rows)))
            total, items, tokens = loss.total.detach(), loss.items, loss.tokens
        told = [int(flag) for flag in flags()]
        sent, exchanged = self._exchange.sent, self._exchange.seconds
        sums = self._exchange.sum(Sums(total, items, tokens, told))
        norm = self._apply(len(rows) / sums.items) if sums.items else torch.zeros(())
        return Update(
            sums, norm, self._waited() - waited, self._exchange.seconds - exchanged, self._exchange.sent - sent
        )

    def state(self) -> dict[str, Tensor]:
        """The optimiser's state, one tensor per name."""
        states = self.optimizer.state_dict()["state"]
        return {f"{index}.{name}": tensor for index, state in states.items() for name, tensor in state.items()}

    def load(self, state: Mapping[str, Tensor], scale: tuple[float, int] | None, path: Path) -> None:
        """Take up what `state` gave, and the scale of the gradient scaler.

        Raises:
            BundleError: the state is that of another model.
        """
        states: dict[int, dict[str, Tensor]] = {}
        for key, tensor in state.items():
            index, _, name = key.partition(".")
            if not index.isdecimal() or int(index) >= len(self._parameters):
                raise BundleError(f"{path}: optimiser state '{key}' fits no parameter; it is that of another model")
            parameter = self._parameters[int(index)]
            if tensor.dim() and tensor.shape != parameter.shape:
                raise BundleError(
                    f"{path}: optimiser state '{key}': expected shape {tuple(parameter.shape)},"
                    f" got {tuple(tensor.shape)}"
                )
            states.setdefault(int(index), {})[name] = tensor
        self.optimizer.load_state_dict({"state": states, "param_groups": self.optimizer.state_dict()["param_groups"]})
        if scale is not None and self.scaler.is_enabled():
            self.scaler.load_state_dict({**self.scaler.state_dict(), "scale": scale[0], "_growth_tracker": scale[1]})

    def scale(self) -> tuple[float, int] | None:
        """Scale and growth count of the gradient scaler, None without one."""
        state = self.scaler.state_dict()
        return (state["scale"], state["_growth_tracker"]) if state else None

    def _apply(self, factor: float) -> Tensor:
        """Multiply the gradients, clip them and let AdamW step; the norm before clipping."""
        self.scaler.unscale_(self.optimizer)
        gradients = numbers(p.grad for p in self._parameters if p.grad is not None)
        if factor != 1 and gradients:
            torch._foreach_mul_(gradients, factor)
        norm = torch.nn.utils.get_total_norm(gradients)
        limit = self._settings.clip_norm
        # As torch.nn.utils.clip_grad_norm_, which takes no sparse gradients, and which multiplies by one, too; to look
        # at the norm first would make a GPU wait.
        if limit and gradients and not (norm.is_cpu and bool(norm <= limit)):
            torch._foreach_mul_(gradients, (limit / (norm + 1e-6)).clamp(max=1.0))
        with self._tables.whole(self._parameters):
            self.scaler.step(self.optimizer)
        self.scaler.update()
        return norm
