"""Scans of one layer side by side, forward and backward, outside of autograd.

This is the one place that tells the extension what to do. `Scan`, `Outputs` and `Gradients` name the items of its
tuples, in the order of the enumerators in csrc/binding/plan.cpp.

Shapes: T time, B batch, I input size, H hidden size, R output size, K gates by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unroll.kernels.native_plan import Known, Sizes

#: Where the last states of two scans go if nobody says.
ANYWHERE = (None, None)


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


def allocate(x: Tensor, y: Tensor | None, sizes: Sizes, trace: bool, last: Sequence[Tensor] | None = None) -> Outputs:
    """Outputs of the right shapes, not yet filled. `y` and `last`: where the output and the last states go; new memory
    if None."""
    steps, batch, _ = x.shape
    new, widths = x.new_empty, sizes.states
    if y is None:
        y = new((steps, batch, widths[0]))
    if last is None:
        last = [new((batch, width)) for width in widths]
    c_n = last[1] if len(widths) > 1 else None
    if not trace:
        return Outputs(y, last[0], c_n, None, None)
    gates = new((steps, batch, sizes.gates, sizes.hidden)) if sizes.gates else None
    return Outputs(y, last[0], c_n, gates, None if c_n is None else new((steps, batch, sizes.hidden)))


def _aligned(x: Tensor) -> Tensor:
    """`x` in memory that begins at a whole element, which that of a file need not."""
    return x.clone() if x.data_ptr() % x.element_size() else x


def rows(x: Tensor) -> Tensor:
    """`x` with a contiguous last axis, without a lazy negation (the imaginary part of a conjugate has one)."""
    if x.is_neg():
        x = x.resolve_neg()
    return _aligned(x) if x.stride(-1) == 1 or x.shape[-1] == 1 else x.contiguous()


def settled(part: Tensor | None) -> Tensor | None:
    """`part` contiguous, without a lazy negation."""
    return part if part is None else _aligned(part.resolve_neg().contiguous())


def halves(y: Tensor, count: int) -> Sequence[Tensor]:
    """The part of each of `count` scans in (T, B, sum of R)."""
    return (y,) if count == 1 else y.chunk(count, dim=2)


class Kept(NamedTuple):
    """What the forward pass of a layer leaves for backward, of each scan: the packed weights (None: to be packed
    again), and what was saved of its steps, which backward uses up."""

    packed: Sequence[Any]
    saved: Sequence[Any]


def forward_layer(
    known: Known,
    x: Tensor,
    scans: Sequence[Scan],
    trace: bool,
    recompute: int,
    keep: Any,
    own_y: bool,
    last: Sequence[Any] = ANYWHERE,
) -> tuple[Tensor, list[Outputs], Kept | None]:
    """Run scans of one plan side by side.

    Args:
        known: the cell.
        x: what they read.
        scans: one or two.
        trace: as in `Stack`, and so is `recompute`.
        keep: None (inference), True (keep what backward needs), or uint8 memory of each scan to keep it in.
        own_y: keep a copy of y there too, since the caller's may change before backward.
        last: of each where its last state goes, as in `allocate`.

    Returns:
        y (T, B, sum of R), the outputs of each, in which y is a part of it, and what is left for backward.
    """
    count, threads, sizes, plan = len(scans), torch.get_num_threads(), known.sizes, known.plan
    if count == 1:
        outputs = [allocate(x, None, sizes, trace, last[0])]
        y = outputs[0][0]
    else:
        y = x.new_empty((x.shape[0], x.shape[1], count * sizes.states[0]))
        outputs = [allocate(x, part, sizes, trace, to) for part, to in zip(halves(y, count), last, strict=False)]
    if keep is None:
        plan.forward(
            tuple([(x, *scan[1:], *out, None) for scan, out in zip(scans, outputs, strict=True)]), recompute, threads
        )
        return y, outputs, None
    packed = [plan.pack(scan[9], True, threads) for scan in scans]
    places = [True] * count if keep is True else keep
    calls = [(x, *scan[1:9], own, *out, to) for scan, own, out, to in zip(scans, packed, outputs, places, strict=True)]
    saved = plan.forward(tuple(calls), recompute, threads, own_y)
    return y, outputs, Kept(packed, saved if keep is True else places)


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
    wanted: Sequence[Sequence[Any]],
    recompute: int,
) -> list[Gradients]:
    """Gradients of what each scan read.

    Args:
        known: as in forward, and so are x, the scans and `recompute`.
        kept: what forward left.
        y: forward's (T, B, sum of R), or None if it kept its own.
        upstream: of each scan the gradients of y, of h_n and perhaps of c_n, None for zeros.
        wanted: of each scan what `Gradients` has, with true where it is wanted.
    """
    found, calls = [], []
    ys = [None] * len(scans) if y is None else halves(y, len(scans))
    for scan, weights, saved, own, (dy, *d_last), want in zip(scans, *kept, ys, upstream, wanted, strict=True):
        params = scan[9]
        gradients = Gradients(
            # Steps that lie over each other in memory have gradients that do not.
            rows(torch.empty_like(x)) if want[0] else None,
            torch.empty_like(scan[4]) if want[1] else None,
            torch.empty_like(scan[5]) if want[2] else None,
            tuple([torch.empty_like(v) if need else None for v, need in zip(params, want[3], strict=True)]),
        )
        found.append(gradients)
        arriving = (None if dy is None else rows(dy), *[settled(d) for d in d_last], None)[:3]
        calls.append((x, *scan[1:9], weights, params, own, saved, *arriving, *gradients))
    known.plan.backward(tuple(calls), recompute, torch.get_num_threads())
    return found
