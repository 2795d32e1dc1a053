"""Guesses about series that the content of a table contradicts, each as the question that is asked instead."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

import numpy as np

from unroll.bundle import DataConfig
from unroll.data import Kind, Table
from unroll.data.series.ids import find_ids
from unroll.data.series.moments import moments
from unroll.data.table.codes import cell_codes
from unroll.data.table.notations import MONTHS
from unroll.data.text.corpus import is_running_text
from unroll.errors import DataError
from unroll.tasks.base import Guess, Task

#: Rows that are looked at where a few tell, and steps that a series has at least, on average.
_LOOKED_AT, _STEPS = 200, 5
#: Numbers that a cell has at least, and the share of pieces of a text, that make it no prose.
_LEAST, _MOST = 8, 0.8
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$")
_BETWEEN = re.compile(r"[\s,;|\[\]()]+")
#: Names of columns that are parts of a row's time, and how many of them it has. Hours without a word have two digits.
_MONTHS = re.compile(rf"(?i)(?:{'|'.join(MONTHS)})[a-z]{{0,6}}\.?|m?(?:0?[1-9]|1[0-2])(?:월|月)?")
#: A line of a drawn table that holds no cells, and one of InfluxDB's: a name with tags, fields, and a time.
_RULE = re.compile(r"[\s|+=_-]*")
_LINE_PROTOCOL = re.compile(r"[^\s=,]+(?:,[^\s=,]+=[^\s=,]+)* [^\s=]+=\S+( \d{10,19})?$")
_CLASS = re.compile(r"(?i)(label|class|target|category|species|type|outcome|result|라벨|레이블|분류|클래스|범주)")
_HOURS = re.compile(r"(?i)(?:h|hr|he|hour)[ _-]?[0-2]?[0-9]|[0-2]?[0-9](?::00|시|時)|[0-2][0-9]")
_SIDE_BY_SIDE = (("month", _MONTHS, 12, "year", "Y"), ("hour", _HOURS, 24, "day", "D"))


def refuse_doubtful_series(table: Table, task: Task, guess: Guess, data: DataConfig) -> None:
    """Raise if rows that are steps of series would be learnt one by one, or numbers as words.

    Args:
        table: the data.
        task: what was guessed.
        guess: the columns that it would use.
        data: what the user said.

    Raises:
        DataError: the question, with the options that answer it.
    """
    inputs = guess.data.inputs
    if task.name == "classify" and guess.data.target is not None and not data.inputs:
        _refuse_long(table, guess.data.target, inputs)
        _refuse_numbers_as_words(table, inputs)
    if task.name == "generate" and is_running_text(table):
        _refuse_drawn_tables(table)
        _refuse_numbers_as_text(table)
    if task.name == "forecast" and guess.data.time is not None and data.time is None and data.target is None:
        _refuse_steps_side_by_side(table, guess.data.time)
    if task.name in ("forecast", "detect") and guess.data.time is None and data.target is None:
        _refuse_classes_beside(table, task, guess)
        _refuse_named_rows(table, task, guess)
    if task.name == "forecast" and guess.data.time is None:
        _refuse_answers_of_series(table, data)
        _refuse_many_files(table, data)


def _refuse_long(table: Table, target: str, inputs: Sequence[str]) -> None:
    """Raise if the rows are the steps of series, each of one class, and would be classified one by one."""
    if not inputs or any(table.kinds[name] is not Kind.NUMBER for name in inputs):
        return
    classes = cell_codes(table, target)[1]
    for name in table.columns:
        if name == target or table.kinds[name] not in (Kind.NUMBER, Kind.TEXT):
            continue
        codes = cell_codes(table, name)[1]
        count = int(codes.max()) + 1
        anew = np.append(True, np.diff(codes) != 0)
        # The rows of each stand together, with one class for all of them, and there are more of them than classes.
        whole = anew.sum() == count and 1 + int(classes.max()) < count <= len(table) / _STEPS
        if not whole or len(np.unique(codes * (int(classes.max()) + 1) + classes)) != count:
            continue
        for steps in inputs:
            if steps == name:
                continue
            values = table.numbers(steps)
            if (np.diff(values)[~anew[1:]] > 0).all() and find_ids(
                table, values, {steps, target, *table.columns} - {name}
            ):
                raise DataError(
                    f"the rows of one '{name}' are the steps of one series, in the order of '{steps}' ({count:,} series"
                    f" of one '{target}' each), and every row would be classified by itself; write a row for each"
                    f' series, as JSONL {{"series": [[1.5, 2.0], ...], "{target}": ...}}, or name what rows are'
                    " classified by: --set data.inputs=COLUMN,COLUMN",
                    table.paths[0],
                )


def _refuse_numbers_as_words(table: Table, inputs: Sequence[str]) -> None:
    """Raise if cells of a text hold nothing but numbers: then each is a series."""
    texts = [name for name in inputs if table.kinds[name] is Kind.TEXT]
    if len(texts) != 1 or len(texts) != len(inputs):
        return
    cells = list(table.texts(texts[0], np.arange(min(len(table), _LOOKED_AT))))
    pieces = [[piece for piece in _BETWEEN.split(cell) if piece] for cell in cells]
    if cells and all(len(own) >= _LEAST and all(map(_NUMBER.match, own)) for own in pieces):
        raise DataError(
            f"column '{texts[0]}' holds {len(pieces[0])} numbers in a cell, a series in every row, and they would be"
            ' read as words; write them as lists, in JSONL {"series": [1.5, 2.0], "label": ...}, or each in a column of'
            f" its own; --set data.inputs={shlex.quote(texts[0])} reads them as text",
            *table.place(0),
        )


def _refuse_numbers_as_text(table: Table) -> None:
    """Raise if most of what would be learnt as prose are numbers."""
    cells = list(table.texts(table.columns[0], np.arange(min(len(table), _LOOKED_AT))))
    pieces = [piece for cell in cells for piece in _BETWEEN.split(cell) if piece]
    if len(pieces) >= _LEAST and sum(map(bool, map(_NUMBER.match, pieces))) >= _MOST * len(pieces):
        raise DataError(
            f"most of the text are numbers ({cells[0][:40]!r}), as in a table; --format csv reads one, with --delimiter"
            " if it is no comma, and --task generate learns the lines as text",
            *table.place(0),
        )


def _refuse_drawn_tables(table: Table) -> None:
    """Raise if lines that would be learnt as prose are a table with bars and rules, or InfluxDB's line protocol."""
    rows = np.arange(min(len(table), _LOOKED_AT))
    cells = list(table.texts(table.columns[0], rows))
    bars = [cell.count("|") for cell in cells if not _RULE.fullmatch(cell)]
    if len(bars) >= _LEAST and bars[0] > 2 and bars.count(bars[0]) > _MOST * len(bars) and len(bars) < len(cells):
        raise DataError(
            f"the lines are a table that is drawn with bars and rules ({cells[0][:40]!r}); take out the lines of dashes"
            " and the outer bars and read it with --format csv --delimiter '|', or --task generate learns the lines as"
            " text",
            *table.place(0),
        )
    if len(cells) >= _LEAST and sum(map(bool, map(_LINE_PROTOCOL.match, cells))) > _MOST * len(cells):
        raise DataError(
            f"the lines are InfluxDB's line protocol ({cells[0][:40]!r}); export them as CSV (influx query --raw, or a"
            " column for each field), or --task generate learns the lines as text",
            *table.place(0),
        )


