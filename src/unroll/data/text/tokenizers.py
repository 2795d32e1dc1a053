"""What every tokenizer can do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np


class Tokenizer(Protocol):
    """What every tokenizer can do. Id 0 is padding and 1 is unknown; neither is ever part of a text.

    Attributes:
        size: how many ids there are, these two included.
        pad_id: 0.
        unknown_id: 1.
    """

    @property
    def size(self) -> int: ...
    @property
    def pad_id(self) -> int: ...
    @property
    def unknown_id(self) -> int: ...
    def encode(self, text: str) -> np.ndarray: ...
    def decode(self, ids: Iterable[int]) -> str: ...
    def to_json(self) -> str: ...
