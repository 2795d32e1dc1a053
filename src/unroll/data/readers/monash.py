"""The Monash archive's .tsf files: a series per line, behind its name and other attributes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unroll.data.readers.lines import numbered_lines
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

#: Keys that only these files have.
_KEYS = ("@frequency", "@horizon")


class _Head(NamedTuple):
    attributes: tuple[str, ...]
    frequency: str | None


class TsfSource:
    """A .tsf file ready to be read."""

    marked = False
    empty = "no rows of data"

    def __init__(self, path: Path, encoding: str) -> None:
        self.path = path
        self.encoding = encoding
        self._head = self._read_head()

    @property
    def fields(self) -> Sequence[Field]:
        """The attributes, and the values as `target`."""
        return [*(Field(name) for name in self._head.attributes), Field("target", "series", 1)]

    @property
    def said(self) -> str:
        """What the head says of the steps."""
        steps = "" if self._head.frequency is None else f", {self._head.frequency} steps"
        return f"{self.path.name}: one series per line{steps}"

    def _read_head(self) -> _Head:
        attributes: list[str] = []
        frequency = None
        for number, line in numbered_lines(self.path, self.encoding):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            key = words[0].lower()
            if key == "@data":
                return _Head(tuple(attributes), frequency)
            if not key.startswith("@"):
                raise DataError(f"expected a line starting with @ before @data, got {line[:40]!r}", self.path, number)
            if key == "@attribute" and len(words) > 1:
                attributes.append(words[1])
            elif key == "@frequency" and len(words) > 1:
                frequency = words[1]
        raise DataError("no @data line; this is no .tsf file of the Monash archive", self.path)

    def rows(self) -> Iterator[Row]:
        """The series, each with its attributes.

        Raises:
            DataError: a line lacks an attribute, or a value is no number; with its line.
        """
        width, data = len(self._head.attributes), False
        for number, line in numbered_lines(self.path, self.encoding):
            text = line.strip()
            if not data:
                data = text.lower() == "@data"
                continue
            if not text or text.startswith("#"):
                continue
            *cells, values = text.split(":")
            if len(cells) != width:
                names = ", ".join(self._head.attributes)
                raise DataError(f"expected {names} and the values, with colons between them", self.path, number)
            yield Row([*cells, self._values(values, number)], number)

    def _values(self, text: str, number: int) -> np.ndarray:
        try:
            values = np.array(text.replace("?", "nan").split(","), dtype=np.float64)
        except ValueError as error:
            raise DataError(
                f"expected numbers between commas, ? for a missing one: {error}", self.path, number
            ) from None
        if np.isinf(values).any():
            raise DataError("expected finite numbers, got an infinite one", self.path, number)
        return values.astype(np.float32)

    def left(self) -> list[str]:
        """Nothing."""
        return []


class TsfReader:
    """Reads the Monash archive's files."""

    name = "tsf"
    suffixes = (".tsf",)
    summary = "the Monash archive: a series per line behind its name, `?` for a missing value; for forecast"

    def recognises(self, file: Input) -> bool:
        """Its keys in lines with @ above the data."""
        for _, line in file.lines if file.opening[:1] in (b"@", b"#") else ():
            text = line.strip().lower()
            if text.startswith(_KEYS):
                return True
            if (text and text[0] not in "@#") or text == "@data":
                return False
        return False

    def open(self, file: Input, first: Source | None) -> TsfSource:
        """Read the head; a further file must have the attributes of the first."""
        source = TsfSource(file.path, file.options.encoding)
        if isinstance(first, TsfSource) and list(first.fields) != list(source.fields):
            raise DataError(f"expected the attributes of {first.path.name}", file.path)
        return source
