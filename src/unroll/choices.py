"""Which engine does the work, and why not a faster one."""

from __future__ import annotations

import torch
from torch import nn

from unroll.engine import recorded_choices


def explain(layer: nn.Module, *inputs: object, **options: object) -> str:
    """Run a layer or a whole model once and say which engine did each of its scans, and why the faster ones refused.

    Args:
        layer: any module that holds layers of unroll.
        inputs: what its `forward` takes.
        options: keyword arguments of its `forward`.

    Returns:
        One paragraph per scan, in the order in which they ran.

    Example:
        >>> import torch, unroll
        >>> print(unroll.explain(unroll.GRU(3, 5, engine="reference"), torch.zeros(7, 2, 3)))
        GRUCell(3, 5) on (T, B, I) = (7, 2, 3): reference
    """
    with recorded_choices() as choices, torch.no_grad():
        layer(*inputs, **options)
    if not choices:
        return "no scan of unroll ran"
    return "\n".join(str(choice) for choice in choices)
