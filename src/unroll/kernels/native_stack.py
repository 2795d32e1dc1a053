"""Layers of native scans as one call, and their one node of autograd. A single scan is a stack of one.

Shapes: T time, B batch, I input size, H hidden size, R output size, K gates by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unroll.kernels.base import ScanRequest, reference
from unroll.kernels.native_layer import ANYWHERE, Kept, Scan, backward_layer, forward_layer, halves, rows
from unroll.kernels.native_plan import NOISE, PARAMETERS, Known


class Work(NamedTuple):
    """One layer with its tensors.

    Attributes:
        known: the cell of its scans.
        factor: what its input is multiplied by, or None.
        scans: one or two, each as a `Scan`, whose x is that of the lowest layer.
    """

    known: Known
    factor: Any
    scans: Sequence[Any]


class Call(NamedTuple):
    """Layers, lowest first, and how they run.

    Attributes:
        layers: the layers.
        trace: also give gates and memories of every step; only of a single scan.
        recompute: keep the state every this many steps; 0 keeps everything.
        joined: the last states of all scans, which have equal sizes, are one tensor (S, B, ·) each.
    """

    layers: Sequence[Work]
    trace: bool
    recompute: int
    joined: bool


#: Values of a scan among those of a call: its reset, first states and noise, then its parameters.
_RESET, _H0, _C0, _OWN = 0, 1, 2, 3 + len(NOISE)
SLOTS = _OWN + len(PARAMETERS)


def flat(layers: Sequence[Work]) -> list[Any]:
    """x, lengths, then of every layer its factor, and of each scan what SLOTS says; None where there is nothing."""
    first = layers[0].scans[0]
    values = [first[0], first[1]]
    for _, factor, scans in layers:
        values.append(factor)
        for scan in scans:
            values += (scan[2], *scan[4:9], *scan[9])
    return values


class Stack(NamedTuple):
    """A call without its tensors: what the node holds on to.

    Attributes:
        layers: of each the cell, and of each scan whether it is reversed.
        trace: as in `Call`, and so are the others.
    """

    layers: tuple[tuple[Known, tuple[bool, ...]], ...]
    trace: bool
    recompute: int
    joined: bool

    @classmethod
    def of(cls, call: Call) -> Stack:
        """A call's."""
        return cls(tuple([(known, tuple([scan[3] for scan in scans])) for known, _, scans in call.layers]), *call[1:])

    def layers_of(self, values: Sequence[Any]) -> list[Work]:
        """The layers of values as `flat` gives them."""
        x, lengths, *rest = values
        found, at = [], 0
        for known, reverses in self.layers:
            factor, at, scans = rest[at], at + 1, []
            for reverse in reverses:
                params = tuple(rest[at + _OWN : at + SLOTS])
                scans.append((x, lengths, rest[at], reverse, *rest[at + _H0 : at + _OWN], params))
                at += SLOTS
            found.append(Work(known, factor, scans))
        return found

    def request(self, known: Known, x: Tensor, scan: Scan) -> ScanRequest:
        """A scan as other kernels know it."""
        cell = known.cell
        params = {name: value for name, value in zip(PARAMETERS, scan.params, strict=True) if value is not None}
        noise = {name: value for name, value in zip(NOISE, scan[6:9], strict=True) if value is not None}
        state = None if scan.h0 is None else cell.State(*[scan.h0, scan.c0][: len(known.sizes.states)])
        how = (x, scan.lengths, scan.reset, self.trace, self.recompute)
        return ScanRequest(cell, params, state, scan.reverse, noise, *how)


def _memory(plan: Any, x: Tensor, lengths: Tensor | None, recompute: int, own_y: bool) -> Tensor:
    """Memory to keep things in that hooks on saved tensors can see."""
    steps, batch = x.shape[:2]
    valid = steps * batch if lengths is None else int(lengths.sum())
    return torch.empty(plan.saved_bytes(steps, batch, valid, recompute, own_y), dtype=torch.uint8)


