"""Memory that is free, and still held from the system."""

from __future__ import annotations

import ctypes
import sys


def release() -> None:
    """Hand what is free between blocks in use back to the system.

    Blocks of a few megabytes, such as those of a checkpoint, leave gaps behind which small ones then begin to fill, so
    that the next large block needs new room: over an hour of training the gaps grow to hundreds of megabytes.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(ctypes.c_size_t(0))
