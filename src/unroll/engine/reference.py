"""The reference scan: plain torch, any cell, any device, differentiable twice. It defines what is correct.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from unroll.kernels.base import Layer, LayersResult, ScanRequest, ScanResult, first_state, in_turn
from unroll.kernels.torch_nn import reversal, turned


class ReferenceKernel:
    """The last row of the table: never refuses."""

    name = "reference"

    def refuse(self, request: ScanRequest) -> str | None:
        return None

    def run(self, request: ScanRequest) -> ScanResult:
        x, lengths = request.x, request.lengths
        steps, batch, _ = x.shape
        active = None
        if lengths is not None:
            active = (torch.arange(steps, device=x.device).unsqueeze(1) < lengths).unsqueeze(-1)
            # Padding may hold NaN, and NaN times a gradient of zero is NaN: it must go before the first product.
            x = torch.where(active, x, torch.zeros((), dtype=x.dtype, device=x.device))
        reset = None if request.reset is None else request.reset.unsqueeze(-1)
        noise = {name: mask.expand(steps, *mask.shape[1:]) for name, mask in request.noise.items()}
        index = None
        if request.reverse:
            index = reversal(steps, lengths, batch, x.device)
            x = turned(x, index)
            reset = None if reset is None else turned(reset, index)
            noise = {name: turned(mask, index) for name, mask in noise.items()}
        span = request.recompute or max(steps, 1)
        outputs: list[Tensor] = []
        traces: dict[str, list[Tensor]] = {}
        state = first_state(request)
        for start in range(0, steps, span):
            window = slice(start, min(start + span, steps))
            arguments = (
                request,
                x[window],
                state,
                None if active is None else active[window],
                None if reset is None else reset[window],
                {name: mask[window] for name, mask in noise.items()},
            )
            if request.recompute and torch.is_grad_enabled():
                out, state, trace = checkpoint(_run_window, *arguments, use_reentrant=False)
            else:
                out, state, trace = _run_window(*arguments)
            outputs.append(out)
            for name, values in trace.items():
                traces.setdefault(name, []).append(values)
        output = torch.cat(outputs) if outputs else x.new_zeros(0, batch, request.cell.output_size)
        trace = None
        if request.trace:
            trace = {name: torch.cat(values) for name, values in traces.items()}
            if not steps:
                trace = _empty_trace(request, batch)
        if index is not None:
            output = turned(output, index)
            trace = None if trace is None else {name: turned(values, index) for name, values in trace.items()}
        return ScanResult(output, state, trace)

    def run_layers(self, layers: Sequence[Layer[ScanRequest]]) -> LayersResult:
        return in_turn(self.run, layers)


def _run_window(
    request: ScanRequest,
    x: Tensor,
    state: Any,
    active: Tensor | None,
    reset: Tensor | None,
    noise: Mapping[str, Tensor],
) -> tuple[Tensor, Any, dict[str, Tensor]]:
    """Some steps in a row: outputs (steps, B, ·), the state after them, and the trace."""
    cell, params = request.cell, request.params
    projected = cell.project(params, x)
    outputs = []
    traces: dict[str, list[Tensor]] = {}
    zero = torch.zeros((), dtype=x.dtype, device=x.device)
    for t in range(x.shape[0]):
        if reset is not None:
            state = type(state)(*(torch.where(reset[t], zero, part) for part in state))
        step = cell.step(params, projected[t], state, {name: mask[t] for name, mask in noise.items()})
        output = step.output
        if active is None:
            state = step.state
        else:
            output = torch.where(active[t], output, zero)
            state = type(state)(*(torch.where(active[t], new, old) for new, old in zip(step.state, state, strict=True)))
        outputs.append(output)
        if request.trace:
            seen = {**step.state._asdict(), **step.gates}
            for name, value in seen.items():
                traces.setdefault(name, []).append(value if active is None else torch.where(active[t], value, zero))
    return torch.stack(outputs), state, {name: torch.stack(values) for name, values in traces.items()}


def _empty_trace(request: ScanRequest, batch: int) -> dict[str, Tensor]:
    """The trace of no steps at all: (0, B, ·) by name."""
    sizes = {**request.cell.state_sizes(), **dict.fromkeys(request.cell.gates, request.cell.hidden_size)}
    return {name: request.x.new_zeros(0, batch, size) for name, size in sizes.items()}
