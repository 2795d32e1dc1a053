"""One thing that the data doctor saw, and small helpers for saying it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from unroll.data.table.table import Table
from unroll.errors import DataError

Level = Literal["error", "warning", "note"]


class Finding(NamedTuple):
    """One thing that the doctor saw.

    Attributes:
        level: "error" (training would fail or its result would be wrong), "warning" (look at it) or "note" (what was
            understood).
        text: what was seen, in one line.
        path: the file of the first place, if there is one.
        line: its line, from 1.
        advice: what to do; empty for a note.
    """

    level: Level
    text: str
    path: Path | None = None
    line: int | None = None
    advice: str = ""


def at_row(table: Table, row: int, level: Level, text: str, advice: str) -> Finding:
    """A finding whose first place is this row."""
    path, line = table.place(int(row))
    return Finding(level, text, path, line, advice)


def of_error(error: DataError) -> Finding:
    """An error that training would stop with, as a finding."""
    line = "" if error.line is None else f":{error.line}"
    text = str(error) if error.path is None else str(error).removeprefix(f"{error.path}{line}: ")
    return Finding("error", text, error.path, error.line, "training would stop here")


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 row", "1,234 rows"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def share(part: int, whole: int) -> str:
    """A part in percent of the whole."""
    return f"{100 * part / max(whole, 1):.1f} %"