def _forward(call: Call, keep: bool, visible: bool = False) -> tuple[list[Tensor], list[Tensor], list[Any]]:
    """Run layers outside of autograd.

    Args:
        call: the layers.
        keep: whether to keep what backward needs.
        visible: whether to keep it in tensors.

    Returns:
        y of every layer; the last states, and the trace, of every scan in turn, or joined; what each layer leaves for
        backward.
    """
    layers, trace, recompute, joined = call
    x, last = rows(layers[0].scans[0][0]), None
    ys: list[Tensor] = []
    ends: list[Any] = []
    kept: list[Any] = []
    if joined:
        count, batch = sum([len(scans) for _, _, scans in layers]), x.shape[1]
        ends = [x.new_empty((count, batch, width)) for width in layers[0].known.sizes.states]
        last = zip(*[whole.unbind(0) for whole in ends], strict=True)
    to: Any = True if keep else None
    for index, (known, factor, scans) in enumerate(layers):
        top = index + 1 == len(layers)
        if factor is not None:
            x = x * factor
        if visible:
            to = [_memory(known.plan, x, scan[1], recompute, top) for scan in scans]
        places = ANYWHERE if last is None else [next(last) for _ in scans]
        x, outputs, left = forward_layer(known, x, scans, trace, recompute, to, top and keep, places)
        ys.append(x)
        kept.append(left)
        if last is None:
            ends += [value for out in outputs for value in out[1:] if value is not None]
    return ys, ends, kept


def run(call: Call) -> tuple[Tensor, Sequence[Tensor]]:
    """Run layers: y of the last; the last states, and the trace, of every scan in turn, or the joined ones."""
    if torch.is_grad_enabled():
        values = flat(call.layers)
        present = [at for at, value in enumerate(values) if value is not None]
        given = [values[at] for at in present]
        for value in given:
            if value.requires_grad:
                y, *ends = _apply(call, (present, len(values)), *given)  # type: ignore[no-untyped-call]
                return y, ends
    ys, ends, _ = _forward(call, False)
    return ys[-1], ends


def _spread(places: tuple[Sequence[int], int], given: Iterable[Any], empty: Any) -> list[Any]:
    """What was given of the values that are there, as a list of all."""
    found = [empty] * places[1]
    for at, value in zip(places[0], given, strict=True):
        found[at] = value
    return found


class UnrollScans(torch.autograd.Function):
    """Layers as one node of autograd. Takes the call, which of its values are there and how many there are, and those;
    gives what `run` gives."""

    @staticmethod
    def forward(ctx: Any, call: Call, places: tuple[Sequence[int], int], *given: Tensor) -> tuple[Tensor, ...]:
        ctx.stack, ctx.places = Stack.of(call), places
        # Hooks on saved tensors (checkpoints, offloading) must see what weighs most, to free it or to move it.
        ctx.hooked = torch._C._autograd._top_saved_tensors_default_hooks(True) is not None
        ys, ends, kept = _forward(call, True, ctx.hooked)
        visible = [memory for left in kept for memory in left.saved] if ctx.hooked else []
        ctx.kept = None if ctx.hooked else kept
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*given, *ys[:-1], *visible)
        return (ys[-1], *ends)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        stack: Stack = ctx.stack
        present, _ = places = ctx.places
        saved, count, between = ctx.saved_tensors, len(present), len(stack.layers) - 1
        values = _spread(places, saved[:count], None)
        needed = _spread(places, ctx.needs_input_grad[2:], False)
        inner, visible = saved[count : count + between], saved[count + between :]
        dy, d_last = upstream[0], list(upstream[1:])
        states = len(stack.layers[0][0].sizes.states)
        through_trace = stack.trace and any(d is not None for d in d_last[states:])
        if torch.is_grad_enabled() or through_trace or transformed(upstream):
            found = through_reference(stack, values, upstream, needed)
            return (None, None, *[found[at] for at in present])
        if stack.trace:
            del d_last[states:]
        if stack.joined:
            number = sum([len(reverses) for _, reverses in stack.layers])
            each_last = [[None] * number if d is None else d.unbind(0) for d in d_last]
            d_last = [d for of_scan in zip(*each_last, strict=True) for d in of_scan]
        kept, ctx.kept = ctx.kept, None
        layers = stack.layers_of(values)
        if ctx.hooked:
            memory = iter(visible)
            kept = [Kept([None] * len(scans), [next(memory).clone() for _ in scans]) for _, _, scans in layers]
        elif kept is None:
            # A second backward pass over a retained graph: the first one used up what forward kept.
            _, _, kept = _forward(Call(layers, *stack[1:]), True)
        gradients: list[Tensor | None] = [None] * len(values)
        end = len(values)
        for index in reversed(range(between + 1)):
            known, factor, scans = layers[index]
            begin = end - SLOTS * len(scans)
            below = any(needed[: begin - 1])
            if not below and not any(needed[begin:end]):
                break
            x = inner[index - 1] if index else rows(values[0])
            x = x if factor is None else x * factor
            y = inner[index] if index < between else None
            dys = [None] * len(scans) if dy is None else halves(dy, len(scans))
            wanted, arriving, states = [], [], len(known.sizes.states)
            for number, d in enumerate(dys):
                own = needed[begin + SLOTS * number : begin + SLOTS * (number + 1)]
                wanted.append((below, own[_H0], own[_C0], own[_OWN:]))
                first = len(d_last) - states * (len(scans) - number)
                arriving.append((d, *d_last[first : first + states]))
            del d_last[len(d_last) - states * len(scans) :]
            given = backward_layer(known, x, scans, kept[index], y, arriving, wanted, stack.recompute)
            gradients[begin:end] = [
                d for one in given for d in (None, one.h0, one.c0, *[None] * len(NOISE), *one.params)
            ]
            dy, end = None, begin - 1
            if below:
                dx = given[0].x if len(given) == 1 else given[0].x + given[1].x  # type: ignore[operator]
                dy = dx if factor is None else dx * factor
        gradients[0] = dy if needed[0] else None
        return (None, None, *[gradients[at] for at in present])


