"""Small ways to write a file and read it as a table."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from unroll.data import ReadOptions, Table, read_table


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write text exactly as given, gzipped if the name ends in .gz."""
    data = text.encode(encoding)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(
    path: Path | str, store: Path, *, validation: Path | None = None, test: Path | None = None, **options: Any
) -> Table:
    """Read with some options fixed."""
    return read_table(path, ReadOptions(**options), store / "store", validation=validation, test=test)


def rows(table: Table) -> list[tuple[str, ...]]:
    """All cells as text, row by row."""
    return list(zip(*(table.texts(column) for column in table.columns), strict=True))
