"""Guesses that the content of a table contradicts, each as the question that is asked instead of training on it."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from collections.abc import Sequence

import numpy as np

from unroll.data import Kind, Table
from unroll.errors import DataError
from unroll.tasks.base import Guess, Task
from unroll.tasks.reading import short_name

#: Rows that are looked at.
_LOOKED_AT = 200
#: Two columns of texts whose mean lengths differ by more are no pairs.
_RATIO = 3.0
#: From this confidence on a guess has reasons of its own.
SURE = 0.5
#: How columns of times are called, and the digits that a time has at least.
_TIME_NAME = re.compile(r"(?i)(^|[\W_])(date|time|timestamp|datetime|when|day)([\W_]|$)|날짜|일시|시각|일자")
_DIGITS = 4
_ENTITY_TAG = re.compile(r"O$|[BIESLU]-\S+$")
#: The beginning of a list or an object as Python writes it.
_PYTHON_LIST = re.compile(r"[\[{]\s*(['\[({\]]|\d)")
_CLASS_NAMES = frozenset(
    ("label", "labels", "class", "target", "category", "sentiment", "intent", "라벨", "레이블", "분류")
)


def refuse_doubtful(table: Table, task: Task, guess: Guess, named: str | None = None) -> None:
    """Raise if a task was guessed that leaves aside what the table is about.

    Args:
        table: the data.
        task: what was guessed.
        guess: the columns that it would use.
        named: the target, where the user said it.

    Raises:
        DataError: the question, with the options that answer it.
    """
    rows = np.arange(min(len(table), _LOOKED_AT))
    if task.name == "classify" and guess.data.target is not None:
        _refuse_annotations(table, guess.data.target, rows)
        if named is None:
            _refuse_one_of_several(table, guess.data.target)
    if guess.confidence >= SURE:
        return
    texts = [name for name in table.columns if table.kinds[name] is Kind.TEXT and _are_sentences(table, name, rows)]
    if task.name == "generate":
        _refuse_one_class(table, texts)
        _refuse_pairs(table, texts, rows)
    elif task.name in ("forecast", "detect") and guess.data.time is None and texts:
        _refuse_strange_times(table, task, texts)
        names = "', '".join(texts[:4])
        raise DataError(
            f"numbers beside texts in '{names}', and nothing says what is to be learnt; name it: --target COLUMN (a"
            f" class), --task translate or chat (pairs of texts), or --task {task.name} for the numbers alone",
            table.paths[0],
        )


def _refuse_strange_times(table: Table, task: Task, texts: Sequence[str]) -> None:
    """Raise if a column is called as one of times and holds them in a notation that none here is."""
    for name in texts:
        cell = table.texts(name)[0].strip()
        if _TIME_NAME.search(name) and sum(map(str.isdigit, cell)) >= _DIGITS:
            raise DataError(
                f"column '{name}' is called as one of times, and {cell[:40]!r} is written as none that is known; write"
                " it as 2024-01-31 12:00, or name what is forecast in the order of the rows: --task"
                f" {task.name} --target COLUMN",
                *table.place(0),
            )


def _refuse_one_of_several(table: Table, target: str) -> None:
    """Raise if the labels of a row stand in a column of zeros and ones each, of which one alone would be learnt."""
    # A column that is called label is the answer, whatever stands beside it.
    if short_name(target) in _CLASS_NAMES or not _are_marks(table, target):
        return
    marks = [name for name in table.columns if _are_marks(table, name)]
    if len(marks) < 2:
        return
    one_of_all = bool((np.stack([table.numbers(name) for name in marks]).sum(axis=0) == 1).all())
    # Two columns of zeros and ones may be an input and an answer; two that are never alike are one answer.
    if len(marks) == 2 and not one_of_all:
        return
    names = ", ".join(marks[:4]) + (", ..." if len(marks) > 4 else "")
    texts = "the class of each row" if one_of_all else "the labels of each row, as 'a,b'"
    raise DataError(
        f"the columns {names} hold zeros and ones, as if each were a label, and one column is learnt; name it with"
        f" --target {shlex.quote(marks[0])}, or write {texts} into one column",
        table.paths[0],
    )


def _are_marks(table: Table, column: str) -> bool:
    return table.kinds[column] is Kind.NUMBER and set(np.unique(table.numbers(column)).tolist()) == {0.0, 1.0}


def _are_sentences(table: Table, column: str, rows: np.ndarray) -> bool:
    """Whether most cells are of several words, or of another text each."""
    cells = [cell.strip() for cell in table.texts(column, rows)]
    words = sum(len(cell.split()) > 1 for cell in cells)
    return 2 * words > len(cells) and len(set(cells)) > max(2, len(cells) // 20)


def _refuse_pairs(table: Table, texts: Sequence[str], rows: np.ndarray) -> None:
    lengths = {name: float(np.mean([len(cell) for cell in table.texts(name, rows)])) for name in texts}
    pairs = [pair for pair in itertools.combinations(texts, 2) if _are_alike(*(lengths[name] for name in pair))]
    if not pairs:
        return
    one, other = map(shlex.quote, pairs[0])
    raise DataError(
        f"two columns of texts, {one} and {other}, and nothing says what they are to each other; name it: --task"
        f" translate --source {one} --target {other}, --task chat --set data.inputs={one} --target {other}, or --task"
        f" generate --set data.inputs={one} for the texts of one column",
        table.paths[0],
    )


def _are_alike(one: float, other: float) -> bool:
    return max(one, other) <= _RATIO * max(min(one, other), 1.0)


def _refuse_one_class(table: Table, texts: Sequence[str]) -> None:
    for name in table.columns:
        if texts and short_name(name) in _CLASS_NAMES and table.kinds[name] is not Kind.SERIES:
            found = set(table.texts(name))
            if len(found) == 1 and len(table) > 1:
                raise DataError(
                    f"column '{name}' holds one class in all {len(table):,} rows ({found.pop()[:40]!r}), so there is"
                    " nothing to tell apart; add rows of another class, or --task generate for a language model",
                    table.paths[0],
                )


def _refuse_annotations(table: Table, target: str, rows: np.ndarray) -> None:
    """Raise if what would be classes are spans, objects, or the tags of one token each."""
    if table.kinds[target] is not Kind.TEXT:
        return
    cells = [cell.strip() for cell in table.texts(target, rows) if cell.strip()]
    structured = sum(_is_structured(cell) for cell in cells)
    if cells and 2 * structured > len(cells):
        raise DataError(
            f"column '{target}' holds lists or objects ({cells[0][:40]}), which are no classes; write one class per"
            ' row, several with commas and no blanks between them (joy,love), or for tags of tokens lines of {"tokens":'
            ' [...], "tags": ["B-PER", ...]}',
            *table.place(0),
        )
    tags = [cell.split() for cell in cells]
    marked = all(_ENTITY_TAG.match(tag) for row in tags for tag in row) and any("O" in row for row in tags)
    if cells and marked and len({cell for row in tags for cell in row}) > 1:
        raise DataError(
            f"column '{target}' holds tags of entities ({cells[0][:40]}), which belong to tokens, not to rows; write"
            " a token and its tag per line with a blank line between sentences (--format conll), or lines of"
            ' {"tokens": [...], "tags": [...]}',
            *table.place(0),
        )


def _is_structured(cell: str) -> bool:
    """Whether it is a list or an object as JSON or Python writes it."""
    if not cell.startswith(("[", "{")) or not cell.endswith(("]", "}")):
        return False
    try:
        json.loads(cell)
    except (ValueError, RecursionError):
        return _PYTHON_LIST.match(cell) is not None
    return True
