"""Which engine each Keras layer ran on, and which way its mask went."""

from __future__ import annotations

from typing import Any

import torch

from unroll.engine import recorded_choices
from unroll.interop.keras.run import recorded_ways


def explain(model: Any, *inputs: Any, **options: Any) -> str:
    """Run a Keras model once and say which engine did each scan, why not a faster one, and how masks were run.

    Args:
        model: any layer or model of Keras.
        inputs: what it is called with.
        options: keyword arguments of the call, such as `mask` and `training`.

    Returns:
        One paragraph per scan in the order in which they ran, and then a line for each layer whose mask, or whose
        kind, asked for a way of its own.

    Example:
        >>> import numpy
        >>> from unroll.keras import GRU, explain
        >>> print(explain(GRU(5, activation="elu"), numpy.zeros((2, 7, 3), "float32")).splitlines()[0])
        OpenGRUCell(3, 5, inner=Activation(name='elu')) on (T, B, I) = (7, 2, 3): reference
    """
    with recorded_choices() as choices, recorded_ways() as ways, torch.no_grad():
        model(*inputs, **options)
    lines = [str(choice) for choice in choices] + ways
    return "\n".join(lines) if lines else "no recurrent layer of unroll ran"
