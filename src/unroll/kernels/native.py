"""The native engine as one row of the table of kernels: csrc, built as the extension unroll._native.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd import forward_ad

from unroll.cells import Cell, GRUCell, LSTMCell, LSTMState, RNNCell
from unroll.kernels import native_autograd
from unroll.kernels.base import (
    KnownCells,
    Layer,
    LayerRequest,
    LayersResult,
    ScanRequest,
    ScanResult,
    first_state,
    joined,
    layer_by_layer,
)
from unroll.kernels.native_plain import PlainScans
from unroll.kernels.native_plan import (
    DTYPES,
    LIBRARY,
    MISSING,
    NOISE,
    Recipe,
    objection,
    ordered,
    recipe,
)
from unroll.kernels.native_scan import NO_NOISE, Inputs, Mode, Outputs, Scan
from unroll.kernels.ops import scan_op


class NativeKernel:
    """The row "native" of the table."""

    name = "native"

    def __init__(self) -> None:
        # By dtype and whether there is dropout: how the extension knows the cell, or why it does not.
        self._known: KnownCells[tuple[Recipe | None, str | None]] = KnownCells()
        self._plain = PlainScans()

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

    def run_plain(self, layers: Sequence[Layer], x: Tensor, lengths: Tensor | None) -> LayersResult | None:
        """The shortest way through plain layers, or None where they are not plain; see `native_plain`."""
        return self._plain.run(layers, x, lengths)

    def run(self, request: ScanRequest) -> ScanResult:
        mode = self._mode(request)
        if traced(request.x):
            request = request._replace(state=first_state(request))
            return _result(request, scan_op(_inputs(request), mode))
        scan = Scan(_inputs(request), mode)
        _, (out,) = native_autograd.run([scan])
        self._plain.remember(request.cell, scan)
        return _result(request, out)

    def run_layers(self, layers: Sequence[LayerRequest]) -> LayersResult:
        return layer_by_layer(self._side_by_side, layers)

    def _side_by_side(self, requests: Sequence[ScanRequest]) -> LayersResult:
        """Scans of the same x: together if one plan covers them, else in turn."""
        modes = [self._mode(request) for request in requests]
        cells = {
            (mode.how, cell.input_size, cell.hidden_size, cell.output_size)
            for mode, cell in zip(modes, [request.cell for request in requests], strict=True)
        }
        if len(cells) > 1 or traced(requests[0].x):
            return joined(self.run, requests)
        scans = [Scan(_inputs(request), mode) for request, mode in zip(requests, modes, strict=True)]
        y, outputs = native_autograd.run(scans)
        for request, scan in zip(requests, scans, strict=True):
            self._plain.remember(request.cell, scan)
        states = [_result(request, out).state for request, out in zip(requests, outputs, strict=True)]
        return LayersResult(y, tuple(states))

    def _mode(self, request: ScanRequest) -> Mode:
        how = self._recipe(request)[0]
        if how is None:
            raise TypeError(f"NativeKernel was called for {request.cell}, which refuse() excludes")
        return Mode(how, request.reverse, request.trace, request.recompute)

    def _recipe(self, request: ScanRequest) -> tuple[Recipe | None, str | None]:
        """How the extension knows the cell, or why it does not."""
        cell, dtype, with_dropout = request.cell, request.x.dtype, "dropout" in request.noise
        found = self._known.get(cell, dtype, with_dropout)
        if found is None:
            found = self._known.put(_examined(cell, dtype, with_dropout), cell, dtype, with_dropout)
        return found


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


def _inputs(request: ScanRequest) -> Inputs:
    state, noise = request.state, request.noise
    h0, c0 = (None, None) if state is None else (state.h, state.c if isinstance(state, LSTMState) else None)
    return Inputs(
        request.x,
        h0,
        c0,
        ordered(request.params),
        request.lengths,
        request.reset,
        tuple([noise.get(name) for name in NOISE]) if noise else NO_NOISE,
    )


def _result(request: ScanRequest, out: Outputs) -> ScanResult:
    state = request.cell.State(out.h_n) if out.c_n is None else LSTMState(out.h_n, out.c_n)
    trace = None
    if request.trace:
        trace = {"h": out.y}
        if out.c is not None:
            trace["c"] = out.c
        if out.gates is not None:
            trace |= dict(zip(request.cell.gates, out.gates.unbind(2), strict=True))
    return ScanResult(out.y, state, trace)
