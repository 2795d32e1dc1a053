"""Native scans on flat arguments, forward and backward, outside of autograd: one, or two of the same x side by side.

Shapes: T time, B batch, I input size, H hidden size, P projection, R = P or H, K gates by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unroll.kernels.native_plan import LSTM, Recipe, plan, sizes

#: `Inputs.noise` where there is none.
NO_NOISE = (None, None, None)


class Inputs(NamedTuple):
    """Everything that a scan reads.

    Attributes:
        x: (T, B, I), any strides.
        h0: (B, R), or None for zeros.
        c0: (B, H), or None for zeros; None if the cell has no memory.
        params: in the order of `native_plan.PARAMETERS`, None where absent.
        lengths: (B,) int64 or None.
        reset: (T, B) bool or None.
        noise: in the order of `native_plan.NOISE`, None where absent.
    """

    x: Tensor
    h0: Tensor | None
    c0: Tensor | None
    params: tuple[Tensor | None, ...]
    lengths: Tensor | None
    reset: Tensor | None
    noise: tuple[Tensor | None, ...]


class Mode(NamedTuple):
    """How a scan runs; plain numbers and text.

    Attributes:
        how: the cell.
        reverse: each row from its own last step to its first.
        trace: also give gates and memories of every step.
        recompute: keep the state every this many steps; 0 keeps everything.
    """

    how: Recipe
    reverse: bool
    trace: bool
    recompute: int


class Scan(NamedTuple):
    """One of the scans that run side by side."""

    inputs: Inputs
    mode: Mode


class Outputs(NamedTuple):
    """What a scan writes; None where the cell or the mode has none.

    y (T, B, R); h_n (B, R); c_n (B, H); gates (T, B, K, H); c (T, B, H).
    """

    y: Tensor
    h_n: Tensor
    c_n: Tensor | None
    gates: Tensor | None
    c: Tensor | None


class Gradients(NamedTuple):
    """Gradients of `Inputs`, None where not wanted; params in the order of `native_plan.PARAMETERS`."""

    x: Tensor | None
    h0: Tensor | None
    c0: Tensor | None
    params: tuple[Tensor | None, ...]


def plan_of(inputs: Inputs, how: Recipe) -> Any:
    """The extension's plan for these inputs."""
    return plan(how, inputs.x.dtype, *sizes(inputs.params))


def settled(inputs: Inputs) -> Inputs:
    """The same values in the memory layout that the extension takes."""
    x, h0, c0, params, lengths, reset, noise = inputs
    return Inputs(
        rows(x),
        None if h0 is None else settled_state(h0),
        None if c0 is None else settled_state(c0),
        params,
        None if lengths is None else lengths.contiguous(),
        None if reset is None else reset.contiguous(),
        noise if noise is NO_NOISE else tuple([None if mask is None else mask.contiguous() for mask in noise]),
    )


def rows(x: Tensor) -> Tensor:
    """`x` with a contiguous last axis. A lazy negation (the imaginary part of a conjugate) is carried out."""
    if x.is_neg():
        x = x.resolve_neg()
    return x if x.stride(-1) == 1 or x.shape[-1] == 1 else x.contiguous()


def settled_state(part: Tensor) -> Tensor:
    """`part` contiguous, without a lazy negation."""
    return (part.resolve_neg() if part.is_neg() else part).contiguous()


def _sequence(inputs: Inputs, reverse: bool) -> tuple[Any, ...]:
    return (inputs.x, inputs.lengths, inputs.reset, reverse, inputs.h0, inputs.c0, *inputs.noise)


def allocate(inputs: Inputs, mode: Mode, y: Tensor | None = None) -> Outputs:
    """Outputs of the right shapes, not yet filled; `y`: where the output goes, new memory if None."""
    x = inputs.x
    steps, batch, _ = x.shape
    _, hidden, projected = sizes(inputs.params)
    width, has_c = projected or hidden, mode.how.cell == LSTM
    if y is None:
        y = x.new_empty((steps, batch, width))
    h_n = x.new_empty((batch, width))
    c_n = x.new_empty((batch, hidden)) if has_c else None
    gates = c = None
    if mode.trace:
        known = 0 if inputs.params[1] is None else inputs.params[1].shape[0] // hidden
        if has_c:
            # A coupled LSTM stacks three gates but has four by name.
            known, c = 4, x.new_empty((steps, batch, hidden))
        if known > 1:
            gates = x.new_empty((steps, batch, known, hidden))
    return Outputs(y, h_n, c_n, gates, c)


