"""The UCR/UEA archive's .ts files: one series of one or more channels per line, its class at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unroll.data.readers.lines import numbered_lines
from unroll.data.table.writer import Field, Writer
from unroll.errors import DataError


class TsHeader(NamedTuple):
    """What the lines before @data say.

    Attributes:
        classes: the class labels; None if there are none.
        target: whether a number to be predicted stands at the end of a line.
        channels: I, by the first row.
    """

    classes: tuple[str, ...] | None
    target: bool
    channels: int


class TsRow(NamedTuple):
    """One series as text per channel, its label, its line."""

    channels: list[str]
    label: str | None
    line: int


def read_header(path: Path, encoding: str) -> TsHeader:
    """Read the head of a .ts file and count the channels of its first row.

    Raises:
        DataError: no @data, an unsupported form, or no row.
    """
    classes: tuple[str, ...] | None = None
    target = False
    data = False
    for number, line in numbered_lines(path, encoding):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if data:
            return TsHeader(classes, target, text.count(":") + (0 if classes is not None or target else 1))
        words = text.split()
        key = words[0].lower()
        if key == "@data":
            data = True
        elif key == "@timestamps" and words[1:2] and words[1].lower() == "true":
            raise DataError(
                "series with time stamps inside are not read; write them in long form (series id, time, value) as CSV",
                path,
                number,
            )
        elif key == "@classlabel" and words[1:2] and words[1].lower() == "true":
            classes = tuple(words[2:])
        elif key == "@targetlabel" and words[1:2] and words[1].lower() == "true":
            target = True
        elif not key.startswith("@"):
            raise DataError(f"expected a line starting with @ before @data, got {text[:40]!r}", path, number)
    raise DataError(
        "the file ends after @data without a row"
        if data
        else "no @data line; this is no .ts file of the UCR/UEA archive",
        path,
    )


def rows(path: Path, encoding: str, header: TsHeader) -> Iterator[TsRow]:
    """Yield the rows below @data.

    Raises:
        DataError: a row with another number of channels, or with a class that the head does not name.
    """
    data = False
    labelled = header.classes is not None or header.target
    for number, line in numbered_lines(path, encoding):
        text = line.strip()
        if not data:
            data = text.lower() == "@data"
            continue
        if not text or text.startswith("#"):
            continue
        parts = text.split(":")
        label = parts.pop().strip() if labelled else None
        if len(parts) != header.channels:
            raise DataError(f"expected {header.channels} channels as in the first row, got {len(parts)}", path, number)
        if header.classes and label not in header.classes:
            raise DataError(f"class {label!r} is not one of {', '.join(header.classes)}", path, number)
        yield TsRow(parts, label, number)


def _channel(text: str, path: Path, line: int) -> np.ndarray:
    cells = text.replace("?", "nan").split(",") if text.strip() else []
    try:
        values = np.array(cells, dtype=np.float64)
    except ValueError as error:
        raise DataError(f"expected numbers between commas, ? for a missing one: {error}", path, line) from error
    if np.isinf(values).any():
        raise DataError("expected finite numbers, ? for a missing one, got an infinite one", path, line)
    return values.astype(np.float32)


def fields_of(header: TsHeader) -> tuple[Field, ...]:
    """The columns of a .ts file: series, and label or target."""
    last = "label" if header.classes is not None else "target"
    labelled = header.classes is not None or header.target
    return (Field("series", "series", header.channels), *([Field(last)] if labelled else []))


def write_rows(writer: Writer, path: Path, encoding: str, header: TsHeader, part: int | None) -> None:
    """Add the rows of a .ts file to a table.

    Raises:
        DataError: a cell that is no number, or channels of unequal length in one row.
    """
    writer.begin(path, part)
    for row in rows(path, encoding, header):
        channels = [_channel(text, path, row.line) for text in row.channels]
        lengths = [len(channel) for channel in channels]
        if len(set(lengths)) > 1:
            raise DataError(f"the channels of a row must be of one length, got {sorted(set(lengths))}", path, row.line)
        flat = np.stack(channels, axis=1).reshape(-1)
        writer.add([flat] if row.label is None else [flat, row.label], row.line, 4 * len(flat))
