"""A learner that trains in a blink, with all that makes resuming hard: dropout, unequal items, carried state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unroll.training import History, Loss, Monitor, Progress, TrainSettings, fit

ERROR = Monitor("error", higher_is_better=False)


class Toy:
    """Linear regression by a small network; row r counts 1 + r % 3 items, rows with r % 7 == 3 none.

    Args:
        rows: how many rows there are.
        batch_size: rows per global batch.
        seed: of weights and batches.
        dropout: probability; at 0 all else that is random goes too, so that one process and two can be compared.
        dtype: of weights and data.
        at_loss: called before each loss, with the number of losses so far.
        at_validation: called within each validation.
    """

    def __init__(
        self,
        rows: int = 30,
        batch_size: int = 8,
        seed: int = 0,
        dropout: float = 0.3,
        dtype: torch.dtype = torch.float32,
        at_loss: Callable[[int], object] = lambda calls: None,
        at_validation: Callable[[], object] = lambda: None,
    ) -> None:
        torch.manual_seed(seed)
        self.model: nn.Module = nn.Sequential(
            nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(dropout), nn.Tanh(), nn.Linear(6, 1)
        ).to(dtype)
        if dropout == 0:
            # Not used in the forward pass: it has no gradient anywhere, so it must not be decayed.
            self.model.register_parameter("unused", nn.Parameter(torch.ones(2, 2, dtype=dtype)))
            # Its statistics are those of a process's own share, by which one process and two would differ.
            self.model[1] = nn.Identity()  # type: ignore[index]
        generator = torch.Generator().manual_seed(1)
        self.x_BI = torch.randn(rows, 4, generator=generator, dtype=torch.float64).to(dtype)
        self.y_B = self.x_BI.sum(1)
        self.items = torch.tensor([0 if row % 7 == 3 else 1 + row % 3 for row in range(rows)])
        self.sum = torch.zeros((), dtype=torch.float64)
        self.calls = 0
        self._noise = 0.01 if dropout else 0.0
        self._seed, self._batch_size = seed, batch_size
        self._at_loss, self._at_validation = at_loss, at_validation

    def batches(self, epoch: int) -> list[np.ndarray]:
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self.y_B))
        return [order[start : start + self._batch_size] for start in range(0, len(order), self._batch_size)]

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        self._at_loss(self.calls)
        self.calls += 1
        chosen = torch.from_numpy(rows)
        errors_B = (model(self.x_BI[chosen]).squeeze(1) - self.y_B[chosen]) ** 2
        # Carried state and the generators of Python and NumPy take part: a resumed run needs them all.
        noise = 1 + self._noise * (np.random.rand() + float(self.sum.cos()))
        self.sum = self.sum + errors_B.detach().double().sum()
        items = self.items[chosen]
        return Loss((errors_B * items).sum() * noise, int(items.sum()), 5 * len(rows))

    def validate(self) -> dict[str, float]:
        np.random.rand()
        self._at_validation()
        with torch.no_grad():
            return {"error": float(((self.model(self.x_BI).squeeze(1) - self.y_B) ** 2).mean())}

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = []
        answer = {id(p) for p in self.model[-1].parameters()}  # type: ignore[index]
        for depth in (0, 1):
            own = [p for p in self.model.parameters() if (id(p) in answer) == (depth == 0)]
            matrices, vectors = [p for p in own if p.dim() > 1], [p for p in own if p.dim() <= 1]
            groups.append({"params": matrices, "lr": learning_rate, "depth": depth})
            groups.append({"params": vectors, "lr": learning_rate, "depth": depth, "weight_decay": 0.0})
        return groups

    def carried(self) -> dict[str, Tensor]:
        return {"sum": self.sum}

    def carry(self, state: dict[str, Tensor]) -> None:
        self.sum = state["sum"]


def settings(**changes: Any) -> TrainSettings:
    """Settings for runs of a blink."""
    return TrainSettings(**{"epochs": 3, "learning_rate": 0.02, "checkpoint_every": 1000, **changes})


def train(
    learner: Toy, folder: Path, chosen: TrainSettings, *, resume: bool = False, progress: Progress | None = None
) -> History:
    """Train with the usual monitor and seed."""
    folder.mkdir(exist_ok=True, parents=True)
    return fit(learner, ERROR, chosen, folder, seed=7, resume=resume, progress=progress)


def bits(learner: Toy) -> dict[str, bytes]:
    """The weights as bytes, to compare without tolerance."""
    return {name: t.detach().numpy().tobytes() for name, t in learner.model.state_dict().items()}


def without_time(history: History) -> dict[str, Any]:
    """A history without the wall times, and without what depends on how many processes there were."""
    value = history.to_json()
    value.pop("seconds")
    for epoch in value["epochs"]:
        for name in ("seconds", "exchange_seconds", "sent_bytes"):
            epoch.pop(name)
    return value
