"""Layers of native scans as one call: how they are told to the extension, and their one node of autograd.

A single scan is a stack of one.

Shapes: T time, B batch, I input size, H hidden size, R output size, K gates by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unroll.kernels.base import ScanRequest, reference
from unroll.kernels.native_plan import NOISE, PARAMETERS, Known, Sizes


class Scan(NamedTuple):
    """What one scan reads, in the order of `Plan.fits` and of the first items of `Plan.forward`.

    Attributes:
        x: (T, B, I), the last axis contiguous; of a layer that is not the lowest it is put in when it is known.
        lengths: (B,) int64 or None.
        reset: (T, B) bool or None.
        reverse: each row from its own last step to its first.
        h0: (B, R), or None for zeros.
        c0: (B, H), or None for zeros; None if the cell has no memory.
        dropout: (T or 1, B, R) or None, and so are zoneout_h and zoneout_c, (T, B, H).
        params: in the order of `native_plan.PARAMETERS`, contiguous, None where absent.
    """

    x: Any
    lengths: Any
    reset: Any
    reverse: bool
    h0: Any
    c0: Any
    dropout: Any
    zoneout_h: Any
    zoneout_c: Any
    params: tuple[Any, ...]


class Outputs(NamedTuple):
    """What a scan writes; None where the cell or the mode has none.

    y (T, B, R); h_n (B, R); c_n (B, H); gates (T, B, K, H); c (T, B, H).
    """

    y: Any
    h_n: Any
    c_n: Any
    gates: Any
    c: Any


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

    def in_order(self, one: Any) -> list[Any]:
        """What a scan has of each of its tensors, in the order in which a call has them."""
        first = [one.h0, one.c0][: len(self.known.sizes.states)] if self.first else []
        return first + [value for value, there in zip(one.params, self.known.present, strict=True) if there]

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
    """

    layers: tuple[tuple[Part, ...], ...]
    ends: tuple[int, ...]
    trace: bool
    recompute: int

    def scans(
        self, tensors: Sequence[Any], fixed: Sequence[Any]
    ) -> Iterator[tuple[tuple[Part, ...], Tensor | None, list[Scan]]]:
        """Of each layer its parts, the factor of its input, and its scans, whose x is that of the lowest.

        Args:
            tensors: x of the lowest layer, then of each scan its first state and its parameters: what may have a
                gradient.
            fixed: lengths, reset, then of each layer its factor and of each scan its noise: what has none.
        """
        x, *rest = tensors
        lengths, reset, *others = fixed
        value, other = iter(rest), iter(others)
        for parts in self.layers:
            factor, scans = next(other), []
            for part in parts:
                state = [next(value) for _ in part.known.sizes.states] if part.first else []
                h0, c0 = (*state, None, None)[:2]
                params = tuple([next(value) if there else None for there in part.known.present])
                noise = [next(other) for _ in NOISE] if part.noise else (None, None, None)
                scans.append(Scan(x, lengths, reset, part.reverse, h0, c0, *noise, params))
            yield parts, factor, scans


def allocate(x: Tensor, y: Tensor | None, sizes: Sizes, trace: bool) -> Outputs:
    """Outputs of the right shapes, not yet filled; `y`: where the output goes, new memory if None."""
    steps, batch, _ = x.shape
    states = [x.new_empty((batch, size)) for size in sizes.states]
    has_c = len(states) > 1
    return Outputs(
        x.new_empty((steps, batch, sizes.states[0])) if y is None else y,
        states[0],
        states[1] if has_c else None,
        x.new_empty((steps, batch, sizes.gates, sizes.hidden)) if trace and sizes.gates else None,
        x.new_empty((steps, batch, sizes.hidden)) if trace and has_c else None,
    )


def rows(x: Tensor) -> Tensor:
    """`x` with a contiguous last axis, without a lazy negation (the imaginary part of a conjugate has one)."""
    if x.is_neg():
        x = x.resolve_neg()
    return x if x.stride(-1) == 1 or x.shape[-1] == 1 else x.contiguous()


def settled(part: Tensor | None) -> Tensor | None:
    """`part` contiguous, without a lazy negation."""
    return part if part is None else part.resolve_neg().contiguous()


def halves(y: Tensor, count: int) -> Sequence[Tensor]:
    """The part of each of `count` scans in (T, B, sum of R)."""
    return (y,) if count == 1 else y.chunk(count, dim=2)


#: Of one layer its parts, the factor of its input, and its scans, whose x is that of the lowest layer.
Work = tuple[tuple[Part, ...], Any, list[Scan]]


class Call(NamedTuple):
    """A stack with its tensors: `Stack.scans` of `tensors` and `fixed` gives `layers`."""

    stack: Stack
    tensors: Sequence[Any]
    fixed: Sequence[Any]
    layers: Sequence[Work]


