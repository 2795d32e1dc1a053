"""The native engine as one row of the table of kernels: csrc, built as the extension unroll._native.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.autograd import forward_ad
from torch.nn import Parameter

from unroll.kernels.base import KnownCells, Layer, LayersResult, Run, ScanRequest, ScanResult, first_state, in_turn
from unroll.kernels.native_layer import Scan
from unroll.kernels.native_plan import LIBRARY, MISSING, NOISE, PARAMETERS, Known, Recipe, described, examined
from unroll.kernels.native_stack import Call, Work, run
from unroll.kernels.ops import Mode, scan_op

_NO_NOISE: tuple[Any, ...] = (None, None, None)
# Looked up once: together they are asked more often than anything else. A dispatch mode (fake tensors, a counter of
# operations, a graph being made) must see what is done.
_dispatched = torch._C._len_torch_dispatch_stack
_transformed = torch._C._are_functorch_transforms_active
_traced = torch._C._get_tracing_state
_autocast = torch._C._is_any_autocast_enabled
_MISFIT = "its arguments do not fit each other"


class NativeKernel:
    """The row "native" of the table."""

    name = "native"

    def __init__(self) -> None:
        # By dtype and whether a dropout mask was drawn: what is known, or why the extension does not know the cell.
        self._known: KnownCells[Known | str] = KnownCells()

    def refuse(self, request: ScanRequest) -> str | None:
        found = self._taken([Layer((request,))])
        return found if isinstance(found, str) else None

    def run(self, request: ScanRequest) -> ScanResult:
        return self._side_by_side([request])[0]

    def run_layers(self, layers: Sequence[Layer[ScanRequest]]) -> LayersResult:
        found = self._taken(layers)
        if not isinstance(found, Call):
            return in_turn(self.run, layers)
        y, ends = run(found)
        return LayersResult(y, _states([scan.cell for layer in layers for scan in layer.runs], iter(ends)))

    def run_plain(
        self, layers: Sequence[Layer[Run]], x: Tensor, lengths: Tensor | None, recompute: int, joined: bool
    ) -> LayersResult | None:
        """Run layers without resets and trace on arguments as they came, which nobody has checked: for a short sequence
        the checks take longer than the work. None where `refuse` would have a reason, or where an argument is wrong.

        Args:
            layers: lowest first.
            x: (T, B, I).
            lengths: (B,) or None.
            recompute: as in `ScanRequest`.
            joined: give each state of all scans, which have equal sizes, as one tensor (S, B, ·).
        """
        several = len(layers) > 1 or len(layers[0].runs) > 1
        call = self._call(layers, x, lengths, (), False, recompute, joined and several)
        if type(call) is not Call:
            return None
        y, ends = run(call)
        if joined:
            return LayersResult(y, tuple(ends) if several else tuple([part.unsqueeze(0) for part in ends]))
        return LayersResult(y, _states([run.cell for layer in layers for run in layer.runs], iter(ends)))

    def _side_by_side(self, requests: Sequence[ScanRequest]) -> list[ScanResult]:
        """Scans that were not refused, one after the other."""
        found = []
        for request in requests:
            taken = self._taken([Layer((request,))])
            if isinstance(taken, Call):
                y, ends = run(taken)
            elif isinstance(taken, Recipe):
                y, *ends = _by_operator(request, taken)
            else:
                raise TypeError(f"NativeKernel was called for {request.cell}, which refuse() excludes: {taken}")
            rest = iter(ends)
            (state,) = _states([request.cell], rest)
            trace = None
            if request.trace:
                gates = dict(zip(request.cell.gates, next(rest).unbind(2), strict=True)) if request.cell.gates else {}
                trace = {"h": y, **{name: next(rest) for name in state._fields[1:]}, **gates}
            found.append(ScanResult(y, state, trace))
        return found

    def _taken(self, layers: Sequence[Layer[ScanRequest]]) -> Call | Recipe | str:
        """What `_call` says of requests."""
        one = layers[0].runs[0]
        resets = [scan.reset for layer in layers for scan in layer.runs]
        return self._call(layers, one.x, one.lengths, resets, one.trace, one.recompute)

    def _call(
        self,
        layers: Sequence[Layer[Run]] | Sequence[Layer[ScanRequest]],
        x: Tensor,
        lengths: Tensor | None,
        resets: Sequence[Tensor | None],
        trace: bool,
        recompute: int,
        joined: bool = False,
    ) -> Call | Recipe | str:
        """Layers as one call of the extension; or how the operator is told of the first scan, where they are to be run
        through it one by one; or why this engine cannot run them.

        This is the one place that decides it, from the surroundings, every tensor and every cell.

        Args:
            layers: lowest first.
            x: (T, B, I).
            lengths: (B,) or None.
            resets: of every scan in turn, or nothing.
            trace: as in `Call`, and so are `recompute` and `joined`.
        """
        compiling = torch.compiler.is_compiling()
        against = _surroundings(compiling)
        if against is not None:
            return against
        if compiling or _dispatched() > 0:
            return _operator(layers, x)
        dtype, nth = x.dtype, 0
        work: list[Work] = []
        for runs, factor in layers:
            if factor is not None and factor.requires_grad:
                return "it has no gradient for the random factors"
            scans: list[Any] = []
            first: Any = None
            for asked in runs:
                cell, params, state, reverse, noise = asked[:5]
                known = self._known.get(cell, dtype, "dropout" in noise)
                if known is None:
                    found = examined(cell, dtype, "dropout" in noise)
                    known = self._known.put(found, cell, dtype, "dropout" in noise)
                if isinstance(known, str):
                    return _against(x, "x") or known
                first = first or known
                if first.plan is not known.plan:
                    return "the two scans of a layer have different cells"
                masks, h0, c0 = _NO_NOISE, None, None
                if noise:
                    if any(mask.requires_grad for mask in noise.values()):
                        return "it has no gradient for the random factors"
                    masks = tuple([None if (mask := noise.get(name)) is None else mask.contiguous() for name in NOISE])
                if state is not None:
                    if len(state) != len(known.sizes.states):
                        return _MISFIT
                    h0, c0 = (*[value.contiguous() for value in state], None)[:2]
                reset = resets[nth] if resets else None
                scan = (x, lengths, reset, reverse, h0, c0, *masks, tuple(map(params.get, PARAMETERS)))
                fit = known.plan.fits(scan, not work, known.parameters)
                nth += 1
                if fit == 0:
                    return _operator(layers, x) if isinstance(x, FakeTensor) else _misfit(Scan(*scan))
                if fit == 1:
                    scan = (*scan[:9], tuple([None if value is None else value.contiguous() for value in scan[9]]))
                scans.append(scan)
            work.append(Work(first, factor, scans))
        return Call(work, trace, recompute, joined)


def _operator(layers: Sequence[Layer[Run]] | Sequence[Layer[ScanRequest]], x: Tensor) -> Recipe | str:
    """As `NativeKernel._call`, where somebody looks on who must see an operator; tensors may be of any kind."""
    if not x.is_cpu:
        return f"it runs on the CPU, and x is on {x.device}"
    found: Recipe | str = ""
    # From the last to the first, so that a reason against any of them is found.
    for runs, factor in reversed(layers):
        if factor is not None and factor.requires_grad:
            return "it has no gradient for the random factors"
        for cell, _, _, _, noise, *_ in reversed(runs):
            if any(mask.requires_grad for mask in noise.values()):
                return "it has no gradient for the random factors"
            found = described(cell, x.dtype, "dropout" in noise)
            if isinstance(found, str):
                return found
    return found


def _surroundings(compiling: bool) -> str | None:
    """What speaks against this engine whatever the tensors are."""
    if LIBRARY is None:
        return MISSING
    if forward_ad._current_level >= 0:
        return "it has no forward-mode derivatives"
    if _autocast() and torch.is_autocast_enabled("cpu"):
        return "it knows nothing of autocast, and computes in the dtype of its weights"
    if compiling:
        return None
    if _transformed():
        return "it cannot be seen through by the transforms of torch.func"
    if _traced() is not None:
        return "torch.jit.trace records torch's own operators only"
    return None


def _against(value: Any, name: str) -> str | None:
    """What speaks against one tensor, whatever it is for."""
    if not isinstance(value, Tensor):
        return f"{name} is a {type(value).__name__} and no tensor"
    if type(value) not in (Tensor, Parameter):
        return f"it cannot look into {type(value).__name__}, a subclass of Tensor, which {name} is"
    if not value.is_cpu:
        return f"it runs on the CPU, and {name} is on {value.device}"
    if value.layout is not torch.strided:
        return f"it takes dense tensors, and {name} is {value.layout}"
    if value.is_neg():
        return f"{name} is a view with its sign turned round; .resolve_neg() makes it a plain tensor"
    if torch._C._has_storage(value) and value.data_ptr() % value.element_size():
        return f"the memory of {name} is not aligned to its elements; .clone() aligns it"
    return None


def _misfit(scan: Scan) -> str:
    """Why a scan's tensors do not fit."""
    named = {**scan._asdict(), **dict(zip(PARAMETERS, scan.params, strict=True))}
    del named["params"], named["reverse"]
    reasons = (_against(value, name) for name, value in named.items() if value is not None)
    return next((reason for reason in reasons if reason is not None), _MISFIT)


def _states(cells: Sequence[Any], ends: Iterator[Any]) -> tuple[Any, ...]:
    """The last state of every scan, from the states of all in turn."""
    return tuple([cell.State(*[next(ends) for _ in cell.State._fields]) for cell in cells])


def _by_operator(request: ScanRequest, how: Recipe) -> Sequence[Tensor]:
    """y, the last state and the trace of one scan."""
    noise, get = request.noise, request.params.get
    h0, c0 = (*first_state(request), None)[:2]
    params = tuple([None if (value := get(name)) is None else value.contiguous() for name in PARAMETERS])
    reads = (request.x, request.lengths, request.reset, request.reverse)
    scan = Scan._make((*reads, h0, c0, *map(noise.get, NOISE), params))
    return scan_op(scan, Mode(how, request.trace, request.recompute))
