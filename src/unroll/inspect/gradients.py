"""How far back a gradient reaches.

Shapes: T time, B batch, S steps whose loss is asked for, K lags, H hidden size.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.inspect.steps import Steps
from unroll.inspect.trace import Opened, Subject, nothing_ran, opened, own_scans
from unroll.inspect.watch import Seen, title_of, watch

#: What counts as vanished and as exploded, as a share of the gradient at lag 0.
VANISHED, EXPLODED = 0.01, 100.0
#: Steps whose losses are asked for, where nothing else is said.
SAMPLED = 32
#: Norms below this share of the greatest are rounding, and no line is fitted through them.
_NOISE = 1e-12


@dataclass(frozen=True)
class GradientByLag:
    """The gradient of a loss, by how many steps it has gone back.

    Attributes:
        module: the dotted name of the layer.
        depth: which layer it is, lowest first, from 0.
        direction: "forward" or "backward"; lags count in the order in which steps are taken.
        norms: (K,) by the name of the state, `h` first: the mean over rows and steps t of ||dL_t / dh_(t-k)||.
    """

    module: str
    depth: int
    direction: str
    norms: Mapping[str, np.ndarray]

    @property
    def title(self) -> str:
        """A short name, as that of a `Track`."""
        return title_of(self.module, self.depth, self.direction)

    @property
    def carrier(self) -> str:
        """The state that carries the memory: the last one, which is c of an LSTM."""
        return list(self.norms)[-1]

    @property
    def time_scale(self) -> float:
        """Steps in which the gradient of the carrier falls to 1/e; see `time_scale`."""
        return time_scale(self.norms[self.carrier])

    @property
    def vanishes(self) -> int | None:
        """The first lag at which the carrier's gradient is under 1 % of that at lag 0; None if there is none."""
        return first_below(self.norms[self.carrier], VANISHED)

    @property
    def explodes(self) -> int | None:
        """The first lag at which the carrier's gradient is over 100 times that at lag 0; None if there is none."""
        return first_above(self.norms[self.carrier], EXPLODED)


def time_scale(norms: np.ndarray) -> float:
    r"""tau of the line of least squares log g(k) = a - k / tau: the steps in which g falls to 1/e.

    Infinite where g is flat, negative where it grows, NaN where less than two lags have a gradient.

    Source: Pascanu, Mikolov, Bengio 2013, "On the difficulty of training recurrent neural networks", section 2: the
    norm is bounded by (gamma lambda)^k, so it is a line in log g; for a linear network of spectral radius rho,
    tau = -1 / ln rho.

    Example:
        >>> import numpy as np
        >>> round(time_scale(0.9 ** np.arange(50)), 2)
        9.49

    Args:
        norms: (K,) g by lag.
    """
    lags = np.flatnonzero(np.isfinite(norms) & (norms > np.nanmax(norms, initial=0.0) * _NOISE))
    if len(lags) < 2:
        return math.nan
    slope = float(np.polyfit(lags, np.log(norms[lags]), 1)[0])
    return math.inf if abs(slope) < 1e-9 else -1.0 / slope


def first_below(norms: np.ndarray, share: float) -> int | None:
    """The first lag whose norm is under a share of that at lag 0."""
    found = np.flatnonzero(norms < share * norms[:1].sum())
    return int(found[0]) if len(found) else None


def first_above(norms: np.ndarray, share: float) -> int | None:
    """The first lag whose norm is over a multiple of that at lag 0."""
    found = np.flatnonzero(norms > share * norms[:1].sum())
    return int(found[0]) if len(found) else None


def gradient_by_lag(
    model: Subject,
    given: Any,
    *,
    costs: Callable[[Any], Tensor] | None = None,
    times: Sequence[int] | None = None,
    dtype: torch.dtype = torch.float64,
) -> list[GradientByLag]:
    r"""g(k) = E_t ||dL_t / dh_(t-k)||, of every layer, direction and state.

    L_t is the loss at step t alone, and the derivative is the whole one: through time, through the layers above, and
    through whatever the module does with them. Where there is one loss for a row, t is the last step that is taken.

    Source: Pascanu, Mikolov, Bengio 2013, "On the difficulty of training recurrent neural networks", equations 3 to 5.

    The forward pass and the gradients of what stands above a layer come from the layer's own engine; from there, they
    are pulled back step by step through the cell's equation at the states of the trace.

    Example:
        >>> import torch, unroll
        >>> from unroll.inspect import gradient_by_lag
        >>> found = gradient_by_lag(unroll.GRU(3, 5), torch.randn(20, 1, 3), costs=lambda y: y[0].square().sum(2).T)
        >>> found[0].title, found[0].norms["h"].shape
        ('layer 1, forward', (20,))

    Args:
        model: as in `trace`.
        given: as in `trace`; all rows of a module's input count.
        costs: from what the module gives to (B, T) losses, one for each step, or (B,); None for what a task says.
        times: steps t whose losses are asked for; None for up to 32, in the second half of the steps if there are
            more than that.
        dtype: of the pulling back.

    Raises:
        ConfigError: the module ran no recurrent layer, or there is no loss.
    """
    subject = opened(model, given)
    return measured_gradients(subject, costs or _own_costs(subject), times, dtype)


