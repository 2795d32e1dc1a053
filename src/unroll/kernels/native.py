"""The native engine as one row of the table of kernels: csrc, built as the extension unroll._native.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from unroll.cells import Cell, GRUCell, LSTMCell, LSTMState, Parameters, RNNCell
from unroll.kernels import native_scan
from unroll.kernels.base import JointResult, KnownCells, ScanRequest, ScanResult, first_state, joined
from unroll.kernels.native_gradient import through_reference
from unroll.kernels.native_plan import (
    DTYPES,
    LIBRARY,
    LSTM,
    MISSING,
    NOISE,
    PARAMETERS,
    Recipe,
    objection,
    ordered,
    recipe,
)
from unroll.kernels.native_scan import NO_NOISE, Inputs, Mode, Outputs, Scan, Upstream, Wanted
from unroll.kernels.ops import scan_op


class NativeKernel:
    """The row "native" of the table."""

    name = "native"

    def __init__(self) -> None:
        # By dtype and whether there is dropout: how the extension knows the cell, or why it does not.
        self._known: KnownCells[tuple[Recipe | None, str | None]] = KnownCells()
        # By dtype and direction.
        self._plain: KnownCells[_Plain] = KnownCells()

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

    def run_plain(self, cell: Cell, params: Parameters, x: Tensor, reverse: bool) -> ScanResult | None:
        """The shortest way through a scan from zeros, of whole rows, without noise or trace: nothing is checked but by
        the extension. For a short sequence the checks take longer than the work.

        Returns:
            The result, or None where anything is out of the ordinary; then the long way finds out what it is.
        """
        known = self._plain.get(cell, x.dtype, reverse)
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
                        y, *state = _NativeScans.apply(known.job, x, *values)  # type: ignore[no-untyped-call]
                        return ScanResult(y, cell.State(*state), None)
            steps, batch, _ = x.shape
            y = x.new_empty((steps, batch, known.output_size))
            state = [x.new_empty((batch, size)) for size in known.state_sizes]
            given = (*values, *known.absent)
            ends = (*state, None, None, None) if len(state) == 2 else (*state, None, None, None, None)
            call = (x, None, None, reverse, None, None, None, None, None, given, y, *ends)
            known.job.plan.forward((call,), 0, torch.get_num_threads())
        except (KeyError, TypeError, ValueError):
            return None
        return ScanResult(y, cell.State(*state), None)

    def run(self, request: ScanRequest) -> ScanResult:
        mode = self._mode(request)
        if traced(request.x):
            request = request._replace(state=first_state(request))
            return _result(request, scan_op(_inputs(request), mode))
        scan = Scan(_inputs(request), mode)
        _, (out,) = _run([scan])
        self._remember(request, scan)
        return _result(request, out)

    def _remember(self, request: ScanRequest, scan: Scan) -> None:
        """Let `run_plain` have the next scan, if it was one of its kind."""
        cell, inputs = request.cell, scan.inputs
        names = [name for name, value in zip(PARAMETERS, inputs.params, strict=True) if value is not None]
        without = (request.state, request.lengths, request.reset) == (None, None, None)
        if not without or request.noise or request.trace or request.recompute or names != [*PARAMETERS[: len(names)]]:
            return
        job, _ = _flat(native_scan.plan_of(inputs, scan.mode.how), [scan])
        absent = (None,) * (_PARAMETERS - len(names))
        known = _Plain(job, tuple(names), absent, cell.output_size, tuple(cell.state_sizes().values()))
        self._plain.put(known, cell, inputs.x.dtype, request.reverse)

    def run_both(self, first: ScanRequest, second: ScanRequest) -> JointResult:
        requests = (first, second)
        modes = [self._mode(request) for request in requests]
        sizes = [(request.cell.input_size, request.cell.hidden_size, request.cell.output_size) for request in requests]
        # Side by side goes what one plan covers.
        if modes[0].how != modes[1].how or sizes[0] != sizes[1] or traced(first.x):
            return joined(self.run(first), self.run(second))
        scans = [Scan(_inputs(request), mode) for request, mode in zip(requests, modes, strict=True)]
        y, (a, b) = _run(scans)
        return JointResult(y, (_result(first, a).state, _result(second, b).state))

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


def _differentiated(scans: list[Scan]) -> bool:
    """Whether any input asks for a gradient."""
    for (x, h0, c0, params, *_), _ in scans:
        for value in (x, *params, h0, c0):
            if value is not None and value.requires_grad:
                return True
    return False


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


def _run(scans: list[Scan]) -> tuple[Tensor, list[Outputs]]:
    """Run scans of one plan and one x: y (T, B, sum of R), and the outputs of each."""
    inputs, mode = scans[0]
    plan = native_scan.plan_of(inputs, mode.how)
    if not (torch.is_grad_enabled() and _differentiated(scans)):
        y, outputs, _ = native_scan.forward(plan, _settled(scans), None, None)
        return y, outputs
    job, tensors = _flat(plan, scans)
    y, *rest = _NativeScans.apply(job, *tensors)  # type: ignore[no-untyped-call]
    ends: Iterator[Any] = iter(rest)
    outputs = []
    for part in [y] if len(scans) == 1 else y.chunk(len(scans), dim=2):
        outputs.append(Outputs(part, next(ends), *[next(ends) if there else None for there in job.ends]))
    return y, outputs


def _settled(scans: Iterable[Scan]) -> list[Scan]:
    return [Scan(native_scan.settled(inputs), mode) for inputs, mode in scans]


class _Job(NamedTuple):
    """Scans as autograd sees them: a flat list of the tensors that are there.

    Attributes:
        plan: the extension's.
        modes: of each scan.
        places: for each scan and each of its possible tensors (h0, c0, the parameters, lengths, reset, the noise),
            where it stands in the list, or 0: x comes first.
        ends: which of c_n, gates and c come after h_n; the same for each scan.
    """

    plan: Any
    modes: tuple[Mode, ...]
    places: tuple[tuple[int, ...], ...]
    ends: tuple[bool, bool, bool]

    def scans(self, tensors: Sequence[Tensor]) -> list[Scan]:
        """The scans again."""
        found = []
        for mode, places in zip(self.modes, self.places, strict=True):
            h0, c0, *rest = [tensors[place] if place else None for place in places]
            params, (lengths, reset, *noise) = tuple(rest[:_PARAMETERS]), rest[_PARAMETERS:]
            masks = tuple(noise) if any(places[-len(NOISE) :]) else NO_NOISE
            found.append(Scan(Inputs(tensors[0], h0, c0, params, lengths, reset, masks), mode))
        return found


_PARAMETERS = len(PARAMETERS)


class _Plain(NamedTuple):
    """What `run_plain` needs to know of a cell.

    Attributes:
        job: one scan of x and the parameters alone.
        names: of the parameters, in the extension's order, in which the others come after them.
        absent: None for each of the others.
        output_size: R.
        state_sizes: features of every state.
    """

    job: _Job
    names: tuple[str, ...]
    absent: tuple[None, ...]
    output_size: int
    state_sizes: tuple[int, ...]


def _flat(plan: Any, scans: list[Scan]) -> tuple[_Job, list[Tensor]]:
    tensors, places = [scans[0].inputs.x], []
    for inputs, _ in scans:
        _, h0, c0, params, lengths, reset, noise = inputs
        own = []
        for value in (h0, c0, *params, lengths, reset, *noise):
            own.append(0 if value is None else len(tensors))
            if value is not None:
                tensors.append(value)
        places.append(tuple(own))
    mode = scans[0].mode
    has_c = mode.how.cell == LSTM
    ends = (has_c, mode.trace and not mode.how.cell.startswith("rnn"), mode.trace and has_c)
    return _Job(plan, tuple([scan.mode for scan in scans]), tuple(places), ends), tensors


class _NativeScans(torch.autograd.Function):
    """Scans in eager mode: the same as the registered operator, at a fraction of its overhead per call.

    Takes the list of `_Job`; gives y and then of each scan what `_Job.ends` says. An argument that is not there would
    cost as much as one that is.
    """

    @staticmethod
    def forward(ctx: Any, job: _Job, *tensors: Tensor) -> tuple[Tensor, ...]:
        scans = _settled(job.scans(tensors))
        ctx.packed = [native_scan.pack(job.plan, inputs.params) for inputs, _ in scans]
        y, outputs, ctx.kept = native_scan.forward(job.plan, scans, ctx.packed, True)
        ctx.job = job
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, y)
        return (y, *[value for out in outputs for value in out[1:] if value is not None])

    @staticmethod
    def backward(ctx: Any, dy: Tensor | None, *rest: Tensor | None) -> tuple[Tensor | None, ...]:
        *tensors, y = ctx.saved_tensors
        job: _Job = ctx.job
        count, needed = len(job.modes), ctx.needs_input_grad[1:]
        ends = iter(rest)
        d_ends = [[next(ends), *[next(ends) if there else None for there in job.ends]] for _ in range(count)]
        dys = [dy] * count if dy is None or count == 1 else dy.chunk(count, dim=2)
        asked = [[place > 0 and needed[place] for place in places] for places in job.places]
        wanted = [Wanted(needed[0], h0, c0, params[:_PARAMETERS]) for h0, c0, *params in asked]
        scans = job.scans(tensors)
        through_trace = [value for part in d_ends for value in part[2:] if value is not None]
        if torch.is_grad_enabled() or through_trace:
            found = [
                through_reference(inputs, mode, (want.x, want.h0, want.c0, *want.params), (part, *d_end))
                for (inputs, mode), want, part, d_end in zip(scans, wanted, dys, d_ends, strict=True)
            ]
        else:
            scans = _settled(scans)
            kept, ctx.kept = ctx.kept, None
            if kept is None:
                # A second backward pass over a retained graph: the first one used up what forward kept.
                again = [Scan(inputs, mode._replace(trace=False)) for inputs, mode in scans]
                _, _, kept = native_scan.forward(job.plan, again, ctx.packed, True)
            ys = [y] if count == 1 else y.chunk(count, dim=2)
            upstream = [Upstream(part, *d_end[:2]) for part, d_end in zip(dys, d_ends, strict=True)]
            found = [
                (d.x, d.h0, d.c0, *d.params)
                for d in native_scan.backward(job.plan, scans, ctx.packed, ys, kept, upstream, wanted)
            ]
        gradients: list[Tensor | None] = [None] * len(tensors)
        for places, (dx, *others) in zip(job.places, found, strict=True):
            gradients[0] = dx if gradients[0] is None or dx is None else gradients[0] + dx
            for place, value in zip(places, others, strict=False):
                if place:
                    gradients[place] = value
        return (None, *gradients)