#: `UnrollScans.apply` without what it asks on the way: it unwraps tensors of transforms that are over, one by one,
#: which takes longer than a step.
_apply = super(torch.autograd.Function, UnrollScans).apply
#: Of `is_grads_batched`, which is none of the transforms.
_batched = torch._C._functorch.is_legacy_batchedtensor


def transformed(upstream: Sequence[Tensor | None]) -> bool:
    """Whether gradients are such that only torch's own operators can take them: of a transform of torch.func, of a
    batch of gradients, under a dispatch mode, or of a subclass."""
    return (
        torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack() > 0
        or any(d is not None and (type(d) is not Tensor or _batched(d)) for d in upstream)
    )


def through_reference(
    stack: Stack, values: Sequence[Any], upstream: Sequence[Tensor | None], needed: Sequence[bool]
) -> list[Tensor | None]:
    """Gradients of layers through the reference scan, differentiable again where a graph is being recorded: for second
    derivatives, gradients of the trace, and gradients that the extension cannot read.

    Args:
        stack: the layers.
        values: as `flat` gives them.
        upstream: gradients of y, of the states of every scan, and of gates and c if there is a trace; None for zeros.
        needed: which of the values' gradients are wanted.
    """
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        # One tensor may come in twice (tied weights, h0 that is c0); as views they are told apart.
        given = [value.view_as(value) if need else value for value, need in zip(values, needed, strict=True)]
        y, ends = given[0], []
        for known, factor, scans in stack.layers_of(given):
            x, outputs = y if factor is None else y * factor, []
            for scan in scans:
                result = reference(stack.request(known, x, Scan(*scan)))
                outputs.append(result.output)
                ends += result.state
                if result.trace is not None:
                    gates = [result.trace[name] for name in known.cell.gates]
                    ends += [torch.stack(gates, 2)] if gates else []
                    ends += [result.trace["c"]] if len(result.state) > 1 else []
            y = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
        if stack.joined:
            states = len(stack.layers[0][0].sizes.states)
            ends = [torch.stack(ends[at::states]) for at in range(states)]
        pairs = zip((y, *ends), upstream, strict=True)
        seeds = [(value, d) for value, d in pairs if d is not None and value.requires_grad]
        sources = [value for value, need in zip(given, needed, strict=True) if need]
        if not seeds or not sources:
            return [None] * len(needed)
        outs, ds = zip(*seeds, strict=True)
        found = iter(torch.autograd.grad(outs, sources, ds, create_graph=again, allow_unused=True))
    return [next(found) if need else None for need in needed]
