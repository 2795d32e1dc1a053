"""The shortest way through a native scan from zeros, of whole rows, without noise or trace.

Nothing is checked but by the extension: for a short sequence the checks take longer than the work.

Shapes: T time, B batch, I input size, H hidden size, R output size.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from unroll.cells import Cell, Parameters
from unroll.kernels.base import KnownCells, ScanResult
from unroll.kernels.native_autograd import Job, flat, gradients
from unroll.kernels.native_plan import PARAMETERS
from unroll.kernels.native_scan import Scan, plan_of, rows, settled_state


class Plain(NamedTuple):
    """What has to be known of a cell.

    Attributes:
        job: one scan of x and the parameters alone.
        names: of the parameters, in the extension's order, in which the others come after them.
        absent: None for each of the others.
        output_size: R.
        state_sizes: features of every state.
        reverse: each row from its last step to its first.
    """

    job: Job
    names: tuple[str, ...]
    absent: tuple[None, ...]
    output_size: int
    state_sizes: tuple[int, ...]
    reverse: bool


class PlainScans:
    """The cells that have been seen to be plain, and the way for them."""

    def __init__(self) -> None:
        # By dtype and direction.
        self._known: KnownCells[Plain] = KnownCells()

    def remember(self, cell: Cell, scan: Scan) -> None:
        """Let `run` have the next scan of a cell, if this one, which has neither state nor lengths, was plain."""
        inputs, mode = scan
        names = [name for name, value in zip(PARAMETERS, inputs.params, strict=True) if value is not None]
        if mode.trace or mode.recompute or any(value is not None for value in inputs.noise):
            return
        # A parameter that is left out between two others.
        if names != [*PARAMETERS[: len(names)]]:
            return
        job, _ = flat(plan_of(inputs, mode.how), [scan])
        absent = (None,) * (len(PARAMETERS) - len(names))
        sizes = tuple(cell.state_sizes().values())
        known = Plain(job, tuple(names), absent, cell.output_size, sizes, mode.reverse)
        self._known.put(known, cell, inputs.x.dtype, mode.reverse)

    def run(self, cell: Cell, params: Parameters, x: Tensor, reverse: bool) -> ScanResult | None:
        """The result, or None where anything is out of the ordinary; then the long way finds out what it is."""
        known = self._known.get(cell, x.dtype, reverse)
        if (
            known is None
            or type(x) is not Tensor
            or x.is_neg()
            or forward_ad._current_level >= 0
            or torch._C._are_functorch_transforms_active()
        ):
            return None
        try:
            values = [params[name] for name in known.names]
            if torch.is_grad_enabled():
                for value in (x, *values):
                    if value.requires_grad:
                        y, *state = _PlainScan.apply(known, x, *values)  # type: ignore[no-untyped-call]
                        return ScanResult(y, cell.State(*state), None)
            y, state, _ = _forward(known, x, (*values, *known.absent), None)
        except (KeyError, TypeError, ValueError):
            return None
        return ScanResult(y, cell.State(*state), None)


def _forward(known: Plain, x: Tensor, weights: Any, saved: Any) -> tuple[Tensor, list[Tensor], Any]:
    """y (T, B, R), the last states, and what was kept if `saved` is True."""
    steps, batch, _ = x.shape
    y = x.new_empty((steps, batch, known.output_size))
    state = [x.new_empty((batch, size)) for size in known.state_sizes]
    ends = (*state, None, None, saved) if len(state) == 2 else (*state, None, None, None, saved)
    call = (x, None, None, known.reverse, None, None, None, None, None, weights, y, *ends)
    return y, state, known.job.plan.forward((call,), 0, torch.get_num_threads())


class _PlainScan(torch.autograd.Function):
    """As `native_autograd`'s node, with nothing in it that a plain scan does not have: a third of the time around the
    work."""

    @staticmethod
    def forward(ctx: Any, known: Plain, x: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        ctx.known = known
        ctx.packed = known.job.plan.pack((*values, *known.absent), True, torch.get_num_threads())
        y, state, ctx.kept = _forward(known, x, ctx.packed, True)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, *values, y)
        return (y, *state)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        *tensors, y = ctx.saved_tensors
        known: Plain = ctx.known
        _, *needed = ctx.needs_input_grad
        if torch.is_grad_enabled() or ctx.kept is None:
            return (None, *gradients(known.job, [ctx.packed], ctx.kept, tensors, y, upstream, needed))
        (kept,), ctx.kept = ctx.kept, None
        found = [torch.empty_like(value) if need else None for value, need in zip(tensors, needed, strict=True)]
        x, *values = tensors
        dx, *d_values = found
        dy, dh_n, dc_n = upstream if len(upstream) == 3 else (*upstream, None)
        call = (
            *(x, None, None, known.reverse, None, None, None, None, None),
            *(ctx.packed, (*values, *known.absent), y, kept),
            None if dy is None else rows(dy),
            None if dh_n is None else settled_state(dh_n),
            None if dc_n is None else settled_state(dc_n),
            *(dx, None, None, (*d_values, *known.absent)),
        )
        known.job.plan.backward((call,), 0, torch.get_num_threads())
        return (None, *found)
