"""Which columns hold the classes and which the inputs, and what the classes of every row are."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from unroll.bundle import DataConfig
from unroll.data import Kind, Table
from unroll.errors import DataError, nearest

#: Names under which people keep classes, the likeliest first.
_TARGET_NAMES = (
    *(
        "label",
        "labels",
        "class",
        "classes",
        "target",
        "category",
        "categories",
        "intent",
        "sentiment",
        "topic",
        "tag",
        "tags",
        "y",
    ),
    *("라벨", "레이블", "분류", "범주", "감정", "의도", "주제", "클래스"),
)

#: Names under which people keep texts.
_TEXT_NAMES = (
    "text",
    "document",
    "sentence",
    "review",
    "comment",
    "message",
    "content",
    "body",
    "문장",
    "본문",
    "내용",
    "텍스트",
    "리뷰",
    "댓글",
)

#: Names of columns that say which part a row belongs to.
_PART_COLUMNS = ("split", "part", "fold", "subset", "분할")

#: Rows that are looked at to tell what a column holds.
_LOOKED_AT = 20_000

#: More classes than this are not guessed; they can still be asked for with --target.
_MOST_CLASSES = 1_000

#: Number columns that make one sequence when there is no text.
_LEAST_STEPS = 3


class Columns(NamedTuple):
    """What is used of a table.

    Attributes:
        target: the column of classes.
        inputs: text columns, one column of series, or the number columns of one sequence.
        series: whether the inputs are numeric sequences.
    """

    target: str
    inputs: tuple[str, ...]
    series: bool


def find_columns(table: Table, data: DataConfig) -> Columns | None:
    """The target and the inputs: those that were named, and the likeliest for what was not; None if there is no
    choice that fits.

    Raises:
        DataError: a column was named that the table does not have.
    """
    for name in (*data.inputs, *([] if data.target is None else [data.target])):
        if name not in table.columns:
            raise DataError(
                f"no column '{name}'{nearest(name, table.columns)}; the columns are {', '.join(table.columns)}",
                table.paths[0],
            )
    apart = {data.time, data.series, data.split_column}
    free = [name for name in table.columns if name not in apart and name.casefold() not in _PART_COLUMNS]
    target = data.target or _find_target(table, [name for name in free if name not in data.inputs])
    if target is None:
        return None
    inputs = data.inputs or _find_inputs(table, [name for name in free if name != target])
    if not inputs:
        return None
    kinds = {table.kinds[name] for name in inputs}
    if kinds == {Kind.SERIES} and len(inputs) == 1:
        return Columns(target, inputs, True)
    if Kind.SERIES in kinds:
        return None
    numbers = kinds <= {Kind.NUMBER} and len(inputs) >= _LEAST_STEPS
    return Columns(target, inputs, numbers)


def _sample(table: Table) -> np.ndarray:
    """Row numbers spread evenly over the table."""
    return np.linspace(0, len(table) - 1, min(len(table), _LOOKED_AT)).astype(np.int64)


def _find_target(table: Table, names: list[str]) -> str | None:
    rows = _sample(table)
    best: tuple[float, str] | None = None
    for position, name in enumerate(names):
        kind = table.kinds[name]
        if kind in (Kind.SERIES, Kind.TIME):
            continue
        cells = Counter(table.texts(name, rows))
        distinct = len(cells)
        named = name.casefold() in _TARGET_NAMES
        if kind is Kind.LABELS:
            score = 2.0
        elif not 2 <= distinct <= min(_MOST_CLASSES, max(2, len(rows) // 2)) or (
            kind is Kind.NUMBER and not _whole(cells)
        ):
            continue
        else:
            # Few classes, each met often, speak for a target; a name that says so speaks louder.
            score = 1.0 - distinct / len(rows)
        score += 3.0 if named else 0.0
        # Of equal columns the last: tables put the answer at the end more often than in between.
        if best is None or (score, position) >= (best[0], names.index(best[1])):
            best = score, name
    return None if best is None else best[1]


def _whole(cells: Counter[str]) -> bool:
    """Whether all cells are whole numbers, and few enough to be classes."""
    return len(cells) <= 100 and all(cell.strip().lstrip("+-").isdigit() for cell in cells)


def _find_inputs(table: Table, names: list[str]) -> tuple[str, ...]:
    series = [name for name in names if table.kinds[name] is Kind.SERIES]
    if series:
        return (series[0],)
    rows = _sample(table)
    texts = []
    for name in names:
        if table.kinds[name] not in (Kind.TEXT, Kind.LABELS):
            continue
        cells = list(table.texts(name, rows))
        # A column of few words that come back again and again is another label, not a text.
        if len(set(cells)) > max(2, len(cells) // 20) or name.casefold() in _TEXT_NAMES:
            texts.append((name, float(np.mean([len(cell) for cell in cells]))))
    if texts:
        longest = max(length for _, length in texts)
        # Title and body are read together; an identifier beside a text is much shorter.
        return tuple(name for name, length in texts if length >= longest / 8)
    numbers = [name for name in names if table.kinds[name] is Kind.NUMBER]
    return tuple(numbers) if len(numbers) >= _LEAST_STEPS else ()


def row_labels(table: Table, column: str, *, several: bool) -> list[tuple[str, ...]]:
    """The labels of every row.

    Args:
        table: the data.
        column: the target.
        several: whether a cell may hold several labels, or none.

    Raises:
        DataError: a cell is empty where one class is needed, with file and line.
    """
    if several:
        return table.labels(column)
    labels = [text.strip() for text in table.texts(column)]
    for row, label in enumerate(labels):
        if not label:
            raise DataError(
                f"column '{column}' must name a class, got an empty cell; fill it or remove the row", *table.place(row)
            )
    return [(label,) for label in labels]


def class_matrix(
    table: Table, column: str, labels: list[tuple[str, ...]], classes: tuple[str, ...], rows: np.ndarray
) -> np.ndarray:
    """(rows, K) bool: which classes each of these rows has.

    Raises:
        DataError: a label is none of the classes that the model knows, with file and line.
    """
    number = {name: k for k, name in enumerate(classes)}
    out = np.zeros((len(rows), len(classes)), dtype=bool)
    for position, row in enumerate(rows):
        for label in labels[int(row)]:
            if label not in number:
                shown = ", ".join(classes[:8]) + (", ..." if len(classes) > 8 else "")
                raise DataError(
                    f"column '{column}': the class '{label}' is not in the train part{nearest(label, classes)};"
                    f" known: {shown}; correct it, or add such rows to the train part",
                    *table.place(int(row)),
                )
            out[position, number[label]] = True
    return out
