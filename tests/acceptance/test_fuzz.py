"""Damaged inputs of every kind, and damaged run folders: only unroll's own errors leave."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import fuzz


def test_undamaged_inputs_are_taken(tmp_path: Path) -> None:
    for name, data in fuzz.whole_files().items():
        (folder := tmp_path / name).mkdir()
        assert fuzz.try_file(name, data, folder) is None


def test_damage_depends_on_the_seed_alone() -> None:
    data = bytes(range(256))
    assert fuzz.damaged(data, random.Random(3)) == fuzz.damaged(data, random.Random(3)) != data


def test_another_error_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "open_table", lambda *_: 1 / 0)
    assert "ZeroDivisionError" in str(fuzz.try_file("a.csv", b"x", tmp_path))


def test_a_hundred_damaged_inputs() -> None:
    assert list(fuzz.failures(100, 1)) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_ten_thousand_damaged_inputs(seed: int) -> None:
    assert list(fuzz.failures(2_500, seed)) == []
