"""SIGINT and SIGTERM: the run is saved at the next step, then ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


class Interrupted(BaseException):
    """SIGINT or SIGTERM came and the run was saved. Not an `Exception`, so that nothing on the way swallows it.

    Attributes:
        signum: the signal.
        exit_code: what a command exits with: 128 + signum, that is 130 for SIGINT and 143 for SIGTERM.
    """

    def __init__(self, signum: int, message: str) -> None:
        super().__init__(message)
        self.signum = signum
        self.exit_code = 128 + signum


class Stop(BaseException):
    """Raised by a signal inside `Signals.at_once`."""


class Signals:
    """While entered, SIGINT and SIGTERM are noted in `received` instead of ending the process.

    A second SIGINT ends it at once, for an impatient person; with several processes it does not, because a terminal and
    torchrun both pass the same Ctrl-C on. Outside the main thread, where Python allows no handlers, nothing is changed.

    Args:
        alone: whether this is the only process of the run.

    Attributes:
        received: the first signal that came, 0 if none.
    """

    def __init__(self, alone: bool) -> None:
        self.received = 0
        self._alone = alone
        self._at_once = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within, a signal raises `Stop` where it comes: for long work that can be thrown away."""
        self._at_once = True
        try:
            if self.received:
                raise Stop
            yield
        finally:
            self._at_once = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            if self._alone and number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        self.received = number
        if self._at_once:
            raise Stop
