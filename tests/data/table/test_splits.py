"""Splits and batches: disjoint, complete, in proportion, and the same everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.helpers import read, write
from unroll.data import Table, bucketed_batches, pad_series, pad_tokens, split_rows
from unroll.data.batches import random_order
from unroll.data.table.splits import part_of
from unroll.errors import DataError


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder = tmp_path_factory.mktemp("split")
    return read(
        write(
            folder / "a.tsv", "text\tpart\n" + "".join(f"t{i}\t{'train' if i % 5 else 'dev'}\n" for i in range(1000))
        ),
        folder,
    )


def test_fractions_are_disjoint_and_complete(table: Table) -> None:
    split = split_rows(table, seed=1, validation_fraction=0.1, test_fraction=0.2)
    assert [len(part) for part in split] == [700, 100, 200]
    assert sorted(np.concatenate(split)) == list(range(1000))
    assert all((np.diff(part) > 0).all() and part.dtype == np.int64 for part in split)


def test_the_draw_is_the_same_on_every_machine(table: Table) -> None:
    assert random_order(8, 1, 2).tolist() == [5, 6, 3, 2, 1, 0, 4, 7]
    first = split_rows(table, seed=1, validation_fraction=0.1, test_fraction=0.1)
    again = split_rows(table, seed=1, validation_fraction=0.1, test_fraction=0.1)
    other = split_rows(table, seed=2, validation_fraction=0.1, test_fraction=0.1)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert (first.test != other.test).any()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.floats(0.05, 0.5), st.integers(0, 5))
def test_classes_are_divided_in_proportion(table: Table, sizes: list[int], fraction: float, seed: int) -> None:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    classes = np.concatenate([classes, np.full(1000 - len(classes), 99)])
    split = split_rows(table, seed=seed, validation_fraction=0, test_fraction=fraction, stratify=classes)
    assert abs(len(split.test) - fraction * 1000) <= 1 + len(sizes)
    for value in np.unique(classes):
        count = int((classes == value).sum())
        taken = int((classes[split.test] == value).sum())
        assert abs(taken - count * fraction) < 1 + 1e-9
        assert taken < count or count == 0


def test_groups_stay_together_and_the_fractions_are_of_groups(table: Table) -> None:
    groups = np.arange(len(table)) // 3
    split = split_rows(table, seed=0, validation_fraction=0.1, test_fraction=0.2, groups=groups)
    own = [set(groups[rows].tolist()) for rows in split]
    assert sum(map(len, own)) == len(set.union(*own)) == len(set(groups.tolist()))
    assert sum(map(len, split)) == len(table)
    assert len(own[1]) == round(0.1 * len(set(groups.tolist())))
    assert len(own[2]) == round(0.2 * len(set(groups.tolist())))


def test_groups_of_every_class_in_proportion(table: Table) -> None:
    groups = np.arange(len(table)) // 2
    classes = (groups % 4 == 0).astype(np.int64)
    split = split_rows(table, seed=3, validation_fraction=0.25, test_fraction=0, groups=groups, stratify=classes)
    for kind in (0, 1):
        whole = len(set(groups[classes == kind].tolist()))
        drawn = len(set(groups[split.validation][classes[split.validation] == kind].tolist()))
        assert abs(drawn - whole / 4) <= 1


def test_a_column_decides(table: Table) -> None:
    split = split_rows(table, seed=0, validation_fraction=0.1, test_fraction=0.1, column="part")
    assert split.validation.tolist() == list(range(0, 1000, 5))
    assert len(split.test) == 80, "the missing part is drawn from train"
    assert not set(split.test) & set(split.validation)
    with pytest.raises(DataError, match=r"a\.tsv:2: column 'text' must hold train, validation or test, got 't0'"):
        split_rows(table, seed=0, validation_fraction=0.1, test_fraction=0.1, column="text")


def test_files_decide_and_the_rest_is_drawn(tmp_path: Path) -> None:
    main = write(tmp_path / "a.tsv", "text\tlabel\n" + "a\tx\n" * 20)
    test = write(tmp_path / "b.tsv", "text\tlabel\n" + "b\tx\n" * 5)
    table = read(main, tmp_path, test=test)
    split = split_rows(table, seed=0, validation_fraction=0.1, test_fraction=0.5)
    assert split.test.tolist() == [20, 21, 22, 23, 24]
    assert len(split.validation) == 2
    with pytest.raises(ValueError, match="fractions"):
        split_rows(table, seed=0, validation_fraction=0.6, test_fraction=0.5)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train", 0),
        ("X_TRAIN", 0),
        ("oos_val", 1),
        ("dev", 1),
        ("Test", 2),
        ("검증", 1),
        ("wnut17train", 0),
        ("latest", None),
        ("a", None),
    ],
)
def test_part_names(name: str, part: int | None) -> None:
    assert part_of(name) == part


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 200), max_size=300),
    st.integers(1, 17),
    st.integers(0, 2**40),
    st.integers(0, 5),
    st.none() | st.integers(1, 400),
)
def test_batches_hold_every_row_once_and_keep_to_their_limits(
    lengths: list[int], size: int, seed: int, epoch: int, limit: int | None
) -> None:
    array = np.array(lengths, dtype=np.int64)
    batches = bucketed_batches(array, size, seed=seed, epoch=epoch, max_tokens=limit)
    again = bucketed_batches(array.copy(), size, seed=seed, epoch=epoch, max_tokens=limit)
    assert all((a == b).all() for a, b in zip(batches, again, strict=True))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert 1 <= len(batch) <= size
        assert limit is None or len(batch) == 1 or len(batch) * array[batch].max() <= limit


def test_batches_differ_between_epochs_and_pad_little() -> None:
    lengths = np.random.default_rng(0).integers(1, 500, 5000)
    first, second = (bucketed_batches(lengths, 32, seed=0, epoch=epoch) for epoch in (0, 1))
    # Not only another order of the batches: other rows stand together.
    together = [{frozenset(batch.tolist()) for batch in batches} for batches in (first, second)]
    assert len(together[0] & together[1]) < 0.1 * len(first)
    padded = sum(len(batch) * lengths[batch].max() for batch in first)
    assert padded < 1.1 * lengths.sum()
    means = [lengths[batch].mean() for batch in first]
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.3, "batches come in no order of length"


def test_batch_sizes_are_checked() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        bucketed_batches(np.ones(3), 0, seed=0, epoch=0)


def test_padding() -> None:
    ids, lengths = pad_tokens([np.array([3, 4, 5], np.int32), np.array([], np.int32), np.array([7], np.int32)])
    assert ids.tolist() == [[3, 4, 5], [0, 0, 0], [7, 0, 0]]
    assert (ids.dtype, lengths.tolist()) == (torch.int64, [3, 0, 1])
    assert pad_tokens([])[0].shape == (0, 0)
    x, lengths = pad_series([np.ones((2, 3), np.float32), np.zeros((0, 3), np.float32)])
    assert (x.shape, x.dtype, lengths.tolist(), float(x.sum())) == ((2, 2, 3), torch.float32, [2, 0], 6.0)
    with pytest.raises(ValueError, match=r"number of channels I, got \[2, 3\]"):
        pad_series([np.ones((2, 3), np.float32), np.ones((2, 2), np.float32)])
