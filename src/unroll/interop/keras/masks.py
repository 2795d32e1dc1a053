"""Masks of Keras as lengths.

Keras carries the state over a masked step and repeats the last output there. A row in which the valid steps come first
is a row with a length. Any other row is one after its valid steps are moved to the front, since the masked ones change
nothing; afterwards each step takes the output of the last valid one before it.

Shapes: T time, B batch, H hidden size.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Steps(NamedTuple):
    """Which steps of each row are run.

    Attributes:
        mask: (B, T) bool, or None if every step is valid.
        lengths: (B,) valid steps, or None likewise.
        order: (B, T) the steps with the valid ones first, or None if they already come first.
        way: how the mask is run, in words; empty for none.
    """

    mask: Tensor | None
    lengths: Tensor | None
    order: Tensor | None
    way: str


ALL = Steps(None, None, None, "")


def steps_of(mask: Tensor | None) -> Steps:
    """What a mask (B, T) asks for. The values are looked at only outside of a captured graph."""
    if mask is None:
        return ALL
    mask = mask.bool()
    lengths = mask.sum(1)
    if not torch.compiler.is_compiling():
        first = torch.arange(mask.shape[1], device=mask.device) < lengths.unsqueeze(1)
        if torch.equal(first, mask):
            if bool(mask.all()):
                return ALL
            return Steps(mask, lengths, None, "the mask is right-padded and runs as lengths")
    order = torch.argsort((~mask).byte(), dim=1, stable=True)
    return Steps(mask, lengths, order, "the mask has gaps: valid steps are moved to the front and run as lengths")


def arranged(x: Tensor, steps: Steps) -> Tensor:
    """(B, T, I) in the order in which the steps are run."""
    if steps.order is None:
        return x
    return x.gather(1, steps.order.unsqueeze(2).expand_as(x))


def sequences(y: Tensor, steps: Steps, *, backwards: bool, zero: bool) -> Tensor:
    """Keras's outputs (B, T, H), in the order in which it goes through the steps.

    Args:
        y: (B, T, H) as the scan gives it: at the places of `arranged`, zero past a row's length.
        steps: of the mask.
        backwards: whether the scan ran from the end.
        zero: masked steps give zeros and not the output before them.
    """
    mask, lengths = steps.mask, steps.lengths
    if mask is not None and lengths is not None and (steps.order is not None or not (backwards or zero)):
        if backwards:
            # The steps from t on that were run when Keras has come to t.
            done = mask.flip(1).cumsum(1).flip(1)
            last = lengths.unsqueeze(1) - done
        else:
            done = mask.cumsum(1)
            last = done - 1
        there = mask if zero else done > 0
        index = last.clamp(0, y.shape[1] - 1).unsqueeze(2).expand_as(y)
        y = torch.where(there.unsqueeze(2), y.gather(1, index), torch.zeros((), dtype=y.dtype, device=y.device))
    return y.flip(1) if backwards else y


def last_output(h: Tensor, steps: Steps, *, backwards: bool, zero: bool) -> Tensor:
    """Keras's last output (B, H), from the last state: zero for a row without valid steps."""
    if steps.mask is None or steps.lengths is None:
        return h
    there = (steps.mask[:, 0] if backwards else steps.mask[:, -1]) if zero else steps.lengths > 0
    return torch.where(there.unsqueeze(1), h, torch.zeros((), dtype=h.dtype, device=h.device))
