"""What the loss is fed, and how long training waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np


class Feed:
    """Makes what the loss is fed for some rows, and keeps the time.

    Attributes:
        seconds: how long the training thread has waited so far.

    Args:
        make: from row numbers to what the loss is fed.
    """

    def __init__(self, make: Callable[[np.ndarray], Any]) -> None:
        self._make = make
        self.seconds = 0.0

    def take(self, rows: np.ndarray) -> Any:
        """What the loss is fed for these rows."""
        began = time.perf_counter()
        try:
            return self._make(rows)
        finally:
            self.seconds += time.perf_counter() - began