def forward(
    plan: Any, scans: Sequence[Scan], packed: Sequence[Any] | None, saved: Any
) -> tuple[Tensor, list[Outputs], Any]:
    """Run settled scans of one plan and one x.

    Args:
        plan: that of every scan.
        scans: one or two, with the same `recompute`.
        packed: the packed weights of each, or None to pack them for this call.
        saved: None (inference), True (keep what backward needs) or, for one scan, uint8 memory to keep it in.

    Returns:
        y (T, B, sum of R), the outputs of each, in which y is a part of it, and what was kept of each if `saved` is
        True.
    """
    if len(scans) == 1:
        outputs = [allocate(*scans[0])]
        y = outputs[0].y
    else:
        x = scans[0].inputs.x
        _, hidden, projected = sizes(scans[0].inputs.params)
        width = projected or hidden
        y = x.new_empty((x.shape[0], x.shape[1], len(scans) * width))
        outputs = [allocate(*scan, part) for scan, part in zip(scans, y.chunk(len(scans), dim=2), strict=True)]
    calls = tuple(
        [
            (
                *_sequence(inputs, mode.reverse),
                inputs.params if packed is None else packed[index],
                *outputs[index],
                saved,
            )
            for index, (inputs, mode) in enumerate(scans)
        ]
    )
    return y, outputs, plan.forward(calls, scans[0].mode.recompute, torch.get_num_threads())


class Upstream(NamedTuple):
    """Gradients of the outputs of a scan, None for zeros: dy (T, B, R), dh_n (B, R), dc_n (B, H)."""

    dy: Tensor | None
    dh_n: Tensor | None
    dc_n: Tensor | None


class Wanted(NamedTuple):
    """Which gradients to compute; params in the order of `native_plan.PARAMETERS`."""

    x: bool
    h0: bool
    c0: bool
    params: Sequence[bool]


def backward(
    plan: Any,
    scans: Sequence[Scan],
    packed: Sequence[Any],
    ys: Sequence[Tensor],
    saved: Sequence[Any],
    upstream: Sequence[Upstream],
    wanted: Sequence[Wanted],
) -> list[Gradients]:
    """Gradients of settled scans, of each.

    Args:
        plan: that of forward.
        scans: those of forward.
        packed: weights packed for training, of each.
        ys: forward's outputs, of each.
        saved: what forward kept, of each; used up.
        upstream: gradients of the outputs.
        wanted: which gradients to compute.
    """
    found, calls = [], []
    for (inputs, mode), weights, y, kept, (dy, dh_n, dc_n), want in zip(
        scans, packed, ys, saved, upstream, wanted, strict=True
    ):
        x, h0, c0 = inputs.x, inputs.h0, inputs.c0
        gradients = Gradients(
            x.new_empty(x.shape) if want.x else None,
            torch.empty_like(h0) if want.h0 and h0 is not None else None,
            torch.empty_like(c0) if want.c0 and c0 is not None else None,
            tuple(
                [
                    torch.empty_like(value) if need and value is not None else None
                    for value, need in zip(inputs.params, want.params, strict=True)
                ]
            ),
        )
        found.append(gradients)
        calls.append(
            (
                *_sequence(inputs, mode.reverse),
                weights,
                inputs.params,
                rows(y),
                kept,
                None if dy is None else rows(dy),
                None if dh_n is None else settled_state(dh_n),
                None if dc_n is None else settled_state(dc_n),
                gradients.x,
                gradients.h0,
                gradients.c0,
                gradients.params,
            )
        )
    plan.backward(tuple(calls), scans[0].mode.recompute, torch.get_num_threads())
    return found


def pack(plan: Any, params: tuple[Tensor | None, ...]) -> Any:
    """Weights packed for forward and backward."""
    return plan.pack(params, True, torch.get_num_threads())
