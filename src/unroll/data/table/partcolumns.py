"""Columns that say which part a row belongs to: by a word, or by yes and no under the name of a part."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from unroll.data.table.kinds import Kind
from unroll.data.table.table import Table
from unroll.errors import DataError

#: What files, folders and columns call the three parts.
PART_NAMES = {
    "train": 0, "training": 0, "tr": 0, "restval": 0, "학습": 0, "훈련": 0, "학습용": 0, "훈련용": 0,
    "validation": 1, "valid": 1, "val": 1, "dev": 1, "development": 1, "publictest": 1, "검증": 1, "검증용": 1,
    "test": 2, "testing": 2, "eval": 2, "evaluation": 2, "privatetest": 2, "평가": 2, "시험": 2, "테스트": 2,
    "평가용": 2, "테스트용": 2,
}  # fmt: skip

#: How columns of such words are called, in small letters.
_WORDS = frozenset(
    """
    split splits part parts partition set subset fold usage dataset_split data_split dataset
    분할 구분 데이터구분 데이터_구분 데이터셋
    """.split()  # noqa: SIM905 - a list of quoted words is harder to read
)
#: How columns are called that number the folds of a cross-validation, or other parts.
_FOLDS = re.compile(r"(?i)(k|cv|test|val|valid|train)?[\W_]*folds?([\W_]*(id|no|nr|num|number|idx|index))?|폴드")
_NUMBERED = frozenset(("split", "partition", "subset", "set", "분할"))
_MOST_FOLDS = 100
#: Whether a row is in a part: is_test, inTrain. A column called test alone may be the result of one.
_MARK = re.compile(r"(?:is|in)[\W_]*([^\W_]+?)[\W_]*(?:set|flag)?")
_YES, _NO = frozenset(("1", "1.0", "true", "yes", "y", "t")), frozenset(("0", "0.0", "false", "no", "n", "f"))


def marked_part(name: str) -> int | None:
    """The part under whose name a column says yes or no: 2 of ``is_test``; None of any other name.

    >>> marked_part("is_test"), marked_part("isTrain"), marked_part("in_valid_set"), marked_part("test")
    (2, 0, 1, None)
    """
    found = _MARK.fullmatch(name.strip().rpartition(".")[2].casefold())
    return None if found is None else PART_NAMES.get(found[1])


def part_of_cell(name: str, cell: str) -> int | None:
    """The part that a cell of a column says; None where it says none.

    >>> part_of_cell("split", "Dev"), part_of_cell("is_test", "1"), part_of_cell("is_train", "False")
    (1, 2, 2)
    """
    word = cell.strip().casefold()
    marked = marked_part(name)
    if marked is not None and word in _YES:
        return marked
    if marked is not None and word in _NO:
        # What does not train is kept to test.
        return 0 if marked else 2
    return PART_NAMES.get(word)


def parts_of_column(table: Table, column: str) -> np.ndarray:
    """The part of every row by what a column says, (rows,) int8.

    Raises:
        DataError: a cell says something else, with its line.
    """
    known: dict[str, int | None] = {}
    parts = np.zeros(len(table), np.int8)
    for row, cell in enumerate(table.texts(column)):
        part = known[cell] if cell in known else known.setdefault(cell, part_of_cell(column, cell))
        if part is None:
            wanted = "train, validation or test" if marked_part(column) is None else "0 and 1, or true and false"
            raise DataError(f"column {column!r} must hold {wanted}, got {cell[:40]!r}", *table.place(row))
        parts[row] = part
    return parts


def part_column(table: Table, names: Iterable[str]) -> str | None:
    """The column of these whose name and cells say the part of every row, some of them train and others not."""
    for name in names:
        short = name.strip().rpartition(".")[2].casefold()
        if (short not in _WORDS and marked_part(name) is None) or table.kinds[name] is Kind.SERIES:
            continue
        parts = {part_of_cell(name, cell) for cell in _different(table, name)}
        if None not in parts and 0 in parts and len(parts) > 1:
            return name
    return None


def fold_column(table: Table, names: Iterable[str]) -> str | None:
    """The column of these that numbers the folds of a cross-validation, or other parts; None if there is none."""
    for name in names:
        known = is_fold_name(name) or name.strip().casefold() in _NUMBERED
        if known and table.kinds[name] is Kind.NUMBER:
            cells = _different(table, name)
            if 1 < len(cells) <= _MOST_FOLDS and all(cell.removesuffix(".0").isdecimal() for cell in cells):
                return name
    return None


def is_fold_name(name: str) -> bool:
    """Whether a column is called as one of the folds of a cross-validation."""
    return _FOLDS.fullmatch(name.strip()) is not None


def _different(table: Table, column: str) -> set[str]:
    """The different cells of a column; of a column of more than folds, only so many that this is seen."""
    found: set[str] = set()
    for cell in table.texts(column):
        found.add(cell)
        if len(found) > _MOST_FOLDS:
            break
    return found
