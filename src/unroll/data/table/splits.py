"""Which rows train, validate and test: as the files say, as a column says, or drawn by fraction."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from unroll.data.batches import random_order
from unroll.data.table.table import Table
from unroll.errors import DataError

#: What files, folders and columns call the three parts.
PART_NAMES = {
    "train": 0, "training": 0, "tr": 0, "restval": 0, "학습": 0, "훈련": 0, "학습용": 0, "훈련용": 0,
    "validation": 1, "valid": 1, "val": 1, "dev": 1, "development": 1, "검증": 1, "검증용": 1,
    "test": 2, "testing": 2, "eval": 2, "evaluation": 2, "평가": 2, "시험": 2, "테스트": 2, "평가용": 2, "테스트용": 2,
}  # fmt: skip


class Split(NamedTuple):
    """Row numbers of the three parts, int64, rising; a part may be empty."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def part_of(name: str) -> int | None:
    """The part that a word names: 0 train ("X_TRAIN", "wnut17train"), 1 validation ("dev"), 2 test; None: none."""
    lowered = name.strip().lower()
    if lowered in PART_NAMES:
        return PART_NAMES[lowered]
    # "dev-01_train" ends in its last word, and "wnut17train" in what follows the number.
    tails = (lowered.rpartition(separator)[2] for separator in ("_", "-", "."))
    words = [*tails, re.split(r"\d", lowered)[-1]]
    return next((PART_NAMES[word] for word in words if word in PART_NAMES), None)


def split_rows(
    table: Table,
    *,
    seed: int,
    validation_fraction: float,
    test_fraction: float,
    column: str | None = None,
    stratify: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> Split:
    """Give every row to one part.

    A part that the column or the files name is taken as it is; a missing one is drawn from train.

    Args:
        table: the rows.
        seed: of the draw; the same seed gives the same rows on every machine.
        validation_fraction: share of ALL rows without a part of their own that validate, 0 to 1.
        test_fraction: likewise for test.
        column: a column that holds train, validation (valid, val, dev) or test.
        stratify: a class per row, (rows,) of any integer type; each class is divided in proportion, and a class with
            one row trains.
        groups: a number per row, (rows,) of any integer type; rows of one group stay together, such as the captions of
            one picture, and the fractions are of groups. All rows of a group must be of one class of `stratify`.

    Raises:
        DataError: the column holds another word (with its line), or no row is left for training.
        ValueError: fractions outside 0 to 1 or of sum 1 and more.
    """
    if not (0 <= validation_fraction < 1 and 0 <= test_fraction < 1 and validation_fraction + test_fraction < 1):
        raise ValueError(
            f"fractions must be at least 0 and sum to less than 1, got {validation_fraction} and {test_fraction}"
        )
    parts = table.parts if column is None else _parts_of_column(table, column)
    parts = np.zeros(len(table), np.int8) if parts is None else parts.copy()
    parts[parts < 0] = 0
    pool = np.flatnonzero(parts == 0)
    for part, fraction, key in ((2, test_fraction, 2), (1, validation_fraction, 1)):
        if fraction > 0 and not (parts == part).any():
            # Rows that already test must not be drawn again; the share stays one of all rows.
            rest = pool[parts[pool] == 0]
            classes = None if stratify is None else np.asarray(stratify)
            if groups is None:
                drawn = _draw(rest, fraction * len(pool) / max(len(rest), 1), seed, key, classes)
            else:
                drawn = _draw_groups(rest, pool, fraction, seed, key, classes, np.asarray(groups))
            parts[drawn] = part
    split = Split(*(np.flatnonzero(parts == part).astype(np.int64) for part in range(3)))
    if len(split.train) == 0:
        raise DataError("no row is left for training; name a train part or lower the fractions", table.paths[0])
    return split


def _parts_of_column(table: Table, column: str) -> np.ndarray:
    words = table.texts(column)
    parts = np.zeros(len(table), np.int8)
    for row, word in enumerate(words):
        part = PART_NAMES.get(word.strip().lower())
        if part is None:
            raise DataError(
                f"column {column!r} must hold train, validation or test, got {word[:40]!r}", *table.place(row)
            )
        parts[row] = part
    return parts


def _draw_groups(
    rest: np.ndarray,
    pool: np.ndarray,
    fraction: float,
    seed: int,
    key: int,
    stratify: np.ndarray | None,
    groups: np.ndarray,
) -> np.ndarray:
    """Draw whole groups: their first rows are drawn, the others follow."""
    names, first = np.unique(groups[rest], return_index=True)
    share = fraction * len(np.unique(groups[pool])) / max(len(names), 1)
    drawn = groups[_draw(rest[np.sort(first)], share, seed, key, stratify)]
    return rest[np.isin(groups[rest], drawn)]


def _draw(pool: np.ndarray, fraction: float, seed: int, key: int, stratify: np.ndarray | None) -> np.ndarray:
    """Draw round(fraction * len(pool)) rows, of every class in proportion (largest remainders), never a whole class."""
    shuffled = pool[random_order(len(pool), seed, key)]
    total = round(fraction * len(pool))
    if stratify is None:
        return np.asarray(shuffled[: min(total, max(len(pool) - 1, 0))])
    _, owner, counts = np.unique(stratify[shuffled], return_inverse=True, return_counts=True)
    exact = counts * fraction
    take = np.minimum(np.floor(exact).astype(np.int64), np.maximum(counts - 1, 0))
    for index in np.argsort(-(exact - np.floor(exact)), kind="stable"):
        if take.sum() >= total:
            break
        if take[index] + 1 < counts[index]:
            take[index] += 1
    order = np.argsort(owner, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.empty(len(shuffled), np.int64)
    rank[order] = np.arange(len(shuffled)) - np.repeat(starts, counts)
    return np.asarray(shuffled[rank < take[owner]])