class Kept(NamedTuple):
    """What the forward pass of a layer leaves for backward, of each scan: the packed weights (None: to be packed
    again), and what was saved of its steps, which backward uses up."""

    packed: Sequence[Any]
    saved: Sequence[Any]


def forward_layer(
    known: Known, x: Tensor, scans: Sequence[Scan], trace: bool, recompute: int, keep: Any, own_y: bool
) -> tuple[Tensor, list[Outputs], Kept | None]:
    """Run scans of one plan side by side.

    Args:
        known: the cell.
        x: what they read.
        scans: one or two.
        trace: as in `Stack`, and so is `recompute`.
        keep: None (inference), True (keep what backward needs), or uint8 memory of each scan to keep it in.
        own_y: keep a copy of y there too, since the caller's may change before backward.

    Returns:
        y (T, B, sum of R), the outputs of each, in which y is a part of it, and what is left for backward.
    """
    count, threads, sizes, plan = len(scans), torch.get_num_threads(), known.sizes, known.plan
    if count == 1:
        outputs = [allocate(x, None, sizes, trace)]
        y = outputs[0].y
    else:
        y = x.new_empty((x.shape[0], x.shape[1], count * sizes.states[0]))
        outputs = [allocate(x, part, sizes, trace) for part in halves(y, count)]
    places = [keep] * count if keep is None or keep is True else keep
    weights: list[Any] = [scan.params for scan in scans]
    if keep is not None:
        weights = [plan.pack(params, True, threads) for params in weights]
    calls = zip(scans, weights, outputs, places, strict=True)
    saved = plan.forward(tuple([(x, *scan[1:9], own, *out, to) for scan, own, out, to in calls]), recompute, threads, own_y)
    return y, outputs, None if keep is None else Kept(weights, saved if keep is True else places)


class Gradients(NamedTuple):
    """Gradients of what a scan reads, None where not wanted; params in the order of `native_plan.PARAMETERS`."""

    x: Tensor | None
    h0: Tensor | None
    c0: Tensor | None
    params: tuple[Tensor | None, ...]


