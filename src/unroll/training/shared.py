"""Sums over the processes of one machine, through memory that all of them see.

Sockets pass less than a gigabyte a second between two processes, which for the gradients of a small network is as long
as the step; through common memory a sum costs a copy and a read.
"""

from __future__ import annotations

import importlib
import mmap
import os
from collections.abc import Callable

import torch
from torch import Tensor

#: Bytes that a process lays down at a time.
_PLACE = 1 << 22
#: Seconds after which a wait for others comes back to Python, so that signals are handled.
_PATIENCE = 0.1


class SharedSums:
    """Adds up what every process lays down in a place of its own. All add in the order of ranks and get the same bits.

    There are two sets of places, used in turns, so that one bell for each is enough: who lays down the numbers after
    the next ones has heard the bell of the next ones, which everybody rings after reading these.

    Args:
        memory: that all processes see, `SharedSums.bytes` of it, zeros at first.
        rank: this process's number.
        count: how many there are.

    Raises:
        ImportError: the native extension, which has the bell, is not there.
    """

    def __init__(self, memory: mmap.mmap, rank: int, count: int) -> None:
        bell = importlib.import_module("unroll._native").Bell
        self._bell = bell(memory, rank, count)
        self._places = torch.frombuffer(memory, dtype=torch.uint8)[bell.bytes(count) :].view(2, count, _PLACE)
        self._rank = rank
        self._turn = 0

    @staticmethod
    def bytes(count: int) -> int:
        """How much memory so many processes need."""
        return int(importlib.import_module("unroll._native").Bell.bytes(count)) + 2 * count * _PLACE

    def sum_(self, tensor: Tensor) -> None:
        """Replace a contiguous tensor on the CPU, in place, by its sum over all processes, which all call this."""
        for part in torch.split(tensor.view(-1), _PLACE // tensor.element_size()):
            self._turn = 1 - self._turn
            places = self._places[self._turn, :, : part.numel() * part.element_size()].view(part.dtype)
            places[self._rank].copy_(part)
            self._bell.ring()
            while not self._bell.heard(_PATIENCE):
                continue
            first, second, *rest = places.unbind(0)
            torch.add(first, second, out=part)
            for place in rest:
                part.add_(place)


def shared_sums(
    rank: int, count: int, share: Callable[[bytes], bytes], all_say: Callable[[bool], bool]
) -> SharedSums | None:
    """Sums for the processes of this machine; None, for all of them, where one of them cannot have them.

    The memory is the main process's and has no name in the file system, so nothing is left of it however the processes
    end. All call this together.

    Args:
        rank: this process's number.
        count: how many there are.
        share: gives every process the bytes of the main one.
        all_say: whether every process says yes.
    """
    try:
        size = SharedSums.bytes(count)
    except ImportError:
        size = 0
    own = _own_memory(size) if rank == 0 and size else None
    where = share(b"" if own is None else f"/proc/{os.getpid()}/fd/{own}".encode()).decode()
    seen = _mapped(where, size) if where and size else None
    together = all_say(seen is not None)
    if own is not None:
        os.close(own)
    return SharedSums(seen, rank, count) if seen is not None and together else None


def _mapped(where: str, size: int) -> mmap.mmap | None:
    try:
        with open(where, "r+b", buffering=0) as file:
            return mmap.mmap(file.fileno(), size)
    except (OSError, ValueError):
        return None


def _own_memory(size: int) -> int | None:
    """A file descriptor of new memory."""
    if not hasattr(os, "memfd_create"):
        return None
    try:
        own = os.memfd_create("unroll-sums", os.MFD_CLOEXEC)
    except OSError:
        return None
    os.truncate(own, size)
    return own
