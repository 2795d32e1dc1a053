"""How a network's layers fare on one batch of its own loss: what a diagnosis is made from.

Shapes: T time, B batch, H hidden size, K lags.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from unroll.engine import Observation, scan
from unroll.inspect.gates import OPEN, SHUT
from unroll.inspect.gradients import (
    EXPLODED,
    VANISHED,
    first_above,
    first_below,
    gradients_for,
    norms_by_lag,
    time_scale,
)
from unroll.inspect.steps import Steps
from unroll.inspect.watch import Seen, title_of, watch

#: Losses that are followed back in each row.
SEEDS = 8
#: By how much longer than in training a row is made, to see whether states drift, and steps at most.
_LONGER, _MOST_STEPS = 4, 4000
#: Gates of new values, which tanh bounds.
_CANDIDATES = ("g", "n")
#: A unit whose values differ by less does nothing.
_STILL = 1e-5


@dataclass(frozen=True)
class LayerHealth:
    """One layer in one direction.

    Attributes:
        module: its dotted name.
        depth: which layer it is, lowest first, from 0.
        direction: "forward" or "backward".
        cell: the equation and its sizes, as text.
        gates: names of its gates.
        steps: T, of the batch.
        carries: whether it was given a state, as a text that is read in chunks.
        carrier: the state that carries the memory.
        norms: (K,) the mean norm of the loss's gradient by the carrier, k steps before the step at which it came in.
        saturated: by gate, the share of values at which it can hardly learn: under 0.1 or over 0.9; of a new value the
            share over 0.9 in size; "h" of a tanh network likewise.
        dead: the share of units that never move.
        drift: the size of the carrier at four times the length over that at the end of the length; NaN if not tried.
    """

    module: str
    depth: int
    direction: str
    cell: str
    gates: tuple[str, ...]
    steps: int
    carries: bool
    carrier: str
    norms: np.ndarray
    saturated: Mapping[str, float]
    dead: float
    drift: float

    @property
    def title(self) -> str:
        """A short name, as that of a `Track`."""
        return title_of(self.module, self.depth, self.direction)

    @property
    def vanishes(self) -> int | None:
        """The first lag whose gradient is under 1 % of that at lag 0."""
        return first_below(self.norms, VANISHED)

    @property
    def explodes(self) -> int | None:
        """The first lag whose gradient is over 100 times that at lag 0."""
        return first_above(self.norms, EXPLODED)

    @property
    def time_scale(self) -> float:
        """Steps in which the gradient falls to 1/e."""
        return time_scale(self.norms)


def layer_health(
    network: nn.Module,
    loss: Callable[[], Tensor],
    *,
    seeds: int = SEEDS,
    drift: bool = True,
    deadline: float = math.inf,
) -> list[LayerHealth]:
    """Look at every layer in a forward and a backward pass of a loss.

    The gradients that come into a layer at some of its steps, from the layers above and the answer, are pulled back
    through this layer alone: for the highest layer, where each step's loss depends on that step's output, this is
    `gradient_by_lag`.

    Args:
        network: whose layers are looked at.
        loss: runs it, and gives the loss.
        seeds: steps of each row whose gradients are followed, in the second half of those that have one.
        drift: whether to run each forward layer on a longer input.
        deadline: time of `time.monotonic` at which to stop following, with the lags that were reached.

    Returns:
        One per layer and direction, lowest first; none if no layer took at least two steps at a time.
    """
    with torch.enable_grad(), gradients_for(network):
        watched = watch(network, loss)
        scans = [seen for seen in watched.scans if seen.scan.x.shape[0] > 1 and seen.scan.x.shape[1]]
        upstream = _upstream(watched.output, scans)
    found = [
        _looked_at(seen, own, seeds, deadline, drift)
        for seen, own in zip(scans, upstream, strict=True)
        if own is not None
    ]
    return sorted(found, key=lambda one: (one.depth, one.direction == "backward"))


def _upstream(loss: Tensor, scans: list[Seen]) -> list[tuple[Tensor, ...] | None]:
    """The gradients of the loss by each scan's output and last states; None for a scan that it does not depend on."""
    if not isinstance(loss, Tensor) or not loss.requires_grad:
        return [None] * len(scans)
    flat = [part for seen in scans for part in (seen.scan.output, *seen.scan.last)]
    wanted = [part if part.requires_grad else loss for part in flat]
    found = iter(torch.autograd.grad(loss, wanted, allow_unused=True) if wanted else ())
    every: list[tuple[Tensor, ...] | None] = []
    for seen in scans:
        parts = (seen.scan.output, *seen.scan.last)
        own = [next(found) for _ in parts]
        reached = any(part.requires_grad and gradient is not None for part, gradient in zip(parts, own, strict=True))
        filled = tuple(
            torch.zeros_like(part) if gradient is None or not part.requires_grad else gradient
            for part, gradient in zip(parts, own, strict=True)
        )
        every.append(filled if reached else None)
    return every


