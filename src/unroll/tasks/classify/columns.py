"""Which columns of a table hold the classes and which the inputs, and which are left out and why."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import NamedTuple

import numpy as np

from unroll.bundle import DataConfig
from unroll.data import Kind, Table
from unroll.data.table.numbers import class_name
from unroll.errors import DataError, nearest
from unroll.tasks.reading import short_name

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

#: More columns of numbers than this are the steps of a sequence.
_MANY_STEPS = 60

#: With fewer rows, that all cells differ or agree says nothing.
_LEAST_ROWS = 8

#: How columns that name rows are called, and how long such names are at least where nothing says so.
_ID_NAME = re.compile(r"(?i)(^|[_\W])(u?u?id|guid|key|index|no|nr|번호|아이디)$|(?<=[a-z])I[Dd]$|^unnamed: 0$")
_LEAST_ID = 5
_WHITE = re.compile(r"\s")

#: Why a column is left out.
_CONSTANT, _COPY, _ROWS = "one value in every row", "a copy of", "it names the rows"

#: Number columns that make one sequence when there is no text.
_LEAST_STEPS = 3


class Columns(NamedTuple):
    """What is used of a table.

    Attributes:
        target: the column of classes.
        inputs: text columns, one column of series, or the number columns of one sequence.
        series: whether the inputs are numeric sequences.
        left: columns that might have been inputs and are none, each with the reason.
    """

    target: str
    inputs: tuple[str, ...]
    series: bool
    left: tuple[tuple[str, str], ...] = ()


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
    free = [name for name in table.columns if name not in apart and short_name(name) not in _PART_COLUMNS]
    target = data.target or _find_target(table, [name for name in free if name not in data.inputs])
    if target is None:
        return None
    left: list[tuple[str, str]] = []
    inputs = data.inputs
    if not inputs:
        left, inputs = _choose_inputs(table, [name for name in free if name != target], target)
    if not inputs:
        return None
    kinds = {table.kinds[name] for name in inputs}
    if kinds == {Kind.SERIES} and len(inputs) == 1:
        return Columns(target, inputs, True, tuple(left))
    if Kind.SERIES in kinds:
        return None
    numbers = kinds <= {Kind.NUMBER} and len(inputs) >= _LEAST_STEPS
    return Columns(target, inputs, numbers, tuple(left))


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
        named = short_name(name) in _TARGET_NAMES
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
    # pandas writes 1.0 where another cell of the column is empty, and MATLAB 1.0000000e+00.
    plain = (class_name(cell.strip()).lstrip("+-").removesuffix(".0") for cell in cells)
    return len(cells) <= 100 and all(cell.isdigit() for cell in plain)


def _choose_inputs(table: Table, names: list[str], target: str) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """What is left out, and the inputs among the rest; nothing is left out that is all there is to learn from."""
    useless = _useless(table, names, target)
    # Single words that are all different may be what is to be classified, a text that tells its class word by word is
    # still a text, and steps of a sequence may be constant.
    for spared in ((), (_ROWS,), (_ROWS, _COPY), (_ROWS, _COPY, _CONSTANT)):
        left = [(name, why) for name, why in useless if not why.startswith(spared)] if spared else useless
        dropped = {name for name, _ in left}
        inputs = _find_inputs(table, [name for name in names if name not in dropped])
        if inputs and (_CONSTANT not in spared or len(inputs) >= _LEAST_STEPS):
            return left, inputs
    return useless, ()


def _useless(table: Table, names: list[str], target: str) -> list[tuple[str, str]]:
    """Columns that say nothing which holds for new rows, each with the reason: those that name rows, those with one
    value, and copies of the target.

    Columns of a long numeric sequence are its steps, and steps may well be constant.
    """
    kinds = {name: table.kinds[name] for name in names}
    if sum(kind is Kind.NUMBER for kind in kinds.values()) > _MANY_STEPS or len(table) < _LEAST_ROWS:
        return []
    rows = _sample(table)
    classes = list(table.texts(target, rows)) if table.kinds[target] is not Kind.SERIES else []
    texts = {name: list(table.texts(name, rows)) for name, kind in kinds.items() if kind is not Kind.SERIES}
    single = {name for name, cells in texts.items() if len(set(cells)) == 1}
    copies = {name for name, cells in texts.items() if name not in single and _is_copy(cells, classes)}
    ids = {name for name, cells in texts.items() if name not in single and _names_rows(name, cells, kinds[name])}
    reasons = ((single, _CONSTANT), (copies, f"{_COPY} '{target}'"), (ids, _ROWS))
    return [(name, why) for columns, why in reasons for name in names if name in columns]


def _is_copy(cells: list[str], classes: list[str]) -> bool:
    """Whether every value goes with one class and every class with one value."""
    pairs = len(set(zip(cells, classes, strict=True))) if classes else 0
    return 1 < pairs == len(set(cells)) == len(set(classes)) <= len(cells) // 3


def _names_rows(name: str, cells: list[str], kind: Kind) -> bool:
    """Whether a column has another value in every row and no words in it: ids, keys, row numbers."""
    if len(set(cells)) < len(cells) or kind not in (Kind.TEXT, Kind.NUMBER):
        return False
    if any(_WHITE.search(cell.strip()) for cell in cells):
        return False
    if _ID_NAME.search(name):
        return True
    if kind is Kind.NUMBER:
        numbers = [int(cell) for cell in cells if cell.isdigit()]
        return len(numbers) == len(cells) and all(b - a == 1 for a, b in itertools.pairwise(numbers))
    digits = sum(any(map(str.isdigit, cell)) for cell in cells)
    return digits > len(cells) / 2 and all(cell.isascii() and len(cell) >= _LEAST_ID for cell in cells)


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
        if len(set(cells)) > max(2, len(cells) // 20) or short_name(name) in _TEXT_NAMES:
            texts.append((name, float(np.mean([len(cell) for cell in cells]))))
    if texts:
        longest = max(length for _, length in texts)
        # Title and body are read together; an identifier beside a text is much shorter.
        return tuple(name for name, length in texts if length >= longest / 8)
    numbers = [name for name in names if table.kinds[name] is Kind.NUMBER]
    return tuple(numbers) if len(numbers) >= _LEAST_STEPS else ()