def _refuse_steps_side_by_side(table: Table, time: str) -> None:
    """Raise if the months of a year, or the hours of a day, stand beside each other and would be a series each."""
    for part, names, count, whole, unit in _SIDE_BY_SIDE:
        found = [name for name in table.columns if name != time and names.fullmatch(name.strip())]
        if len(found) < count:
            continue
        times = moments(table, time)
        # Numbers that are no moments are years.
        rows = times.astype(f"datetime64[{unit}]") if times.dtype.kind == "M" else times
        if len(np.unique(rows)) == len(table):
            raise DataError(
                f"the columns '{found[0]}' to '{found[-1]}' are called as the {part}s of a {whole}, of which each row"
                f" is one, and would be {len(found)} series in steps of one {whole}; write a row for each {part}"
                f" (pandas: melt), or keep them with --time {shlex.quote(time)}",
                table.paths[0],
            )


def _refuse_answers_of_series(table: Table, data: DataConfig) -> None:
    """Raise if numbers would be forecast from row to row that stand beside a series each."""
    series = [name for name in table.columns if table.kinds[name] is Kind.SERIES]
    numbers = [name for name in table.columns if table.kinds[name] is Kind.NUMBER]
    if series and numbers and data.target is None:
        raise DataError(
            f"a number in '{numbers[0]}' stands beside every series in '{series[0]}', and numbers are not learnt from"
            " series; write classes instead of it to classify them, or forecast it in the order of the rows:"
            f" --task forecast --target {shlex.quote(numbers[0])}",
            table.paths[0],
        )