def measured_gradients(
    subject: Opened, costs: Callable[[Any], Tensor], times: Sequence[int] | None, dtype: torch.dtype
) -> list[GradientByLag]:
    """As `gradient_by_lag`, of what was opened."""
    with torch.enable_grad(), gradients_for(subject.network):
        watched = watch(subject.network, lambda: subject.ask(subject.inputs))
        if not watched.scans:
            raise nothing_ran(subject.network)
        scans = own_scans(watched.scans, subject)
        losses = costs(watched.output)
        if losses.dim() not in (1, 2):
            raise ConfigError(f"costs must give losses (B, T) or (B,), got {tuple(losses.shape)}")
        picked = [None] if losses.dim() == 1 else _times(losses.shape[1], times)
        upstream = [_upstream(losses if t is None else losses[:, t], scans) for t in picked]
    found = []
    for index, seen in enumerate(scans):
        steps = Steps(seen.scan, dtype)
        norms = _by_lag(steps, [one[index] for one in upstream], picked)
        found.append(GradientByLag(seen.module, seen.depth, seen.direction, norms))
    return sorted(found, key=lambda one: (one.depth, one.direction == "backward"))


def _own_costs(subject: Opened) -> Callable[[Any], Tensor]:
    costs = subject.costs
    if costs is None:
        raise ConfigError("a module has no loss of its own: give costs, from what it gives to losses (B, T) or (B,)")
    return lambda answer: costs(subject.inputs, answer)


def _times(steps: int, times: Sequence[int] | None) -> list[int]:
    if times is not None:
        return list(times)
    if steps <= SAMPLED:
        return list(range(steps))
    return [int(t) for t in np.unique(np.linspace(steps // 2, steps - 1, SAMPLED).round())]


@contextmanager
def gradients_for(network: nn.Module) -> Iterator[None]:
    """Parameters that are frozen would hide the layers below them from autograd."""
    frozen = [part for part in network.parameters() if not part.requires_grad and part.is_floating_point()]
    for part in frozen:
        part.requires_grad_(True)
    try:
        yield
    finally:
        for part in frozen:
            part.requires_grad_(False)


def _upstream(loss: Tensor, scans: Sequence[Seen]) -> list[tuple[Tensor | None, ...]]:
    """Gradients of a sum of losses by what each scan gave: its output, then each of its last states."""
    given = [(seen.scan.output, *seen.scan.last) for seen in scans]
    flat = [part for parts in given for part in parts]
    wanted = [part for part in flat if part.requires_grad]
    by_place = dict(
        zip(map(id, wanted), torch.autograd.grad(loss.sum(), wanted, retain_graph=True, allow_unused=True), strict=True)
    )
    return [tuple(by_place.get(id(part)) for part in parts) for parts in given]


def _by_lag(
    steps: Steps, upstream: Sequence[tuple[Tensor | None, ...]], picked: Sequence[int | None]
) -> dict[str, np.ndarray]:
    """(K,) by state: gradients of all picked losses, pulled back side by side."""
    batch = steps.batch
    outputs = _side_by_side([one[0] for one in upstream], (steps.steps, batch, steps.cell.output_size), steps)
    outputs = None if outputs is None else steps.in_order(outputs)
    after = []
    for number, size in enumerate(steps.sizes):
        last = _side_by_side([one[1 + number] for one in upstream], (batch, size), steps)
        after.append(steps.zeros(len(picked) * batch, size) if last is None else last)
    return norms_by_lag(steps, outputs, after, torch.cat([_origin(steps, t) for t in picked]))


def norms_by_lag(
    steps: Steps,
    outputs: Tensor | None,
    after: Sequence[Tensor],
    origin: Tensor,
    *,
    deadline: float = math.inf,
) -> dict[str, np.ndarray]:
    """(K,) by state: the mean norm of gradients that are pulled back through a scan, by how far they have come.

    Args:
        steps: of the scan.
        outputs: (T, n * B, ·) gradients of what each step gave, in the order in which steps are taken, for n losses of
            each row; None for zeros.
        after: (n * B, ·) gradients of each last state.
        origin: (n * B,) the place at which each loss is.
        deadline: time of `time.monotonic` at which to stop, with the lags that were reached.
    """
    rows = torch.arange(steps.batch, device=origin.device).repeat(len(origin) // steps.batch)
    total = steps.zeros(len(after), steps.steps)
    count = steps.zeros(steps.steps)
    for place in reversed(range(steps.steps)):
        at = torch.full_like(rows, place)
        pulled = steps.pull(at, rows, None if outputs is None else outputs[place], after)
        lag = origin - place
        counted = (lag >= 0) & steps.active[place, rows]
        for number, part in enumerate(pulled.after):
            total[number].index_add_(0, lag[counted], part[counted].norm(dim=1))
        count.index_add_(0, lag[counted], torch.ones_like(lag[counted], dtype=steps.dtype))
        after = pulled.before
        if time.monotonic() > deadline:
            break
    lags = int((count > 0).sum())
    means = (total[:, :lags] / count[:lags]).cpu().double().numpy()
    return dict(zip(steps.states, means, strict=True))


def _side_by_side(parts: Sequence[Tensor | None], shape: tuple[int, ...], steps: Steps) -> Tensor | None:
    """(..., losses * B, ·) from the gradients (..., B, ·) of each loss; None if all are zero."""
    if all(part is None for part in parts):
        return None
    zero = steps.zeros(*shape)
    return torch.cat([zero if part is None else part.detach().to(steps.dtype) for part in parts], dim=-2)


def _origin(steps: Steps, t: int | None) -> Tensor:
    """(B,) the place at which the step of a loss is taken; -1 in rows that ended before it: their padding has no loss,
    and is no gradient of zero that the mean would count."""
    if t is None:
        return steps.count - 1
    return torch.where(t < steps.count, steps.order[t], -1)
