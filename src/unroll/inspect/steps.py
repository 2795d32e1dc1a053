"""The steps of a scan in the order in which they were taken, and how one state acts on the next.

Shapes: T time, B batch, N rows, S size of all states together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from unroll.engine import Observation, reversal, turned

States = tuple[Tensor, ...]
#: Rows of gradients that are pulled back together.
_ROWS = 8192


class Pulled(NamedTuple):
    """Gradients of one step.

    Attributes:
        before: (N, ·) with respect to each state before the step.
        after: (N, ·) with respect to each state after it, through all that the step made of it; in the order of the
            cell's named tuple.
    """

    before: States
    after: States


class Steps:
    """A scan that was observed, step by step.

    Args:
        scan: what ran; its values come from the engine that ran it.
        dtype: of what is computed on them.

    Attributes:
        cell: the equation.
        dtype: as given.
        steps: T.
        batch: B.
        order: (T, B) the step of the input that is taken at each place; its own inverse.
        active: (T, B) bool, false past a row's end.
        count: (B,) steps of each row.
        states: (T, B, ·) by name: the state after each step, in the order in which they are taken.
    """

    def __init__(self, scan: Observation, dtype: torch.dtype = torch.float64) -> None:
        steps, batch, _ = scan.x.shape
        device = scan.x.device
        self.cell = scan.cell
        self.dtype = dtype
        self.steps, self.batch = steps, batch
        t = torch.arange(steps, device=device).unsqueeze(1).expand(steps, batch)
        self.order = reversal(steps, scan.lengths, batch, device) if scan.reverse else t
        self.count = torch.full((batch,), steps, device=device) if scan.lengths is None else scan.lengths
        self.active = t < self.count
        self._params = {name: value.detach().to(dtype) for name, value in scan.params.items()}
        x = torch.where(self.active.unsqueeze(-1), turned(scan.x.detach(), self.order).to(dtype), 0.0)
        with torch.no_grad():
            self._x = scan.cell.project(self._params, x)
        names = scan.cell.State._fields
        self.states: Mapping[str, Tensor] = {name: turned(scan.trace[name], self.order).to(dtype) for name in names}
        self._noise = {
            name: turned(mask.detach().expand(steps, *mask.shape[1:]).to(dtype), self.order)
            for name, mask in scan.noise.items()
        }
        first = scan.first if scan.first is not None else scan.cell.zeros(batch, device=device, dtype=dtype)
        reset = None if scan.reset is None else turned(scan.reset.unsqueeze(-1), self.order)
        self._fresh = reset
        self._before = []
        for name, start in zip(names, first, strict=True):
            before = torch.cat([start.detach().to(dtype).unsqueeze(0), self.states[name][:-1]])
            self._before.append(before if reset is None else torch.where(reset, 0.0, before))

    @property
    def sizes(self) -> list[int]:
        """Features of each state."""
        return [part.shape[-1] for part in self._before]

    def zeros(self, *shape: int) -> Tensor:
        """Zeros where the scan's values are."""
        return torch.zeros(shape, dtype=self.dtype, device=self.order.device)

    def in_order(self, values: Tensor) -> Tensor:
        """(T, n * B, ·) values by the steps of the input, n for each row, in the order in which steps are taken."""
        return turned(values, self.order.repeat(1, values.shape[1] // self.batch))

    def pull(self, at: Tensor, rows: Tensor, output: Tensor | None, after: Sequence[Tensor]) -> Pulled:
        """Pull gradients back through one step of each of N rows, by the equation of the cell.

        Args:
            at: (N,) the place of the step, in the order in which they are taken.
            rows: (N,) the row of the batch.
            output: (N, output size) gradients of what the step gave, or None for zeros.
            after: (N, ·) gradients of each state after the step, not counting the output's.
        """
        inside = self.active[at, rows].unsqueeze(-1)
        given = [part[at, rows].requires_grad_() for part in self._before]
        with torch.enable_grad():
            noise = {name: mask[at, rows] for name, mask in self._noise.items()}
            step = self.cell.step(self._params, self._x[at, rows], self.cell.State(*given), noise)
            ends = [*step.state, step.output]
            seeds = [*after, torch.zeros_like(step.output) if output is None else output]
            found = torch.autograd.grad(ends, [*given, *step.state], seeds, allow_unused=True)
        before = [
            torch.zeros_like(part) if own is None else own for own, part in zip(found[: len(given)], given, strict=True)
        ]
        if self._fresh is not None:
            before = [torch.where(self._fresh[at, rows], 0.0, part) for part in before]
        # Past its end a row's state stays as it is, and so does the gradient.
        passed = [torch.where(inside, part, seed) for part, seed in zip(before, after, strict=True)]
        own = [torch.where(inside, part, 0.0) for part in found[len(given) :]]
        return Pulled(tuple(passed), tuple(own))

    def jacobians(self, row: int, start: int = 0, stop: int | None = None) -> Tensor:
        """(T', S, S) derivative of all states after each step of a row by all states before it.

        Rows and columns run over the states in the order of the cell's named tuple.

        Args:
            row: of the batch.
            start: the first place, in the order in which steps are taken.
            stop: the place after the last; None for the row's end.
        """
        stop = int(self.count[row]) if stop is None else stop
        total = sum(self.sizes)
        seeds = torch.split(torch.eye(total, dtype=self._x.dtype, device=self._x.device), self.sizes, dim=1)
        found = [self._x.new_zeros(0, total, total)]
        chunk = max(1, _ROWS // total)
        for place in range(start, stop, chunk):
            places = torch.arange(place, min(place + chunk, stop), device=self._x.device)
            at = places.repeat_interleave(total)
            each = [seed.repeat(len(places), 1) for seed in seeds]
            pulled = self.pull(at, torch.full_like(at, row), None, each).before
            found.append(torch.cat(pulled, dim=1).view(len(places), total, total))
        return torch.cat(found)