def _refuse_classes_beside(table: Table, task: Task, guess: Guess) -> None:
    """Raise if numbers would be taken for steps of time that stand beside classes: each row is one of them."""
    for name in table.columns:
        if table.kinds[name] is not Kind.TEXT or not _CLASS.fullmatch(name.strip()):
            continue
        cells = cell_codes(table, name)[0]
        # What marks anomalies is no class.
        if not 2 <= len(cells) <= len(table) // _STEPS or any(f"'{name}'" in note for note in guess.notes):
            continue
        numbers = [other for other in table.columns if table.kinds[other] is Kind.NUMBER]
        raise DataError(
            f"column '{name}' holds {len(cells)} classes beside {len(numbers)} column{'s' * (len(numbers) > 1)} of"
            f" numbers, fewer than the 3 that classes are learnt from; add columns, or leave '{name}' aside:"
            f" --task {task.name} takes the rows for steps of time",
            table.paths[0],
        )


def _refuse_named_rows(table: Table, task: Task, guess: Guess) -> None:
    """Raise if rows would be steps of time of which each has a name of its own: it may as well be a series, or a time
    in a notation that is not read."""
    if guess.data.series is not None or len(table) < _STEPS:
        return
    numbers = [name for name in table.columns if table.kinds[name] is Kind.NUMBER]
    for name in table.columns[:1]:
        if table.kinds[name] is not Kind.TEXT or not numbers:
            continue
        cells = cell_codes(table, name)[0]
        if len(cells) < len(table) or not all(cell.strip() for cell in cells):
            continue
        shown = shlex.quote(name)
        rows = f" --series {shown} takes each row for a series of {len(numbers)} steps," if len(numbers) > 1 else ""
        raise DataError(
            f"every row has a name of its own in '{name}' ({cells[0][:40]!r}), which is read as no time;{rows} --task"
            f" {task.name} --target {shlex.quote(numbers[0])} takes the rows for steps of time in their order",
            *table.place(0),
        )


def _refuse_many_files(table: Table, data: DataConfig) -> None:
    """Raise if series without times would go on from the end of one file in the next."""
    if table.in_memory or table.parts is not None or len(table.paths) < 2 or data.target is not None:
        return
    raise DataError(
        f"{len(table.paths)} files without times, which would be one series, one file after the other; --task detect"
        " takes each for a stream, a row for each file in JSONL, as"
        ' {"series": [[1.5, 2.0], ...], "label": ...}, lets them be classified, and --task forecast --target COLUMN'
        " joins them",
        table.paths[0],
    )
