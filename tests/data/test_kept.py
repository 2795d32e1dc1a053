"""Rows that are made once and kept in a mapped file."""

import shutil
import tracemalloc
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from unroll.data import kept
from unroll.data.kept import KeptRows, Numbers, Ragged
from unroll.errors import DataError


def drawn(rows: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(-9, 1000, rng.integers(0, 40)).astype(np.int32) for _ in range(rows)]


@pytest.mark.parametrize("mapped", [False, True])
def test_ranges_are_those_of_what_was_appended_while_the_room_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mapped: bool
) -> None:
    monkeypatch.setattr(kept, "_FIRST", 8)
    rows, numbers = drawn(50), Numbers(np.int32, tmp_path if mapped else None)
    before = numbers.all
    starts = np.array([numbers.append(row) for row in rows])
    lengths = np.array([len(row) for row in rows])
    assert len(numbers) == lengths.sum()
    assert numbers.all.tolist() == np.concatenate(rows).tolist()
    order = np.random.default_rng(1).permutation(50)[:30]
    assert numbers.ranges(starts[order], lengths[order]).tolist() == np.concatenate([rows[i] for i in order]).tolist()
    assert numbers.ranges(starts[:0], lengths[:0]).tolist() == []
    assert len(before) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mapped", [False, True])
def test_every_row_is_made_once_and_comes_in_the_order_asked_for(tmp_path: Path, mapped: bool) -> None:
    rows, made = drawn(40), []

    def make(wanted: np.ndarray) -> Ragged:
        made.extend(wanted.tolist())
        own = [rows[row] for row in wanted]
        return Ragged(np.concatenate(own), np.array([len(row) for row in own]))

    keeper = KeptRows(40, make, tmp_path if mapped else None)
    for seed in range(6):
        wanted = np.random.default_rng(seed).permutation(40)[:15]
        values, lengths = keeper.of(wanted)
        assert lengths.tolist() == [len(rows[row]) for row in wanted]
        assert values.tolist() == np.concatenate([rows[row] for row in wanted]).tolist()
    assert len(made) == len(set(made)) > 30


def test_what_is_kept_takes_no_memory(tmp_path: Path) -> None:
    row = np.arange(1000, dtype=np.int32)

    def make(wanted: np.ndarray) -> Ragged:
        return Ragged(np.tile(row, len(wanted)), np.full(len(wanted), 1000))

    def held(folder: Path | None) -> int:
        tracemalloc.start()
        keeper = KeptRows(1000, make, folder)
        for at in range(0, 1000, 50):
            keeper.of(np.arange(at, at + 50))
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size

    assert held(None) > 4_000_000
    assert held(tmp_path) < 100_000


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(200 * 2**20))
    with pytest.raises(DataError, match=r"the disk is nearly full.*TMPDIR"):
        Numbers(np.int32, tmp_path).append(np.zeros(3))
