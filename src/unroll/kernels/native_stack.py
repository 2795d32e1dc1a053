"""Layers of native scans as one call, and their one node of autograd. A single scan is a stack of one.

Shapes: T time, B batch, I input size, H hidden size, R output size, K gates by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unroll.kernels.base import ScanRequest, reference
from unroll.kernels.native_layer import ANYWHERE, Kept, Scan, backward_layer, forward_layer, halves, rows
from unroll.kernels.native_plan import NOISE, PARAMETERS, Known

_NO_NOISE = (None, None, None)


class Part(NamedTuple):
    """A scan of a stack without its tensors.

    Attributes:
        known: the cell.
        reverse: as in `Scan`.
        first: whether its first state is given.
        noise: whether it has random factors.
    """

    known: Known
    reverse: bool
    first: bool
    noise: bool

    def request(self, x: Tensor, scan: Scan, stack: Stack) -> ScanRequest:
        """The scan as other kernels know it."""
        cell = self.known.cell
        params = {name: value for name, value in zip(PARAMETERS, scan.params, strict=True) if value is not None}
        noise = {name: value for name, value in zip(NOISE, scan[6:9], strict=True) if value is not None}
        state = cell.State(*[scan.h0, scan.c0][: len(self.known.sizes.states)]) if self.first else None
        reads = (x, state, scan.lengths, scan.reset, scan.reverse)
        return ScanRequest(cell, params, *reads, stack.trace, noise, stack.recompute)


class Stack(NamedTuple):
    """A call without its tensors: what the node holds on to.

    Attributes:
        layers: lowest first; the scans of one layer have one plan.
        ends: where the tensors of each layer end among those of the call.
        trace: also give gates and memories of every step; only of a single scan.
        recompute: keep the state every this many steps; 0 keeps everything.
        joined: the last states of all scans, which have equal sizes, are one tensor (S, B, ·) each.
    """

    layers: tuple[tuple[Part, ...], ...]
    ends: tuple[int, ...]
    trace: bool
    recompute: int
    joined: bool

    def scans(self, index: int, tensors: Sequence[Any], fixed: Sequence[Any]) -> tuple[Any, list[Any]]:
        """The factor of a layer's input, and its scans, whose x is that of the lowest; each as a `Scan`.

        Args:
            index: of the layer.
            tensors: x of the lowest layer, then of each scan its first state and its parameters: what may have a
                gradient.
            fixed: lengths, then of each layer its factor and of each scan its reset and its noise: what has none.
        """
        at, where = self.ends[index - 1] if index else 1, 1
        for parts in self.layers[:index]:
            where += 1 + sum([1 + len(NOISE) * part.noise for part in parts])
        factor, scans = fixed[where], []
        for known, reverse, first, noise in self.layers[index]:
            h0 = c0 = None
            if first:
                states = len(known.sizes.states)
                h0, c0 = (*tensors[at : at + states], None)[:2]
                at += states
            own = tensors[at : at + len(known.names)]
            at += len(own)
            masks: Sequence[Any] = fixed[where + 2 : where + 2 + len(NOISE)] if noise else _NO_NOISE
            params = (*own, *known.absent) if known.places is None else known.all_parameters(own)
            scans.append((tensors[0], fixed[0], fixed[where + 1], reverse, h0, c0, *masks, params))
            where += 1 + len(NOISE) * noise
        return factor, scans


#: Of one layer its parts, the factor of its input, and its scans, whose x is that of the lowest layer.
Work = tuple[tuple[Part, ...], Any, list[Any]]


class Call(NamedTuple):
    """A stack with its tensors: `Stack.scans` of `tensors` and `fixed` gives what `layers` has of each layer."""

    stack: Stack
    tensors: Sequence[Any]
    fixed: Sequence[Any]
    layers: Sequence[Work]


def _memory(plan: Any, x: Tensor, lengths: Tensor | None, recompute: int, own_y: bool) -> Tensor:
    """Memory to keep things in that hooks on saved tensors can see."""
    steps, batch = x.shape[:2]
    valid = steps * batch if lengths is None else int(lengths.sum())
    return torch.empty(plan.saved_bytes(steps, batch, valid, recompute, own_y), dtype=torch.uint8)


def _forward(
    stack: Stack, layers: Sequence[Work], keep: bool, visible: bool = False
) -> tuple[list[Tensor], list[Tensor], list[Any]]:
    """Run a stack outside of autograd.

    Args:
        stack: the stack.
        layers: its scans.
        keep: whether to keep what backward needs.
        visible: whether to keep it in tensors.

    Returns:
        y of every layer; the last states, and the trace, of every scan in turn, or joined; what each layer leaves for
        backward.
    """
    x, last, trace, recompute = rows(layers[0][2][0][0]), None, stack.trace, stack.recompute
    ys: list[Tensor] = []
    ends: list[Any] = []
    kept: list[Any] = []
    if stack.joined:
        count, batch = sum([len(parts) for parts in stack.layers]), x.shape[1]
        ends = [x.new_empty((count, batch, width)) for width in stack.layers[0][0].known.sizes.states]
        last = zip(*[whole.unbind(0) for whole in ends], strict=True)
    to: Any = True if keep else None
    for index, (parts, factor, scans) in enumerate(layers):
        known, top = parts[0][0], index + 1 == len(layers)
        if factor is not None:
            x = x * factor
        if visible:
            to = [_memory(known.plan, x, scan[1], recompute, top) for scan in scans]
        places = ANYWHERE if last is None else [next(last) for _ in parts]
        x, outputs, left = forward_layer(known, x, scans, trace, recompute, to, top and keep, places)
        ys.append(x)
        kept.append(left)
        if last is None:
            ends += [value for out in outputs for value in out[1:] if value is not None]
    return ys, ends, kept


def run(call: Call) -> tuple[Tensor, Sequence[Tensor]]:
    """Run a stack: y of the last layer; the last states, and the trace, of every scan in turn, or the joined ones."""
    if torch.is_grad_enabled():
        for value in call.tensors:
            if value.requires_grad:
                y, *ends = UnrollScans.apply(call, *call.tensors)  # type: ignore[no-untyped-call]
                return y, ends
    ys, ends, _ = _forward(call.stack, call.layers, False)
    return ys[-1], ends


class UnrollScans(torch.autograd.Function):
    """A stack as one node of autograd. Takes the call and its tensors; gives what `run` gives."""

    @staticmethod
    def forward(ctx: Any, call: Call, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.stack = call.stack
        # Most calls have nothing but tensors with gradients.
        fixed = call.fixed if any(value is not None for value in call.fixed) else ()
        ctx.counts = len(tensors), len(fixed), len(call.layers) - 1, len(call.fixed)
        # Hooks on saved tensors (checkpoints, offloading) must see what weighs most, to free it or to move it.
        ctx.hooked = torch._C._autograd._top_saved_tensors_default_hooks(True) is not None
        ys, ends, kept = _forward(call.stack, call.layers, True, ctx.hooked)
        visible = [memory for left in kept for memory in left.saved] if ctx.hooked else []
        ctx.kept = None if ctx.hooked else kept
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *fixed, *ys[:-1], *visible)
        return (ys[-1], *ends)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        stack: Stack = ctx.stack
        needed: Sequence[bool] = ctx.needs_input_grad[1:]
        saved = ctx.saved_tensors
        count, others, between, all_others = ctx.counts
        tensors, fixed = saved[:count], saved[count : count + others] or (None,) * all_others
        inner = saved[count + others : count + others + between]
        dy, d_last = upstream[0], list(upstream[1:])
        states = len(stack.layers[0][0].known.sizes.states)
        through_trace = stack.trace and any(d is not None for d in d_last[states:])
        if torch.is_grad_enabled() or through_trace or transformed(upstream):
            return (None, *through_reference(stack, tensors, fixed, upstream, needed))
        if stack.trace:
            del d_last[states:]
        if stack.joined:
            number = sum([len(parts) for parts in stack.layers])
            each_last = [[None] * number if d is None else d.unbind(0) for d in d_last]
            d_last = [d for of_scan in zip(*each_last, strict=True) for d in of_scan]
        kept, ctx.kept = ctx.kept, None
        if ctx.hooked:
            memory = iter(saved[count + others + between :])
            kept = [Kept([None] * len(parts), [next(memory).clone() for _ in parts]) for parts in stack.layers]
        elif kept is None:
            # A second backward pass over a retained graph: the first one used up what forward kept.
            again = [(parts, *stack.scans(at, tensors, fixed)) for at, parts in enumerate(stack.layers)]
            _, _, kept = _forward(stack, again, True)
        found: list[Tensor | None] = [None] * count
        for index in reversed(range(between + 1)):
            begin, end = stack.ends[index - 1] if index else 1, stack.ends[index]
            below = any(needed[:begin])
            if not below and not any(needed[begin:end]):
                break
            parts = stack.layers[index]
            factor, scans = stack.scans(index, tensors, fixed)
            x = inner[index - 1] if index else rows(tensors[0])
            x = x if factor is None else x * factor
            y = inner[index] if index < between else None
            each = len(parts[0].known.sizes.states)
            dys = [None] * len(parts) if dy is None else halves(dy, len(parts))
            ends, at = d_last[len(d_last) - each * len(parts) :], begin
            del d_last[len(d_last) - each * len(parts) :]
            d_parts, wanted = [], []
            for number, (known, _, first, _) in enumerate(parts):
                d_parts.append((dys[number], *ends[number * each : (number + 1) * each]))
                h0, c0 = (*needed[at : at + each], False)[:2] if first else (False, False)
                at += each if first else 0
                own = needed[at : at + len(known.names)]
                at += len(own)
                wanted.append((below, h0, c0, known.all_parameters(own)))
            given = backward_layer(parts[0].known, x, scans, kept[index], y, d_parts, wanted, stack.recompute)
            own_found: list[Any] = []
            for (known, _, first, _), one in zip(parts, given, strict=True):
                own_found += [*one[1 : 1 + each]] if first else []
                own_found += known.own_parameters(one[3])
            found[begin:end] = own_found
            dy = None
            if below:
                dx = given[0].x if len(given) == 1 else given[0].x + given[1].x  # type: ignore[operator]
                dy = dx if factor is None else dx * factor
        found[0] = dy if needed[0] else None
        return (None, *found)


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
    stack: Stack,
    tensors: Sequence[Any],
    fixed: Sequence[Any],
    upstream: Sequence[Tensor | None],
    needed: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    """Gradients of a stack through the reference scan, differentiable again where a graph is being recorded: for second
    derivatives, gradients of the trace, and gradients that the extension cannot read.

    Args:
        stack: the stack.
        tensors: as in `Stack.scans`, and so is `fixed`.
        upstream: gradients of y, of the states of every scan, and of gates and c if there is a trace; None for zeros.
        needed: which of the tensors' gradients are wanted.
    """
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        # One tensor may come in twice (tied weights, h0 that is c0); as views they are told apart.
        given = [value.view_as(value) if need else value for value, need in zip(tensors, needed, strict=True)]
        y, ends = given[0], []
        for index, parts in enumerate(stack.layers):
            factor, scans = stack.scans(index, given, fixed)
            x, outputs = y if factor is None else y * factor, []
            for part, scan in zip(parts, scans, strict=True):
                result = reference(part.request(x, Scan(*scan), stack))
                outputs.append(result.output)
                ends += result.state
                if result.trace is not None:
                    gates = [result.trace[name] for name in part.known.cell.gates]
                    ends += [torch.stack(gates, 2)] if gates else []
                    ends += [result.trace["c"]] if len(result.state) > 1 else []
            y = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
        if stack.joined:
            states = len(stack.layers[0][0].known.sizes.states)
            ends = [torch.stack(ends[at::states]) for at in range(states)]
        pairs = zip((y, *ends), upstream, strict=True)
        seeds = [(value, d) for value, d in pairs if d is not None and value.requires_grad]
        sources = [value for value, need in zip(given, needed, strict=True) if need]
        if not seeds or not sources:
            return (None,) * len(needed)
        outs, ds = zip(*seeds, strict=True)
        found = iter(torch.autograd.grad(outs, sources, ds, create_graph=again, allow_unused=True))
    return tuple([next(found) if need else None for need in needed])