def _looked_at(seen: Seen, upstream: tuple[Tensor, ...], seeds: int, deadline: float, drift: bool) -> LayerHealth:
    one = seen.scan
    steps = Steps(one, torch.float32)
    carrier = one.cell.State._fields[-1]
    outputs, after, origin = _seeded(steps, upstream, seeds)
    norms = norms_by_lag(steps, outputs, after, origin, deadline=deadline)[carrier]
    active = steps.active
    trace = {name: value[active] for name, value in one.trace.items()}
    return LayerHealth(
        seen.module,
        seen.depth,
        seen.direction,
        str(one.cell),
        tuple(one.cell.gates),
        one.x.shape[0],
        one.first is not None,
        carrier,
        norms,
        _saturated(trace, one),
        float((trace["h"].amax(dim=0) - trace["h"].amin(dim=0) < _STILL).float().mean()),
        _drift(one, carrier) if drift and not one.reverse else math.nan,
    )


def _seeded(steps: Steps, upstream: tuple[Tensor, ...], seeds: int) -> tuple[Tensor, list[Tensor], Tensor]:
    """Gradients that come in at one place of each row, for several such places side by side: (T, n * B, ·), that of the
    last states for the last of them, and (n * B,) the places."""
    own = steps.in_order(upstream[0].detach().to(steps.dtype))
    comes = (own.norm(dim=2) > 0) & steps.active
    ends = steps.count - 1
    rank, total = comes.cumsum(dim=0), comes.sum(dim=0)
    parts, places = [], []
    for seed in range(seeds):
        wanted = (total * (0.5 + 0.5 * (seed + 1) / seeds)).ceil().long().clamp(min=1)
        here = comes & (rank == wanted)
        parts.append(own * here.unsqueeze(-1))
        places.append(torch.where(total > 0, here.int().argmax(dim=0), ends))
    last = [part.detach().to(steps.dtype) for part in upstream[1:]]
    if any(bool(part.any()) for part in last):
        parts.append(torch.zeros_like(own))
        places.append(ends)
    zeros = [steps.zeros((len(parts) - 1) * steps.batch, size) for size in steps.sizes]
    if len(parts) == seeds:
        last = [torch.zeros_like(part) for part in last]
    after = [torch.cat([zero, part]) for zero, part in zip(zeros, last, strict=True)]
    return torch.cat(parts, dim=1), after, torch.cat(places)


def _saturated(trace: Mapping[str, Tensor], one: Observation) -> dict[str, float]:
    found = {}
    for name in one.cell.gates:
        value = trace[name]
        stuck = value.abs() > OPEN if name in _CANDIDATES else (value < SHUT) | (value > OPEN)
        found[name] = float(stuck.float().mean())
    if not one.cell.gates and float(trace["h"].abs().amax()) <= 1.0:
        found["h"] = float((trace["h"].abs() > OPEN).float().mean())
    return found


def _drift(one: Observation, carrier: str) -> float:
    """The root mean square of the carrier at the end of a longer input, over that at the end of the input."""
    steps = one.x.shape[0]
    longer = min(_LONGER * steps, max(steps, _MOST_STEPS))
    whole = torch.ones(one.x.shape[1], dtype=torch.bool) if one.lengths is None else one.lengths == steps
    if longer < 2 * steps or not bool(whole.any()) or one.reset is not None:
        return math.nan
    x = one.x.detach()[:, whole]
    repeated = torch.cat([x] * math.ceil(longer / steps))[:longer]
    first = None if one.first is None else type(one.first)(*(part.detach()[whole] for part in one.first))
    params = {name: value.detach() for name, value in one.params.items()}
    with torch.no_grad():
        state = (scan(one.cell, params, repeated, first, trace=True).trace or {})[carrier]
    part = max(1, steps // 4)
    before, after = state[steps - part : steps].square().mean(), state[-part:].square().mean()
    return float((after / before.clamp(min=1e-12)).sqrt())
