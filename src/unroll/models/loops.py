"""Loops over time of equations that are no recurrent layer, which stay loops where a network is captured for a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

#: From what is carried and the slices of one step, to what is carried on and what the step gives.
LoopStep = Callable[[Sequence[Tensor], Sequence[Tensor]], tuple[Sequence[Tensor], Tensor]]


def over_steps(
    step: LoopStep, first: Sequence[Tensor], given: Sequence[Tensor], *, reverse: bool = False
) -> tuple[Sequence[Tensor], Tensor]:
    """Run a step over the first axis of some tensors.

    Args:
        step: changes nothing in place, and gives no tensor that it was given.
        first: what the first step finds carried.
        given: (T, ...) each.
        reverse: begin with the last step.

    Returns:
        What the last step carries on, and (T, ...) what the steps gave, in the order of `given`.
    """
    if torch.compiler.is_exporting():
        # A loop in Python would be captured step by step. Not public yet, so it is asked for only here.
        from torch._higher_order_ops.scan import scan

        def dense(carried: Sequence[Tensor], slices: Sequence[Tensor]) -> tuple[Sequence[Tensor], Tensor]:
            after, one = step(carried, slices)
            # What is carried must keep its strides, as well as its shape.
            return [part.clone(memory_format=torch.contiguous_format) for part in after], one

        begun = [part.clone(memory_format=torch.contiguous_format) for part in first]
        carried, made = scan(dense, begun, list(given), reverse=reverse)
        return carried, made
    count = given[0].shape[0]
    made_steps: list[Tensor] = []
    carried = first
    for index in range(count - 1, -1, -1) if reverse else range(count):
        carried, one = step(carried, [part[index] for part in given])
        made_steps.append(one)
    return carried, torch.stack(made_steps[::-1] if reverse else made_steps)