def backward_layer(
    known: Known,
    x: Tensor,
    scans: Sequence[Scan],
    kept: Kept,
    y: Tensor | None,
    upstream: Sequence[Sequence[Tensor | None]],
    wanted: Sequence[Gradients],
    recompute: int,
) -> list[Gradients]:
    """Gradients of what each scan read.

    Args:
        known: as in forward, and so are x, the scans and `recompute`.
        kept: what forward left.
        y: forward's (T, B, sum of R), or None if it kept its own.
        upstream: of each scan the gradients of y, of h_n and perhaps of c_n, None for zeros.
        wanted: of each scan, with true where a gradient is wanted.
    """
    found, calls = [], []
    ys = [None] * len(scans) if y is None else halves(y, len(scans))
    for scan, weights, saved, own, (dy, *d_last), want in zip(scans, *kept, ys, upstream, wanted, strict=True):
        gradients = Gradients(
            torch.empty_like(x) if want.x else None,
            torch.empty_like(scan.h0) if want.h0 else None,
            torch.empty_like(scan.c0) if want.c0 else None,
            tuple([torch.empty_like(v) if need else None for v, need in zip(scan.params, want.params, strict=True)]),
        )
        found.append(gradients)
        arriving = (None if dy is None else rows(dy), *[settled(d) for d in d_last], None)[:3]
        calls.append((x, *scan[1:9], weights, scan.params, own, saved, *arriving, *gradients))
    known.plan.backward(tuple(calls), recompute, torch.get_num_threads())
    return found


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
        y of every layer; the last states, and the trace, of every scan in turn; what each layer leaves for backward.
    """
    ys, ends, kept = [], [], []
    x = rows(layers[0][2][0].x)
    for index, (parts, factor, scans) in enumerate(layers):
        known, top, to = parts[0].known, index + 1 == len(layers), True if keep else None
        x = x if factor is None else x * factor
        if visible:
            to = [_memory(known.plan, x, scan.lengths, stack.recompute, top) for scan in scans]
        x, outputs, left = forward_layer(known, x, scans, stack.trace, stack.recompute, to, top and keep)
        ys.append(x)
        for out in outputs:
            ends += [value for value in out[1:] if value is not None]
        kept.append(left)
    return ys, ends, kept


def run(call: Call) -> tuple[Tensor, Sequence[Tensor]]:
    """Run a stack: y of the last layer, and the last states, and the trace, of every scan in turn."""
    if torch.is_grad_enabled() and any([value.requires_grad for value in call.tensors]):
        y, *ends = _Node.apply(call, *call.tensors)  # type: ignore[no-untyped-call]
        return y, ends
    ys, ends, _ = _forward(call.stack, call.layers, False)
    return ys[-1], ends


class _Node(torch.autograd.Function):
    """A stack as one node of autograd. Takes the call and its tensors; gives what `run` gives."""

    @staticmethod
    def forward(ctx: Any, call: Call, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.stack = call.stack
        ctx.counts = len(tensors), len(call.fixed), len(call.layers) - 1
        # Hooks on saved tensors (checkpoints, offloading) must see what weighs most, to free it or to move it.
        ctx.hooked = torch._C._autograd._top_saved_tensors_default_hooks(True) is not None
        ys, ends, kept = _forward(call.stack, call.layers, True, ctx.hooked)
        visible = [memory for left in kept for memory in left.saved] if ctx.hooked else []
        ctx.kept = None if ctx.hooked else kept
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *call.fixed, *ys[:-1], *visible)
        return (ys[-1], *ends)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        stack: Stack = ctx.stack
        needed: Sequence[bool] = ctx.needs_input_grad[1:]
        saved = iter(ctx.saved_tensors)
        tensors, fixed, inner = ([next(saved) for _ in range(count)] for count in ctx.counts)
        states = sum([len(parts) * len(parts[0].known.sizes.states) for parts in stack.layers])
        dy, d_last = upstream[0], list(upstream[1 : 1 + states])
        through_trace = any([d is not None for d in upstream[1 + states :]])
        if torch.is_grad_enabled() or through_trace or transformed(upstream):
            return (None, *through_reference(stack, tensors, fixed, upstream, needed))
        layers, wanted = list(stack.scans(tensors, fixed)), list(stack.scans(needed, fixed))
        kept, ctx.kept = ctx.kept, None
        if ctx.hooked:
            kept = [Kept([None] * len(parts), [next(saved).clone() for _ in parts]) for parts in stack.layers]
        elif kept is None:
            # A second backward pass over a retained graph: the first one used up what forward kept.
            _, _, kept = _forward(stack, layers, True)
        found: list[Tensor | None] = [None] * len(tensors)
        for index in reversed(range(len(layers))):
            begin, end = stack.ends[index - 1] if index else 1, stack.ends[index]
            below = any(needed[:begin])
            if not below and not any(needed[begin:end]):
                break
            parts, factor, scans = layers[index]
            x = inner[index - 1] if index else rows(tensors[0])
            x = x if factor is None else x * factor
            count = len(parts[0].known.sizes.states)
            dys = [None] * len(parts) if dy is None else halves(dy, len(parts))
            arriving = d_last[len(d_last) - len(parts) * count :]
            del d_last[len(d_last) - len(parts) * count :]
            d_parts = [(d, *arriving[at * count : (at + 1) * count]) for at, d in enumerate(dys)]
            wants = [Gradients(below, want.h0, want.c0, want.params) for want in wanted[index][2]]  # type: ignore[arg-type]
            y = inner[index] if index < len(inner) else None
            given = backward_layer(parts[0].known, x, scans, kept[index], y, d_parts, wants, stack.recompute)
            found[begin:end] = [value for part, one in zip(parts, given, strict=True) for value in part.in_order(one)]
            dy = None
            if below:
                dx = given[0].x if len(given) == 1 else given[0].x + given[1].x  # type: ignore[operator]
                dy = dx if factor is None else dx * factor  # type: ignore[operator]
        found[0] = dy if needed[0] else None
        return (None, *found)


def transformed(upstream: Sequence[Tensor | None]) -> bool:
    """Whether gradients are such that only torch's own operators can take them: of a transform of torch.func (so is
    `is_grads_batched`), under a dispatch mode, or of a subclass."""
    return (
        torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack() > 0
        or any([d is not None and type(d) is not Tensor for d in upstream])
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
        for parts, factor, scans in stack.scans(given, fixed):
            x, outputs = y if factor is None else y * factor, []
            for part, scan in zip(parts, scans, strict=True):
                result = reference(part.request(x, scan, stack))
                outputs.append(result.output)
                ends += result.state
                if result.trace is not None:
                    gates = [result.trace[name] for name in part.known.cell.gates]
                    ends += [torch.stack(gates, 2)] if gates else []
                    ends += [result.trace["c"]] if len(result.state) > 1 else []
            y = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
        pairs = zip((y, *ends), upstream, strict=True)
        seeds = [(value, d) for value, d in pairs if d is not None and value.requires_grad]
        sources = [value for value, need in zip(given, needed, strict=True) if need]
        if not seeds or not sources:
            return (None,) * len(needed)
        outs, ds = zip(*seeds, strict=True)
        found = iter(torch.autograd.grad(outs, sources, ds, create_graph=again, allow_unused=True))
    return tuple([next(found) if need else None for need in needed])
