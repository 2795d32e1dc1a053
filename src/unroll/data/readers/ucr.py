"""The UCR/UEA archive's .ts files: one series of one or more channels per line, its class at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unroll.data.readers.lines import numbered_lines
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError


class TsHeader(NamedTuple):
    """What the lines before @data say.

    Attributes:
        classes: the class labels; None if there are none.
        target: whether a number to be predicted stands at the end of a line.
        channels: I, by the first row.
        cells: whether a line is cells with commas between them, the class the last, as ARFF has it.
    """

    classes: tuple[str, ...] | None
    target: bool
    channels: int
    cells: bool = False


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
    attributes: list[str] = []
    for number, line in numbered_lines(path, encoding):
        text = line.strip()
        if not text or text.startswith(("#", "%")):
            continue
        if data and attributes:
            return _arff_header(attributes, path, number)
        if data:
            return TsHeader(classes, target, text.count(":") + (0 if classes is not None or target else 1))
        words = text.split()
        key = words[0].lower()
        if key == "@data":
            data = True
        elif key == "@timestamps" and words[1:2] and words[1].lower() == "true":
            raise DataError(
                'series with time stamps inside are not read; write them as JSONL {"series": [1.5, 2.0], "label": ...},'
                " or to forecast them in long form (series id, time, value) as CSV",
                path,
                number,
            )
        elif key == "@classlabel" and words[1:2] and words[1].lower() == "true":
            classes = tuple(words[2:])
        elif key == "@targetlabel" and words[1:2] and words[1].lower() == "true":
            target = True
        elif key == "@attribute" and len(words) > 2:
            attributes.append(text)
        elif not key.startswith("@"):
            raise DataError(f"expected a line starting with @ before @data, got {text[:40]!r}", path, number)
    raise DataError(
        "the file ends after @data without a row"
        if data
        else "no @data line; this is no .ts file of the UCR/UEA archive",
        path,
    )


def _arff_header(attributes: list[str], path: Path, line: int) -> TsHeader:
    """What the attributes of an ARFF file say: numbers are the steps of one channel, the last may be the class.

    Raises:
        DataError: another column holds no numbers.
    """
    kinds = [text[text.index("{") :] if text.endswith("}") else text.split()[-1].lower() for text in attributes]
    last = kinds.pop() if kinds[-1].startswith("{") else None
    if not kinds or not set(kinds) <= {"numeric", "real", "integer"}:
        raise DataError(
            "of ARFF, columns of numbers and a class as the last are read; save tables with other columns as CSV, and"
            " series of several channels as .ts",
            path,
            line,
        )
    classes = None if last is None else tuple(name.strip().strip("'\"") for name in last[1:-1].split(","))
    return TsHeader(classes, False, 1, cells=True)


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
        if not text or text.startswith(("#", "%")):
            continue
        parts = text.rsplit(",", 1 if labelled else 0) if header.cells else text.split(":")
        label = parts.pop().strip().strip("'\"" if header.cells else None) if labelled else None
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


class TsSource:
    """A .ts file ready to be read."""

    marked = False
    empty = "no rows of data"

    def __init__(self, path: Path, encoding: str, header: TsHeader) -> None:
        self.path = path
        self.encoding = encoding
        self.header = header

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns: series, and label or target."""
        last = "label" if self.header.classes is not None else "target"
        labelled = self.header.classes is not None or self.header.target
        return (Field("series", "series", self.header.channels), *([Field(last)] if labelled else []))

    @property
    def said(self) -> str:
        """How many channels and classes there are."""
        channels = self.header.channels
        said = f"{self.path.name}: series of {channels} channel{'s' if channels > 1 else ''}"
        return said + (f", {len(self.header.classes)} classes" if self.header.classes else "")

    def rows(self) -> Iterator[Row]:
        """The series, each with its label.

        Raises:
            DataError: a cell that is no number, no channel, or channels of unequal length in one row; with its line.
        """
        for row in rows(self.path, self.encoding, self.header):
            channels = [_channel(text, self.path, row.line) for text in row.channels]
            lengths = {len(channel) for channel in channels}
            if not lengths:
                raise DataError("expected a series, got a row without a channel", self.path, row.line)
            if len(lengths) > 1:
                raise DataError(
                    f"the channels of a row must be of one length, got {sorted(lengths)}", self.path, row.line
                )
            flat = np.stack(channels, axis=1).reshape(-1)
            yield Row([flat] if row.label is None else [flat, row.label], row.line)

    def left(self) -> list[str]:
        """Nothing."""
        return []


class TsReader:
    """Reads the UCR/UEA archive's files."""

    name = "ts"
    suffixes = (".ts", ".arff")
    summary = "the UCR/UEA archive: several channels, unequal lengths, `?` for a missing value; ARFF of one channel"

    def recognises(self, file: Input) -> bool:
        """A line @data, and only lines with @ and comments before it."""
        for _, line in file.lines if file.opening[:1] in (b"@", b"#", b"%") else ():
            text = line.strip()
            if text.lower() == "@data":
                return True
            if text and text[0] not in "@#%":
                return False
        return False

    def open(self, file: Input, first: Source | None) -> TsSource:
        """Read the head; a further file must have the channels of the first, and labels if that has some."""
        source = TsSource(file.path, file.options.encoding, read_header(file.path, file.options.encoding))
        if isinstance(first, TsSource):
            own, expected = source.header, first.header
            if (own.channels, own.classes is None) != (expected.channels, expected.classes is None):
                raise DataError(
                    f"expected {expected.channels} channels and labels as in {first.path.name}, got {own.channels}",
                    file.path,
                )
        return source
