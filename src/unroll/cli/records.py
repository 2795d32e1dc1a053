"""What `unroll predict` is asked about: texts on the line, a data file, or lines of standard input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from unroll.errors import DataError

if TYPE_CHECKING:
    from unroll.tasks.base import Record


def records_of_lines(stream: BinaryIO, encoding: str, name: str = "standard input") -> Iterator[Record]:
    """Yield one record per line: texts, or JSON objects if the first line is one.

    Raises:
        DataError: a line is not in this encoding, or not a JSON object where the first one is; with the line.
    """
    as_json = False
    for number, raw in enumerate(stream, start=1):
        try:
            line = raw.decode(encoding)
        except UnicodeDecodeError as error:
            byte = f"byte {raw[error.start]:#04x} at column {error.start + 1}"
            raise DataError(f"expected {encoding}, got {byte}; give --encoding", name, number) from None
        line = line.rstrip("\r\n")
        if number == 1:
            line = line.removeprefix("\ufeff")
            as_json = line.lstrip().startswith("{") and _object(line) is not None
        if not as_json:
            yield line
            continue
        record = _object(line)
        if record is None:
            raise DataError("expected a JSON object, as in the first line, got something else", name, number)
        yield record


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
