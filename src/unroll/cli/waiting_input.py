"""Blocks of a stream as they come, until it ends or a signal does, and none is lost in between."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator


class Input:
    """What comes from a file descriptor.

    A handler that raises could do so between the reading of a block and its return; here a signal wakes the wait for
    the next block instead.

    Args:
        source: the descriptor.
        stopped: whether no further block is wanted; looked at after every signal.
    """

    def __init__(self, source: int, stopped: Callable[[], bool]) -> None:
        self._source = source
        self._stopped = stopped
        self._wake, self._signalled = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._signalled, False)
        self._before = signal.set_wakeup_fd(self._signalled, warn_on_full_buffer=False)

    def blocks(self, size: int) -> Iterator[bytes]:
        """Yield what is there, at most `size` bytes at once, as soon as anything is."""
        while not self._stopped():
            # Windows waits for sockets alone.
            if os.name != "nt":
                ready, _, _ = select.select([self._source, self._wake], [], [])
                if self._source not in ready:
                    continue
                if self._stopped():
                    return
            block = os.read(self._source, size)
            if not block:
                return
            yield block

    def close(self) -> None:
        """Give the descriptors back."""
        signal.set_wakeup_fd(self._before)
        os.close(self._wake)
        os.close(self._signalled)
