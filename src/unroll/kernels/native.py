"""The native engine as one row of the table of kernels: csrc, built as the extension unroll._native.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from unroll.cells import Cell, GRUCell, LSTMCell, LSTMState, RNNCell
from unroll.kernels import native_scan
from unroll.kernels.base import ScanRequest, ScanResult
from unroll.kernels.native_gradient import through_reference
from unroll.kernels.native_plan import DTYPES, LIBRARY, MISSING, NOISE, Recipe, objection, ordered, recipe
from unroll.kernels.native_scan import Inputs, Mode, Outputs
from unroll.kernels.ops import scan_op

#: Cells kept with their recipes. Models have a handful; the bound is for a program that makes cells without end.
_MAX_KNOWN = 1024


class NativeKernel:
    """The row "native" of the table."""

    name = "native"

    def __init__(self) -> None:
        # By identity: hashing a cell's fields would cost more than everything else in `refuse`.
        # The cell is held, so its id stays its own.
        self._known: dict[tuple[int, torch.dtype, bool], tuple[Cell, Recipe | None, str | None]] = {}

    def refuse(self, request: ScanRequest) -> str | None:
        if LIBRARY is None:
            return MISSING
        x = request.x
        if not x.is_cpu:
            return f"it runs on the CPU, and x is on {x.device}"
        if x.layout is not torch.strided:
            return f"it takes dense tensors, and x is {x.layout}"
        if forward_ad._current_level >= 0:
            return "it has no forward-mode derivatives"
        if not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active():
            return "it cannot be seen through by the transforms of torch.func"
        if request.noise and any(mask.requires_grad for mask in request.noise.values()):
            return "it has no gradient for the random factors"
        return self._recipe(request)[1]

    def run(self, request: ScanRequest) -> ScanResult:
        how = self._recipe(request)[0]
        if how is None:
            raise TypeError(f"NativeKernel.run was called for {request.cell}, which refuse() excludes")
        state, noise = request.state, request.noise
        inputs = Inputs(
            request.x,
            state.h,
            state.c if isinstance(state, LSTMState) else None,
            ordered(request.params),
            request.lengths,
            request.reset,
            tuple([noise.get(name) for name in NOISE]) if noise else (None, None, None),
        )
        mode = Mode(how, request.reverse, request.trace, request.recompute)
        if traced(inputs.x):
            out = scan_op(inputs, mode)
        elif torch.is_grad_enabled() and differentiated(inputs):
            out = Outputs(*_NativeScan.apply(mode, *_flat(inputs)))  # type: ignore[no-untyped-call]
        else:
            out, _ = native_scan.forward(native_scan.settled(inputs), mode, None, None)
        return _result(request, out)

    def _recipe(self, request: ScanRequest) -> tuple[Recipe | None, str | None]:
        """How the extension knows the cell, or why it does not."""
        cell, dtype, with_dropout = request.cell, request.x.dtype, "dropout" in request.noise
        key = (id(cell), dtype, with_dropout)
        found = self._known.get(key)
        if found is None or found[0] is not cell:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            found = self._known[key] = (cell, *_examined(cell, dtype, with_dropout))
        return found[1], found[2]


def _examined(cell: Cell, dtype: torch.dtype, with_dropout: bool) -> tuple[Recipe | None, str | None]:
    if dtype not in DTYPES:
        return None, f"it takes {', '.join(DTYPES.values())}, and x is {dtype}"
    how = recipe(cell, with_dropout)
    if how is None:
        known = ", ".join(one.__name__ for one in (RNNCell, LSTMCell, GRUCell))
        return None, f"it has {known}, and not {type(cell).__name__}"
    proj_size = cell.proj_size if isinstance(cell, LSTMCell) else 0
    against = objection(how.cell, how.options, dtype, cell.input_size, cell.hidden_size, proj_size)
    if against is not None:
        return None, f"it cannot run {type(cell).__name__} with these options in {dtype} ({against})"
    return how, None


def traced(x: Tensor) -> bool:
    """Whether a graph is being captured, so that the registered operator must be seen."""
    return torch.compiler.is_compiling() or type(x) is not Tensor


def differentiated(inputs: Inputs) -> bool:
    """Whether any input asks for a gradient."""
    x, h0, c0, params, *_ = inputs
    if x.requires_grad or h0.requires_grad or (c0 is not None and c0.requires_grad):
        return True
    return any(value is not None and value.requires_grad for value in params)


def _result(request: ScanRequest, out: Outputs) -> ScanResult:
    state = type(request.state)(out.h_n) if out.c_n is None else LSTMState(out.h_n, out.c_n)
    trace = None
    if request.trace:
        trace = {"h": out.y}
        if out.c is not None:
            trace["c"] = out.c
        if out.gates is not None:
            trace |= dict(zip(request.cell.gates, out.gates.unbind(2), strict=True))
    return ScanResult(out.y, state, trace)


class _NativeScan(torch.autograd.Function):
    """The scan in eager mode: the same as the registered operator, at a fraction of its overhead per call.

    The tensor arguments are those of `_flat`.
    """

    @staticmethod
    def forward(ctx: Any, mode: Mode, *tensors: Tensor | None) -> tuple[Tensor | None, ...]:
        inputs = _inputs(tensors)
        settled = native_scan.settled(inputs)
        ctx.packed = native_scan.pack(settled, mode.how)
        out, ctx.kept = native_scan.forward(settled, mode, ctx.packed, True)
        ctx.mode = mode
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, out.y)
        return tuple(out)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        *tensors, y = ctx.saved_tensors
        inputs, mode = _inputs(tensors), ctx.mode
        needed = ctx.needs_input_grad[6:]
        dy, dh_n, dc_n, *d_trace = gradients
        if torch.is_grad_enabled() or any(value is not None for value in d_trace):
            return (None,) * 6 + through_reference(inputs, mode, needed, gradients)
        settled = native_scan.settled(inputs)
        kept, ctx.kept = ctx.kept, None
        if kept is None:
            # A second backward pass over a retained graph: the first one used up what forward kept.
            _, kept = native_scan.forward(settled, mode._replace(trace=False), ctx.packed, True)
        wanted = (needed[0], needed[1], needed[2], needed[3:])
        found_native = native_scan.backward(settled, mode, ctx.packed, y, kept, dy, dh_n, dc_n, wanted)
        return (None,) * 6 + (found_native.x, found_native.h0, found_native.c0, *found_native.params)


def _flat(inputs: Inputs) -> tuple[Tensor | None, ...]:
    """Lengths, reset and noise first: they have no gradient."""
    return (inputs.lengths, inputs.reset, *inputs.noise, inputs.x, inputs.h0, inputs.c0, *inputs.params)


def _inputs(tensors: Any) -> Inputs:
    lengths, reset, *rest = tensors
    noise, (x, h0, c0), params = rest[:3], rest[3:6], rest[6:]
    return Inputs(x, h0, c0, tuple(params), lengths, reset, tuple(noise))
