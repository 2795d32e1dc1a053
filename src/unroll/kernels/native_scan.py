"""One native scan on flat arguments, forward and backward, outside of autograd.

Shapes: T time, B batch, I input size, H hidden size, P projection, R = P or H, K gates by name.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from unroll.kernels.native_plan import Recipe, plan, sizes


class Inputs(NamedTuple):
    """Everything that a scan reads.

    Attributes:
        x: (T, B, I), any strides.
        h0: (B, R).
        c0: (B, H), or None if the cell has no memory.
        params: in the order of `native_plan.PARAMETERS`, None where absent.
        lengths: (B,) int64 or None.
        reset: (T, B) bool or None.
        noise: in the order of `native_plan.NOISE`, None where absent.
    """

    x: Tensor
    h0: Tensor
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
        settled_state(h0),
        None if c0 is None else settled_state(c0),
        params,
        None if lengths is None else lengths.contiguous(),
        None if reset is None else reset.contiguous(),
        tuple([None if mask is None else mask.contiguous() for mask in noise]),
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


def allocate(inputs: Inputs, mode: Mode) -> Outputs:
    """Outputs of the right shapes, not yet filled."""
    x, h0, c0 = inputs.x, inputs.h0, inputs.c0
    steps, batch = x.shape[0], x.shape[1]
    y = x.new_empty((steps, batch, h0.shape[1]))
    gates = c = None
    if mode.trace:
        hidden = h0.shape[1] if c0 is None else c0.shape[1]
        known = 0 if inputs.params[1] is None else inputs.params[1].shape[0] // hidden
        if c0 is not None:
            # A coupled LSTM stacks three gates but has four by name.
            known, c = 4, x.new_empty((steps, batch, hidden))
        if known > 1:
            gates = x.new_empty((steps, batch, known, hidden))
    return Outputs(y, torch.empty_like(h0), None if c0 is None else torch.empty_like(c0), gates, c)


def forward(inputs: Inputs, mode: Mode, packed: Any, saved: Any) -> tuple[Outputs, Any]:
    """Run one scan on settled inputs.

    Args:
        inputs: settled.
        mode: how.
        packed: packed weights, or None to pack them for this call.
        saved: None (inference), True (keep what backward needs) or uint8 memory to keep it in.

    Returns:
        The outputs, and what was kept if `saved` is True.
    """
    out = allocate(inputs, mode)
    weights = inputs.params if packed is None else packed
    call = (*_sequence(inputs, mode.reverse), weights, *out, saved)
    kept = plan_of(inputs, mode.how).forward((call,), mode.recompute, torch.get_num_threads())
    return out, kept[0] if saved is True else None


def backward(
    inputs: Inputs,
    mode: Mode,
    packed: Any,
    y: Tensor,
    saved: Any,
    dy: Tensor | None,
    dh_n: Tensor | None,
    dc_n: Tensor | None,
    wanted: tuple[bool, bool, bool, tuple[bool, ...]],
) -> Gradients:
    """Gradients of one scan on settled inputs.

    Args:
        inputs: those of forward.
        mode: that of forward.
        packed: weights packed for training, or None to pack them for this call.
        y: forward's output.
        saved: what forward kept; used up.
        dy: (T, B, R) or None for zeros.
        dh_n: (B, R) or None.
        dc_n: (B, H) or None.
        wanted: which gradients to compute: x, h0, c0, params.
    """
    want_x, want_h0, want_c0, want_params = wanted
    x, h0, c0 = inputs.x, inputs.h0, inputs.c0
    gradients = Gradients(
        x.new_empty(x.shape) if want_x else None,
        torch.empty_like(h0) if want_h0 else None,
        torch.empty_like(c0) if want_c0 and c0 is not None else None,
        tuple(
            [
                torch.empty_like(value) if want and value is not None else None
                for value, want in zip(inputs.params, want_params, strict=True)
            ]
        ),
    )
    call = (
        *_sequence(inputs, mode.reverse),
        packed,
        inputs.params,
        rows(y),
        saved,
        None if dy is None else rows(dy),
        None if dh_n is None else settled_state(dh_n),
        None if dc_n is None else settled_state(dc_n),
        gradients.x,
        gradients.h0,
        gradients.c0,
        gradients.params,
    )
    plan_of(inputs, mode.how).backward((call,), mode.recompute, torch.get_num_threads())
    return gradients


def pack(inputs: Inputs, how: Recipe) -> Any:
    """Weights packed for forward and backward."""
    return plan_of(inputs, how).pack(inputs.params, True, torch.get_num_threads())
