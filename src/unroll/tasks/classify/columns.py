"""Which columns of a table hold the classes and which the inputs, and which are left out and why."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import NamedTuple

import numpy as np

from unroll.bundle import DataConfig
from unroll.data import Kind, Table
from unroll.data.table.notations import MONTHS
from unroll.data.table.numbers import class_name
from unroll.errors import DataError, nearest
from unroll.tasks.reading import are_structured, short_name

#: Names under which people keep classes, the likeliest first.
_TARGET_NAMES = (
    *(
        "label",
        "gold_label",
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

#: Names of columns that say where an answer stands in its text, which is no class.
_PLACES = frozenset(("answer_start", "answer_starts", "answer_end", "answer_ends"))

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
_ID_ALONE = re.compile(r"(?i)(^|[_\W])u?id$|(?<=[a-z])I[Dd]$")
_LEAST_ID = 5
_WHITE = re.compile(r"\s")
#: A date and a time with names of months or weekdays, as programs stamp them: Mon Apr 06 22:19:45 PDT 2009.
_STAMP = re.compile(
    r"(?i)\s*(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? )?(?:\d{1,2} )?"
    rf"(?:{'|'.join(MONTHS)})[a-z]*[\d ,:.apm+-]*(?:\b[a-z]{{3,4}}\b)?[\d ,:.apm+-]*"
)

#: The words of a column's name, those that say that it holds grades, and those that something is counted or measured.
_WORD = re.compile(r"[^\W_]+")
_GRADES = frozenset(("stars", "star", "rating", "ratings", "score", "grade", "overall", "평점", "별점"))
_WHEN = frozenset(
    ("year", "month", "quarter", "week", "date", "datetime", "time", "연도", "년도", "월", "분기", "일자")
)
_COUNTS = frozenset(("count", "counts", "num", "number", "length", "len", "confidence", "timestamp"))

#: From this on a column is as likely to hold the classes as the one that was chosen.
_LIKELY = 0.75

#: Words of a cell on average, from which on texts are read rather than series of numbers beside them.
_SENTENCE = 3.0

#: Why a column is left out.
_CONSTANT, _COPY, _ROWS = "one value in every row", "a copy of", "it names the rows"
#: Numbers that name rows say nothing, even where they are all there is.
_IDS = f"{_ROWS}, by number"
_TIMES = "it holds times"

#: Columns of answers to what is to be classified, and the targets beside which they are not known yet; and the tags of
#: tokens.
_ANSWERS, _ASKED = ("response", "responses", "응답"), ("intent", "intents", "의도")
_TAGS = ("tags", "ner_tags", "pos_tags")

#: Number columns that make one sequence when there is no text.
_LEAST_STEPS = 3


class Columns(NamedTuple):
    """What is used of a table.

    Attributes:
        target: the column of classes.
        inputs: text columns, one column of series, or the number columns of one sequence.
        series: whether the inputs are numeric sequences.
        left: columns that might have been inputs and are none, each with the reason.
        others: columns that hold classes as well, where the target was guessed.
    """

    target: str
    inputs: tuple[str, ...]
    series: bool
    left: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()


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
    target, others = data.target, tuple[str, ...]()
    if target is None:
        target, others = _find_target(table, [name for name in free if name not in data.inputs])
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
    dropped = {name for name, _ in left}
    others = tuple(name for name in others if name not in inputs and name not in dropped)
    return Columns(target, inputs, numbers, tuple(left), others)


def measures_names(table: Table, columns: Columns) -> bool:
    """Whether what would be classes are numbers that measure something, each beside a name of its own."""
    name = columns.target
    if table.kinds[name] is not Kind.NUMBER or short_name(name) in _TARGET_NAMES or len(columns.inputs) != 1:
        return False
    rows = _sample(table)
    if table.kinds[columns.inputs[0]] is not Kind.TEXT or _holds_sentences(table, columns.inputs[0], rows):
        return False
    values = np.unique(table.numbers(name, rows))
    # Classes are numbered from 0 or 1.
    if np.array_equal(values, np.arange(len(values)) + (values[0] if values[0] in (0, 1) else 0)):
        return False
    return len(set(table.texts(columns.inputs[0], rows))) == len(rows)


def _sample(table: Table) -> np.ndarray:
    """Row numbers spread evenly over the table."""
    return np.linspace(0, len(table) - 1, min(len(table), _LOOKED_AT)).astype(np.int64)


def _find_target(table: Table, names: list[str]) -> tuple[str | None, tuple[str, ...]]:
    """The likeliest column of classes, and others that hold classes as likely where no name says which is meant."""
    rows = _sample(table)
    scores: dict[str, float] = {}
    for name in names:
        kind = table.kinds[name]
        if kind in (Kind.SERIES, Kind.TIME) or short_name(name) in _PLACES:
            continue
        cells = Counter(table.texts(name, rows))
        distinct = len(cells)
        named = short_name(name) in _TARGET_NAMES
        if kind is Kind.LABELS and distinct > 1:
            scores[name] = 2.0
        elif not 2 <= distinct <= min(_MOST_CLASSES, max(2, len(rows) // 2)) or (
            kind is Kind.NUMBER and not _whole(cells)
        ):
            continue
        else:
            # Few classes, each met often, speak for a target; a name that says so speaks louder.
            scores[name] = 1.0 - distinct / len(rows)
        words = _WORD.findall(short_name(name))
        if kind is Kind.NUMBER and not named and _WHEN.intersection(words):
            # Years and months say when a row was, and not what it is.
            del scores[name]
            continue
        scores[name] += 3.0 if named else 1.0 if any(word in _TARGET_NAMES for word in words) else 0.0
        scores[name] += 0.5 * any(word in _GRADES for word in words)
        # What is empty in some rows says something beside the class, and what is counted is none.
        scores[name] -= 0.5 * (("" in cells) + any(word in _COUNTS for word in words))
    # Of equal columns the last: tables put the answer at the end more often than in between.
    best = max(scores, key=lambda name: (scores[name], names.index(name)), default=None)
    if best is None or scores[best] >= 1.0:
        return best, ()
    return best, tuple(name for name in scores if name != best and scores[name] > _LIKELY)


def _whole(cells: Counter[str]) -> bool:
    """Whether all cells are whole numbers, and few enough to be classes."""
    # pandas writes 1.0 where another cell of the column is empty, and MATLAB 1.0000000e+00.
    plain = (class_name(cell.strip()).lstrip("+-").removesuffix(".0") for cell in cells if cell.strip())
    return len(cells) <= 100 and all(cell.isdigit() for cell in plain)


def _choose_inputs(table: Table, names: list[str], target: str) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """What is left out, and the inputs among the rest; nothing is left out that is all there is to learn from."""
    useless = _useless(table, names, target)
    # Single words that are all different may be what is to be classified, a text that tells its class word by word is
    # still a text, and steps of a sequence may be constant.
    for spared in ((), (_ROWS,), (_ROWS, _COPY), (_ROWS, _COPY, _CONSTANT)):
        left = [own for own in useless if not spared or own[1] == _IDS or not own[1].startswith(spared)]
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
    numbered = {name for name in ids if _ID_NAME.search(name) and _mostly_digits(texts[name])}
    stamps = {name for name, cells in texts.items() if kinds[name] is Kind.TEXT and _are_stamps(cells)}
    answers = {name for name in names if short_name(name) in _ANSWERS and short_name(target) in _ASKED}
    tags = {name for name in names if name in _TAGS and "tokens" in names and table.details(name).is_list}
    nested = {name for name, cells in texts.items() if kinds[name] is Kind.TEXT and are_structured(cells[:_LEAST_ROWS])}
    reasons = (
        (nested, "lists or objects"),
        (single, _CONSTANT),
        (copies, f"{_COPY} '{target}'"),
        (numbered, _IDS),
        (ids, _ROWS),
        (stamps, _TIMES),
        (answers, "it answers what is classified"),
        (tags, "the tags of 'tokens'"),
    )
    found: dict[str, str] = {}
    for columns, why in reasons:
        for name in names:
            if name in columns:
                found.setdefault(name, why)
    return list(found.items())


def _is_copy(cells: list[str], classes: list[str]) -> bool:
    """Whether every value goes with one class and every class with one value."""
    pairs = len(set(zip(cells, classes, strict=True))) if classes else 0
    return 1 < pairs == len(set(cells)) == len(set(classes)) <= len(cells) // 3


def _are_stamps(cells: list[str]) -> bool:
    """Whether every cell is a date with the name of its month, which is no text."""
    full = [cell for cell in cells if cell.strip()]
    return bool(full) and all(any(map(str.isdigit, cell)) and _STAMP.fullmatch(cell) for cell in full)


def _names_rows(name: str, cells: list[str], kind: Kind) -> bool:
    """Whether a column has another value in every row and no words in it, or is called one of ids."""
    if kind not in (Kind.TEXT, Kind.NUMBER) or any(_WHITE.search(cell.strip()) for cell in cells):
        return False
    if len(set(cells)) < len(cells):
        # Ids of what several rows are about: Q12, user_7.
        ids = _ID_ALONE.search(name) is not None and kind is Kind.TEXT
        return ids and all(any(map(str.isdigit, cell)) for cell in cells)
    if _ID_NAME.search(name):
        return True
    if kind is Kind.NUMBER:
        numbers = [int(cell) for cell in cells if cell.isdigit()]
        return len(numbers) == len(cells) and all(b - a == 1 for a, b in itertools.pairwise(numbers))
    return _mostly_digits(cells) and all(cell.isascii() and len(cell) >= _LEAST_ID for cell in cells)


def _mostly_digits(cells: list[str]) -> bool:
    """Whether a digit stands in most cells."""
    return sum(any(map(str.isdigit, cell)) for cell in cells) > len(cells) / 2


def _holds_sentences(table: Table, column: str, rows: np.ndarray) -> bool:
    """Whether a column of text holds several words in a cell, and another text in most."""
    if table.kinds[column] is not Kind.TEXT:
        return False
    cells = list(table.texts(column, rows[: _LEAST_ROWS * 25]))
    return len(set(cells)) > len(cells) // 2 and sum(len(cell.split()) for cell in cells) >= _SENTENCE * len(cells)


def _find_inputs(table: Table, names: list[str]) -> tuple[str, ...]:
    series = [name for name in names if table.kinds[name] is Kind.SERIES]
    rows = _sample(table)
    if series and not any(_holds_sentences(table, name, rows) for name in names):
        return (series[0],)
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
