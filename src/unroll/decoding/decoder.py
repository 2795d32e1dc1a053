"""What can be decoded: a network that reads ids and says what comes next.

Shapes: T time, B batch, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor


class Decoder(Protocol):
    """A network that writes, one step at a time: the same step in training, in search and in a stream.

    Whatever the network reads beside the ids (a sentence to translate, an image) is part of the state, so that rows of
    a batch are chosen and repeated by `states.select_rows` alone.
    """

    @property
    def device(self) -> torch.device:
        """Where ids must be."""

    def step(self, ids_BT: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read ids and say what comes after them.

        Args:
            ids_BT: (B, T) integers, T at least 1: in a search the last token alone, at first the text so far.
            state: what an earlier call returned, or None for the start of a text.

        Returns:
            (B, V) logits of the token after the last, and the state after it.
        """
