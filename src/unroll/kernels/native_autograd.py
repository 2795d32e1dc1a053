"""Native scans in eager mode as nodes of autograd.

Shapes: T time, B batch, I input size, H hidden size, R output size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unroll.kernels import native_scan
from unroll.kernels.native_gradient import through_reference
from unroll.kernels.native_plan import LSTM, NOISE, PARAMETERS
from unroll.kernels.native_scan import NO_NOISE, Inputs, Mode, Outputs, Scan, Upstream, Wanted

_PARAMETERS = len(PARAMETERS)


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


def _flat(plan: Any, scans: Sequence[Scan]) -> tuple[_Job, list[Tensor]]:
    """Scans of one plan and one x as a job and its tensors."""
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


def run(scans: Sequence[Scan]) -> tuple[Tensor, list[Outputs]]:
    """Run scans of one plan and one x: y (T, B, sum of R), and the outputs of each, of which y is that of all."""
    inputs, mode = scans[0]
    plan = native_scan.plan_of(inputs, mode.how)
    if not (torch.is_grad_enabled() and _differentiated(scans)):
        y, outputs, _ = native_scan.forward(plan, _settled(scans), None, None)
        return y, [out._replace(y=y) for out in outputs]
    job, tensors = _flat(plan, scans)
    y, *rest = _Scans.apply(job, *tensors)  # type: ignore[no-untyped-call]
    ends: Iterator[Any] = iter(rest)
    return y, [Outputs(y, next(ends), *[next(ends) if there else None for there in job.ends]) for _ in scans]


def _differentiated(scans: Sequence[Scan]) -> bool:
    """Whether any input asks for a gradient."""
    for (x, h0, c0, params, *_), _ in scans:
        for value in (x, *params, h0, c0):
            if value is not None and value.requires_grad:
                return True
    return False


def _settled(scans: Iterable[Scan]) -> list[Scan]:
    return [Scan(native_scan.settled(inputs), mode) for inputs, mode in scans]


class _Scans(torch.autograd.Function):
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
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        *tensors, y = ctx.saved_tensors
        job: _Job = ctx.job
        needed = ctx.needs_input_grad[1:]
        dy, *rest = upstream
        count, ends = len(job.modes), iter(rest)
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
            kept, ctx.kept = ctx.kept, None
            scans = _settled(scans)
            if kept is None:
                # A second backward pass over a retained graph: the first one used up what forward kept.
                again = [Scan(inputs, mode._replace(trace=False)) for inputs, mode in scans]
                _, _, kept = native_scan.forward(job.plan, again, ctx.packed, True)
            ys = [y] if count == 1 else y.chunk(count, dim=2)
            arriving = [Upstream(part, *d_end[:2]) for part, d_end in zip(dys, d_ends, strict=True)]
            found = [
                (d.x, d.h0, d.c0, *d.params)
                for d in native_scan.backward(job.plan, scans, ctx.packed, ys, kept, arriving, wanted)
            ]
        result: list[Tensor | None] = [None] * len(tensors)
        for places, (dx, *others) in zip(job.places, found, strict=True):
            result[0] = dx if result[0] is None or dx is None else result[0] + dx
            for place, value in zip(places, others, strict=False):
                if place:
                    result[place] = value
        return (None, *result)
