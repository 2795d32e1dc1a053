"""The reference scan as kernels see it: given by the engine, which stands above them.

A kernel whose own gradient cannot be differentiated again uses it for the second derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from unroll.kernels.base import ScanRequest, ScanResult

_reference: Callable[[ScanRequest], ScanResult] | None = None


def set_reference(run: Callable[[ScanRequest], ScanResult]) -> None:
    """Say which scan defines what is correct. Called once, by the engine."""
    global _reference
    _reference = run


def reference_gradients(
    request: ScanRequest, inputs: Sequence[Tensor], outputs: Sequence[str], gradients: Sequence[Tensor | None]
) -> tuple[Tensor | None, ...]:
    """Gradients of a scan through the reference, differentiable again where a graph is being recorded.

    Args:
        request: the scan.
        inputs: the tensors of the request whose gradients are wanted.
        outputs: names of outputs: "output", a state, or "trace." and a name of the trace.
        gradients: one for each of `outputs`, None for zero.

    Raises:
        RuntimeError: the engine was never imported.
    """
    if _reference is None:
        raise RuntimeError("the reference scan is not known; import unroll.engine first")
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        result = _reference(request)
        named = {"output": result.output, **result.state._asdict()}
        named |= {f"trace.{name}": value for name, value in (result.trace or {}).items()}
        pairs = [(named[name], value) for name, value in zip(outputs, gradients, strict=True) if value is not None]
        pairs = [(out, value) for out, value in pairs if out.requires_grad]
        if not pairs:
            return tuple(torch.zeros_like(value) for value in inputs)
        outs, seeds = [out for out, _ in pairs], [value for _, value in pairs]
        return torch.autograd.grad(outs, list(inputs), seeds, create_graph=again, allow_unused=True)
