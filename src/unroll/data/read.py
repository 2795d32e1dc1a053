"""One way in: a file, a folder, a built-in set or one from the hub becomes a table."""

from __future__ import annotations

from pathlib import Path

from unroll.data.delimited import open_delimited
from unroll.data.kinds import ReadOptions
from unroll.data.source import check_encoding
from unroll.data.store import Field, Writer
from unroll.data.table import Table

_SUFFIXES = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".txt": "text", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
    ".parquet": "parquet", ".pq": "parquet", ".ts": "ts",
}  # fmt: skip


def read_table(
    path: Path | str,
    options: ReadOptions,
    store: Path,
    *,
    validation: Path | str | None = None,
    test: Path | str | None = None,
) -> Table:
    """Read data once, check every row, and store it as a memory-mapped table.

    Args:
        path: a file, a folder, the name of a built-in set, or "hub:NAME".
        options: what is not to be guessed.
        store: the folder for the table.
        validation: a further file of the same form, whose rows validate.
        test: a further file of the same form, whose rows test.

    Raises:
        DataError: with file and line where there is one.
    """
    check_encoding(options.encoding)
    main = Path(path)
    files = [(main, 0), *((Path(extra), part) for extra, part in ((validation, 1), (test, 2)) if extra is not None)]
    opened = open_delimited(main, _SUFFIXES.get(Path(main.name.removesuffix(".gz")).suffix, "text"), options)
    notes = [f"{main.name}: {opened.dialect.words()}, {options.encoding.upper()}"]
    with Writer(store, [Field(name) for name in opened.columns], main) as writer:
        for file, part in files:
            source = opened._replace(path=file)
            writer.begin(file, part if len(files) > 1 else None)
            for record in source.rows():
                if record.cells:
                    writer.add(record.cells, record.line, sum(map(len, record.cells)))
        return writer.finish(notes)


