"""Eurostat's bulk files: a series per line, what it is of in the first cell, and flags behind the numbers.

Source: Eurostat, "Database - bulk download", the format of its TSV files: `freq,unit,geo\\TIME_PERIOD` above the
series, `:` for no value, and letters such as p (provisional), b (break) and e (estimated) behind a value or a colon.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from unroll.data.readers.linewise import LineSource
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Field
from unroll.errors import DataError

#: The first cell: names with commas between them, and behind a stroke that of the columns.
_CORNER = re.compile(r"(?P<names>[^\t\\]+)\\(?P<over>time|TIME_PERIOD)\s*$")
_CELL = re.compile(r"(?P<value>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|:)\s*(?P<flags>[a-z]{0,4})$")
#: Periods as Eurostat writes them -> as they are read elsewhere.
_PERIODS = (
    (re.compile(r"(\d{4})-?M(\d{2})-?D(\d{2})$"), r"\1-\2-\3"),
    (re.compile(r"(\d{4})-?M(\d{2})$"), r"\1-\2"),
    (re.compile(r"(\d{4})-?S1$"), r"\1-01"),
    (re.compile(r"(\d{4})-?S2$"), r"\1-07"),
)
#: Lines that are looked at.
_LOOKED_AT = 20


def period(name: str) -> str:
    """A period as it is read in other files.

    >>> period("2005M06 "), period("2005S2"), period("2005"), period("2005-Q1")
    ('2005-06', '2005-07', '2005', '2005-Q1')
    """
    name = name.strip()
    for pattern, form in _PERIODS:
        if pattern.match(name):
            return pattern.sub(form, name)
    return name


def value_of(cell: str) -> str:
    """A value without its flags; empty for none.

    Raises:
        ValueError: it is neither.

    >>> value_of("12.3 p"), value_of(": c"), value_of("")
    ('12.3', '', '')
    """
    cell = cell.strip()
    found = _CELL.match(cell)
    if cell and found is None:
        raise ValueError(f"expected a number with Eurostat's flags behind it, or a colon, got {cell[:40]!r}")
    return "" if found is None or found["value"] == ":" else found["value"]


class EurostatReader:
    """Reads Eurostat's TSV."""

    name = "eurostat"
    suffixes: tuple[str, ...] = ()
    summary = (
        "Eurostat's TSV: `freq,unit,geo\\TIME_PERIOD` above a series per line; a column for each name and each period,"
        " `:` and flags behind numbers left out; for forecast; known by its first cell"
    )

    def recognises(self, file: Input) -> bool:
        """A first cell with a stroke before the name of the columns, and values with flags below."""
        lines = [line.rstrip("\r") for _, line in file.lines if line.strip()][:_LOOKED_AT]
        if len(lines) < 2 or _corner(lines[0]) is None:
            return False
        return all(_CELL.match(cell.strip()) for line in lines[1:] for cell in line.split("\t")[1:] if cell.strip())

    def open(self, file: Input, first: Source | None) -> LineSource:
        """A column for every name in the first cell, and for every period.

        Raises:
            DataError: the first line is another.
        """
        head = next((line.rstrip("\r") for _, line in file.lines if line.strip()), "")
        names = _corner(head)
        if names is None:
            raise DataError(
                "expected a first cell such as freq,unit,geo\\TIME_PERIOD, as Eurostat has it", file.path, 1
            )
        periods = [period(cell) for cell in head.split("\t")[1:]]

        def cells(line: str) -> Sequence[str]:
            if line == head:
                return ()
            parts = line.split("\t")
            of = parts[0].split(",")
            if len(of) != len(names) or len(parts) != len(periods) + 1:
                raise ValueError(
                    f"expected {len(names)} names and {len(periods)} values as in the first line, got {len(of)} and"
                    f" {len(parts) - 1}"
                )
            return [*map(str.strip, of), *map(value_of, parts[1:])]

        said = "a series per line as Eurostat writes them, flags left out"
        return LineSource(file, [Field(name) for name in (*names, *periods)], said, cells)


def _corner(line: str) -> list[str] | None:
    found = _CORNER.match(line.removeprefix("\ufeff").split("\t")[0])
    return None if found is None else [name.strip() for name in found["names"].split(",")]
