"""The processes of one run: who am I, and what passes between us.

torchrun starts them and says in the environment who is who; torch.distributed carries what passes. Its wrapped model
(DistributedDataParallel) is not used: it averages over processes whatever their share of the batch, hangs when a share
is empty, and hides the model's own methods.
"""

from __future__ import annotations

import atexit
import datetime
import functools
import os
import socket

import torch
import torch.distributed
from torch import Tensor

from unroll.errors import UnrollError
from unroll.training.shared import SharedSums, shared_sums
from unroll.training.watch import Watch

#: From so many bytes on, a sum through common memory is faster than one through sockets.
_LARGE = 1 << 14


class ProcessLostError(UnrollError):
    """Another process of the run has ended or does not answer."""


class Processes:
    """The processes of one run, seen from one of them. Made once, by `processes()`.

    Attributes:
        rank: this process's number, from 0.
        count: how many there are.
        device: where this process computes.
        shared: what adds up large tensors where the processes share a machine; `processes()` sets it.
    """

    def __init__(self, rank: int, count: int, device: torch.device) -> None:
        self.rank = rank
        self.count = count
        self.device = device
        self.shared: SharedSums | None = None

    @property
    def main(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def sum_(self, tensor: Tensor) -> None:
        """Replace the tensor, in place, by its sum over all processes.

        Raises:
            ProcessLostError: another process has ended.
        """
        if self.count == 1:
            return
        if self.shared is not None and tensor.nbytes >= _LARGE and tensor.is_cpu and tensor.is_contiguous():
            self.shared.sum_(tensor)
            return
        try:
            torch.distributed.all_reduce(tensor)
        except RuntimeError as error:
            raise self._lost() from error

    def all_say(self, yes: bool) -> bool:
        """Whether every process says yes; it comes back when all have called it.

        Raises:
            ProcessLostError: another process has ended.
        """
        votes = torch.tensor([float(yes)], device=self.device)
        self.sum_(votes)
        return float(votes) == self.count

    def share(self, content: bytes) -> bytes:
        """The bytes that the main process gave.

        Raises:
            ProcessLostError: another process has ended.
        """
        if self.count == 1:
            return content
        size = self._broadcast(torch.tensor([len(content)], dtype=torch.int64, device=self.device))
        buffer = torch.empty(int(size), dtype=torch.uint8, device=self.device)
        if self.main:
            buffer.copy_(_tensor(content))
        return self._broadcast(buffer).cpu().numpy().tobytes()

    def share_(self, tensor: Tensor) -> None:
        """Replace the tensor, in place, by the main process's.

        Raises:
            ProcessLostError: another process has ended.
        """
        if self.count > 1:
            self._broadcast(tensor)

    def collect(self, content: bytes) -> list[bytes]:
        """The bytes that each process gave, in the order of ranks, on every process.

        Raises:
            ProcessLostError: another process has ended.
        """
        if self.count == 1:
            return [content]
        sizes = torch.zeros(self.count, dtype=torch.int64, device=self.device)
        sizes[self.rank] = len(content)
        self.sum_(sizes)
        padded = torch.zeros(int(sizes.max()), dtype=torch.uint8, device=self.device)
        padded[: len(content)] = _tensor(content)
        gathered = [torch.empty_like(padded) for _ in range(self.count)]
        try:
            torch.distributed.all_gather(gathered, padded)
        except RuntimeError as error:
            raise self._lost() from error
        return [each[:size].cpu().numpy().tobytes() for each, size in zip(gathered, sizes.tolist(), strict=True)]

    def _broadcast(self, tensor: Tensor) -> Tensor:
        try:
            torch.distributed.broadcast(tensor, src=0)
        except RuntimeError as error:
            raise self._lost() from error
        return tensor

    def _lost(self) -> ProcessLostError:
        return ProcessLostError(
            f"process {self.rank} of {self.count}: another process of this run has ended;"
            " the last checkpoint is intact: start all of them again with --resume"
        )


@functools.cache
def processes() -> Processes:
    """The processes of this run; the first call joins them.

    One process, unless a launcher such as torchrun says otherwise. Call it before any long work, so that the loss of
    another process is noticed from then on.
    """
    count, local = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_WORLD_SIZE", "0"))
    if count > 1 and count == local:
        # All on this machine: gloo would otherwise listen on whatever address the host's name resolves to.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", _loopback())
    rank, device = int(os.environ.get("RANK", "0")), _device(count)
    if count > 1:
        # No time limit on waiting: rank 0 may validate for hours. Who watches the others is Watch.
        torch.distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            timeout=datetime.timedelta(days=365),
            device_id=device if device.type == "cuda" else None,
        )
    joined = Processes(rank, count, device)
    if joined.count > 1:
        watch = Watch(joined.rank, joined.count)
        watch.start()
        atexit.register(torch.distributed.destroy_process_group)
        atexit.register(watch.finish)
        if count == local and device.type == "cpu":
            joined.shared = shared_sums(rank, count, joined.share, joined.all_say)
    return joined


def _device(count: int) -> torch.device:
    """Where this process computes: the accelerator if there is one, each process of a machine on one of its own."""
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
        return device
    # Only CUDA's accelerators can pass tensors between processes here; the others serve one process.
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return torch.device("cpu") if count > 1 or accelerator is None else accelerator


def _loopback() -> str:
    names = [name for _index, name in socket.if_nameindex()]
    return next((name for name in names if name in ("lo", "lo0")), names[0])


def _tensor(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else torch.empty(0, dtype=torch.uint8)
