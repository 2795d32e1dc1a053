"""What is shown while training."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Where the loop says how far it is."""

    def note(self, text: str) -> None:
        """Say something once."""


class Silent:
    """Shows nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""
