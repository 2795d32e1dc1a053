"""Sums through common memory, with threads in place of processes: they wait without the interpreter's lock."""

from __future__ import annotations

import mmap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from unroll.training import shared
from unroll.training.shared import SharedSums, shared_sums

_native = pytest.importorskip("unroll._native")
COUNT = 3


def everywhere(tensors: list[list[torch.Tensor]]) -> None:
    """What COUNT processes do, each with tensors of its own: sum them in place, one after the other."""
    memory = mmap.mmap(-1, SharedSums.bytes(COUNT))

    def process(rank: int) -> None:
        sums = SharedSums(memory, rank, COUNT)
        for tensor in tensors[rank]:
            sums.sum_(tensor)

    with ThreadPoolExecutor(COUNT) as pool:
        list(pool.map(process, range(COUNT)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_all_get_the_sum_in_the_order_of_ranks(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    monkeypatch.setattr(shared, "_PLACE", 1 << 12)  # so that larger tensors are laid down in parts
    generator = torch.Generator().manual_seed(0)
    shapes = [(1,), (700, 3), (4, 128), (513,)] * 10
    given = [[(torch.randn(shape, generator=generator) * 1e3).to(dtype) for shape in shapes] for _ in range(COUNT)]
    expected = [parts[0] + parts[1] + parts[2] for parts in zip(*given, strict=True)]
    everywhere(given)
    for own in given:
        assert all(map(torch.equal, own, expected))


def test_what_is_no_number_arrives() -> None:
    odd = [torch.tensor([float("nan"), float("inf"), -0.0, 1.0]) for _ in range(COUNT)]
    odd[1] = torch.tensor([0.0, float("-inf"), -0.0, 2.0])
    everywhere([[part] for part in odd])
    for part in odd:
        assert part[:2].isnan().all()
        assert torch.signbit(part[2])
        assert part[3] == 4


def test_a_bell_is_heard_when_all_have_rung() -> None:
    memory = mmap.mmap(-1, 4096)
    first, second = (_native.Bell(memory, rank, 2) for rank in (0, 1))
    first.ring()
    assert not first.heard(0.0)
    assert not first.heard(0.05)  # long enough to give the core away and to sleep
    second.ring()
    assert first.heard(0.0)
    assert second.heard(0.0)
    second.ring()
    second.ring()
    assert first.heard(0.0)
    assert not second.heard(0.0)


@pytest.mark.parametrize(
    ("memory", "rank", "count", "message"),
    [
        (mmap.mmap(-1, 64), 0, 2, "64 bytes for each process"),
        (memoryview(bytearray(4096))[1:], 0, 2, "64 bytes for each process"),
        (mmap.mmap(-1, 4096), 2, 2, "rank must lie in"),
        (mmap.mmap(-1, 4096), -1, 2, "rank must lie in"),
        (mmap.mmap(-1, 4096), 0, 0, "count in"),
    ],
)
def test_a_bell_has_room_in_its_memory(memory: object, rank: int, count: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _native.Bell(memory, rank, count)


def test_a_bell_writes_to_its_memory() -> None:
    with pytest.raises(BufferError):
        _native.Bell(bytes(4096), 0, 2)


class Group:
    """What `shared_sums` needs of processes, for threads."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(COUNT)
        self._told = b""
        self._votes: list[bool] = []

    def share(self, rank: int, content: bytes) -> bytes:
        if rank == 0:
            self._told = content
        self._barrier.wait()
        return self._told

    def all_say(self, yes: bool) -> bool:
        self._votes.append(yes)
        self._barrier.wait()
        return all(self._votes)


def made(group: Group) -> list[SharedSums | None]:
    def process(rank: int) -> SharedSums | None:
        return shared_sums(rank, COUNT, lambda content: group.share(rank, content), group.all_say)

    with ThreadPoolExecutor(COUNT) as pool:
        return list(pool.map(process, range(COUNT)))


@pytest.mark.skipif(shared._own_memory(1) is None, reason="this system has no memory without a name")
def test_memory_of_the_main_process_is_seen_by_all() -> None:
    every = made(Group())
    tensors = [torch.full((5000,), float(rank)) for rank in range(COUNT)]
    with ThreadPoolExecutor(COUNT) as pool:
        list(pool.map(lambda pair: pair[0].sum_(pair[1]), zip(every, tensors, strict=True)))
    assert all((tensor == 3).all() for tensor in tensors)


def test_where_one_cannot_have_it_none_has(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group()
    kept, seen = shared._mapped, []

    def fails_once(where: str, size: int) -> mmap.mmap | None:
        seen.append(where)
        return None if len(seen) == 2 else kept(where, size)

    monkeypatch.setattr(shared, "_mapped", fails_once)
    assert made(group) == [None] * COUNT


def test_where_the_system_has_none_sockets_do_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_own_memory", lambda size: None)
    assert made(Group()) == [None] * COUNT
