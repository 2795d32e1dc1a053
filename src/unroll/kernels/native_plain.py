"""The shortest way through native layers without reset, noise, trace or a gradient of the first state.

Nothing is checked but by the extension: for a short sequence the checks take longer than the work. All layers are one
node of autograd.

Shapes: T time, B batch, I input size, H hidden size, R output size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from unroll.cells import Cell
from unroll.kernels import native_autograd
from unroll.kernels.base import KnownCells, Layer, LayersResult
from unroll.kernels.native_plan import PARAMETERS
from unroll.kernels.native_scan import NO_NOISE, Inputs, Mode, Scan, plan_of, rows, settled_state


class _Known(NamedTuple):
    """What has to be known of a cell.

    Attributes:
        plan: the extension's.
        mode: how its scans run.
        names: of the parameters, in the extension's order, in which the others come after them.
        absent: None for each of the others.
        output_size: R.
        state_sizes: features of every state.
    """

    plan: Any
    mode: Mode
    names: tuple[str, ...]
    absent: tuple[None, ...]
    output_size: int
    state_sizes: tuple[int, ...]


class _Step(NamedTuple):
    """A layer without its tensors but for the factor."""

    scans: tuple[_Known, ...]
    factor: Tensor | None


class PlainScans:
    """The cells that have been seen to be plain, and the way for layers of them."""

    def __init__(self) -> None:
        # By dtype and direction.
        self._known: KnownCells[_Known] = KnownCells()

    def remember(self, cell: Cell, scan: Scan) -> None:
        """Let `run` have the next scan of a cell, if this one was plain."""
        inputs, mode = scan
        if inputs.reset is not None or mode.trace or mode.recompute:
            return
        if self._known.get(cell, inputs.x.dtype, mode.reverse) is not None:
            return
        names = [name for name, value in zip(PARAMETERS, inputs.params, strict=True) if value is not None]
        # A parameter may be left out between two others; and what is drawn anew for each pass is not plain.
        if names != [*PARAMETERS[: len(names)]] or any(value is not None for value in inputs.noise):
            return
        absent = (None,) * (len(PARAMETERS) - len(names))
        sizes = tuple(cell.state_sizes().values())
        known = _Known(plan_of(inputs, mode.how), mode, tuple(names), absent, cell.output_size, sizes)
        self._known.put(known, cell, inputs.x.dtype, mode.reverse)

    def run(self, layers: Sequence[Layer], x: Tensor, lengths: Tensor | None) -> LayersResult | None:
        """The result, or None where anything is out of the ordinary; then the long way finds out what it is."""
        if (
            type(x) is not Tensor
            or x.is_neg()
            or forward_ad._current_level >= 0
            or torch._C._are_functorch_transforms_active()
        ):
            return None
        dtype, grad = x.dtype, torch.is_grad_enabled()
        steps, values = [], []
        rest: list[Tensor | None] = [lengths]
        for runs, factor in layers:
            known = []
            for cell, params, state, reverse, noise in runs:
                one = self._known.get(cell, dtype, reverse)
                if one is None or noise:
                    return None
                known.append(one)
                if state is None:
                    rest += (None, None)
                elif len(state) != len(one.state_sizes) or any(part.is_neg() or part.requires_grad for part in state):
                    return None
                else:
                    rest += (*state, None)[:2]
                for name in one.names:
                    value = params.get(name)
                    if value is None:
                        return None
                    values.append(value)
            if len(known) > 1 and known[0].plan is not known[1].plan:
                return None
            steps.append(_Step(tuple(known), factor))
        try:
            if grad and (x.requires_grad or any(value.requires_grad for value in values)):
                y, *ends = _PlainLayers.apply(steps, rest, x, *values)  # type: ignore[no-untyped-call]
            else:
                y, ends = x, []
                for above, own, _, _ in _forwards(steps, rest, x, values, None):
                    y = above
                    ends += own
        except (TypeError, ValueError):
            return None
        states, end = [], iter(ends)
        for layer in layers:
            for run in layer.runs:
                kind = run.cell.State
                states.append(kind(*[next(end) for _ in kind._fields]))
        return LayersResult(y, tuple(states))


def _times(x: Tensor, factor: Tensor | None) -> Tensor:
    return x if factor is None else x * factor


def _parts(step: _Step, y: Tensor) -> Sequence[Tensor]:
    """The part of each scan in (T, B, sum of R)."""
    return (y,) if len(step.scans) == 1 else y.chunk(len(step.scans), dim=2)


def _forward(
    step: _Step,
    x: Tensor,
    lengths: Tensor | None,
    first: Sequence[Tensor | None],
    weights: Sequence[Any],
    saved: Any,
) -> tuple[Tensor, list[Tensor], Any]:
    """y (T, B, sum of R), the last states, and what was kept of each scan if `saved` is True.

    Args:
        step: the layer.
        x: (T, B, I).
        lengths: (B,) or None.
        first: h0 and c0 of each scan, and perhaps of others after it; None for zeros.
        weights: of each scan, as they are or packed.
        saved: True to keep what backward needs, or None.
    """
    steps, batch, _ = x.shape
    x = _times(x, step.factor)
    y = x.new_empty((steps, batch, len(step.scans) * step.scans[0].output_size))
    ends, calls = [], []
    for index, (known, own, part) in enumerate(zip(step.scans, weights, _parts(step, y), strict=True)):
        state = [x.new_empty((batch, size)) for size in known.state_sizes]
        ends += state
        places = (*state, None, None, saved) if len(state) == 2 else (*state, None, None, None, saved)
        begins = first[2 * index : 2 * index + 2]
        calls.append((x, lengths, None, known.mode.reverse, *begins, None, None, None, own, part, *places))
    return y, ends, step.scans[0].plan.forward(tuple(calls), 0, torch.get_num_threads())


def _forwards(
    steps: Sequence[_Step], rest: Sequence[Tensor | None], y: Tensor, values: Sequence[Tensor], saved: Any
) -> Iterator[tuple[Tensor, list[Tensor], list[Any], Any]]:
    """What `_forward` gives of each layer in turn, and the weights of its scans: packed if `saved` is True.

    Args:
        steps: the layers.
        rest: the lengths, and h0 and c0 of each scan.
        y: the lowest layer's x.
        values: the parameters of each scan.
        saved: as in `_forward`.
    """
    threads, at, begin = torch.get_num_threads(), 0, 1
    for step in steps:
        weights: list[Any] = []
        for known in step.scans:
            own = (*values[at : at + len(known.names)], *known.absent)
            weights.append(known.plan.pack(own, True, threads) if saved else own)
            at += len(known.names)
        y, ends, kept = _forward(step, y, rest[0], rest[begin:], weights, saved)
        begin += 2 * len(step.scans)
        yield y, ends, weights, kept


class _PlainLayers(torch.autograd.Function):
    """As `native_autograd`'s node, with nothing in it that plain layers do not have: a third of the time around the
    work.

    Takes the steps; the lengths and each scan's first states, None for zeros; the lowest layer's x and each scan's
    parameters. Gives y of the last layer and the last states of every scan.
    """

    @staticmethod
    def forward(
        ctx: Any, steps: Sequence[_Step], rest: Sequence[Tensor | None], *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        x, *values = tensors
        ctx.packed, ctx.kept = [], []
        ys: list[Tensor] = []
        ends: list[Tensor] = []
        for y, own, packed, kept in _forwards(steps, rest, x, values, True):
            ys.append(y)
            ends += own
            ctx.packed.append(packed)
            ctx.kept.append(kept)
        ctx.steps = steps
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *ys, *rest)
        return (ys[-1], *ends)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        steps: Sequence[_Step] = ctx.steps
        needed: Sequence[bool] = ctx.needs_input_grad[2:]
        saved = ctx.saved_tensors
        tensors, ys = saved[: len(needed)], saved[len(needed) : len(needed) + len(steps)]
        lengths, *first = saved[len(needed) + len(steps) :]
        if torch.is_grad_enabled() or ctx.kept is None:
            return (None, None, *_again(steps, lengths, first, tensors, upstream, needed))
        kept, ctx.kept = ctx.kept, None
        found: list[Tensor | None] = [None] * len(tensors)
        dy, *d_ends = upstream
        at, threads = len(tensors), torch.get_num_threads()
        for index in reversed(range(len(steps))):
            step = steps[index]
            end, at = at, at - sum([len(known.names) for known in step.scans])
            below = any(needed[:at])
            if not below and not any(needed[at:end]):
                break
            x = _times(ys[index - 1], step.factor) if index else tensors[0]
            count = sum([len(known.state_sizes) for known in step.scans])
            arriving = d_ends[len(d_ends) - count :]
            del d_ends[len(d_ends) - count :]
            parts = [None] * len(step.scans) if dy is None else _parts(step, dy)
            before = sum([len(one.scans) for one in steps[:index]])
            dxs: list[Tensor] = []
            calls, begin = [], at
            for known, packed, memory, y, part in zip(
                step.scans, ctx.packed[index], kept[index], _parts(step, ys[index]), parts, strict=True
            ):
                begins = first[2 * before : 2 * before + 2]
                before += 1
                own = slice(begin, begin + len(known.names))
                begin = own.stop
                for place in range(own.start, own.stop):
                    found[place] = torch.empty_like(tensors[place]) if needed[place] else None
                if below:
                    dxs.append(torch.empty_like(x))
                d_state = [None if d is None else settled_state(d) for d in arriving[: len(known.state_sizes)]]
                del arriving[: len(known.state_sizes)]
                calls.append(
                    (
                        *(x, lengths, None, known.mode.reverse, *begins, None, None, None),
                        *(packed, (*tensors[own], *known.absent), y, memory),
                        *(None if part is None else rows(part), *d_state, *(None,) * (2 - len(d_state))),
                        *(dxs[-1] if below else None, None, None, (*found[own], *known.absent)),
                    )
                )
            step.scans[0].plan.backward(tuple(calls), 0, threads)
            dy = None if not below else _times(dxs[0] if len(dxs) == 1 else dxs[0] + dxs[1], step.factor)
        found[0] = dy if needed[0] else None
        return (None, None, *found)


def _again(
    steps: Sequence[_Step],
    lengths: Tensor | None,
    first: Sequence[Tensor | None],
    tensors: Sequence[Tensor],
    upstream: Sequence[Tensor | None],
    needed: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients where a graph is gone through once more or is to be differentiated again: through a node for each
    layer, so that autograd sees what is between them."""
    differentiable = torch.is_grad_enabled()
    with torch.enable_grad():
        # Views tell apart a tensor that comes in twice.
        given = [value.view_as(value) if need else value for value, need in zip(tensors, needed, strict=True)]
        y, *values = given
        ends: list[Tensor] = []
        begins = iter(first)
        for step in steps:
            x, scans = _times(y, step.factor), []
            for known in step.scans:
                params = (*values[: len(known.names)], *known.absent)
                del values[: len(known.names)]
                scans.append(Scan(Inputs(x, next(begins), next(begins), params, lengths, None, NO_NOISE), known.mode))
            y, outputs = native_autograd.run(scans)
            ends += [value for out in outputs for value in (out.h_n, out.c_n) if value is not None]
    pairs = [(value, d) for value, d in zip((y, *ends), upstream, strict=True) if d is not None and value.requires_grad]
    if not pairs:
        return [None] * len(needed)
    sources = [value for value, need in zip(given, needed, strict=True) if need]
    values_of, d_values = zip(*pairs, strict=True)
    found = iter(torch.autograd.grad(values_of, sources, d_values, create_graph=differentiable, allow_unused=True))
    return [next(found) if need else None for need in needed]
