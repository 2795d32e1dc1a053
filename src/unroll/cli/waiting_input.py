"""Blocks of a stream as they come, until it ends or a signal does, and none is lost in between."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO


class Input:
    """What comes from a stream of bytes.

    A handler that raises could do so between the reading of a block and its return; here a signal wakes the wait for
    the next block instead.

    Args:
        source: the stream; one that is not the operating system's is read as it is.
        stopped: whether no further block is wanted; looked at after every signal.
    """

    def __init__(self, source: BinaryIO, stopped: Callable[[], bool]) -> None:
        self._stream = source
        self._stopped = stopped
        self._before: int | None = None
        self._wake, self._signalled = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._signalled, False)
        # Python lets no other thread do that, and sends signals to none.
        if threading.current_thread() is threading.main_thread():
            self._before = signal.set_wakeup_fd(self._signalled, warn_on_full_buffer=False)

    def blocks(self, size: int) -> Iterator[bytes]:
        """Yield what is there, at most `size` bytes at once, as soon as anything is."""
        try:
            source = self._stream.fileno()
        except OSError:
            yield from iter(lambda: self._stream.read(size), b"")
            return
        while not self._stopped():
            # Windows waits for sockets alone.
            if os.name != "nt":
                ready, _, _ = select.select([source, self._wake], [], [])
                if source not in ready:
                    continue
                if self._stopped():
                    return
            block = os.read(source, size)
            if not block:
                return
            yield block

    def close(self) -> None:
        """Give the descriptors back."""
        if self._before is not None:
            signal.set_wakeup_fd(self._before)
        os.close(self._wake)
        os.close(self._signalled)
