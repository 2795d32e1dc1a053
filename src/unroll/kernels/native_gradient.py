"""Gradients of a native scan where its own backward pass is not enough: second derivatives, and gradients of the trace.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from unroll.kernels.base import ScanRequest
from unroll.kernels.fallback import reference_gradients
from unroll.kernels.native_plan import NOISE, PARAMETERS, cell_of
from unroll.kernels.native_scan import Inputs, Mode


def through_reference(
    inputs: Inputs,
    mode: Mode,
    needed: tuple[bool, ...],
    gradients: tuple[Tensor | None, ...],
) -> tuple[Tensor | None, ...]:
    """Gradients of x, h0, c0 and the parameters through the reference scan, differentiable again."""
    cell = cell_of(mode.how, inputs.params)
    with torch.enable_grad():
        # One tensor may come in twice (tied weights, h0 that is c0); as views they are told apart.
        x = inputs.x.view_as(inputs.x)
        given = (inputs.h0, inputs.c0, *inputs.params)
        h0, c0, *weights = (None if value is None else value.view_as(value) for value in given)
    apart = (x, h0, c0, *weights)
    params = {name: value for name, value in zip(PARAMETERS, weights, strict=True) if value is not None}
    noise = {name: value for name, value in zip(NOISE, inputs.noise, strict=True) if value is not None}
    state = None if h0 is None else cell.State(h0) if c0 is None else cell.State(h0, c0)
    lengths, reset = inputs.lengths, inputs.reset
    request = ScanRequest(cell, params, x, state, lengths, reset, mode.reverse, mode.trace, noise, mode.recompute)
    sources = [value for value, need in zip(apart, needed, strict=True) if need and value is not None]
    dy, dh_n, dc_n, d_gates, d_c = gradients
    names, values = ["output", "h", "c", "trace.c"], [dy, dh_n, dc_n, d_c]
    if d_gates is not None:
        names += [f"trace.{name}" for name in cell.gates]
        values += d_gates.unbind(2)
    kept = [(name, value) for name, value in zip(names, values, strict=True) if value is not None]
    found = iter(reference_gradients(request, sources, [name for name, _ in kept], [value for _, value in kept]))
    return tuple(next(found) if need and value is not None else None for value, need in zip(apart, needed, strict=True))
