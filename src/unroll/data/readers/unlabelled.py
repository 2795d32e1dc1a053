"""Files of a part that lack the labels of the others, as competitions give them: nothing can be scored on them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from unroll.data.readers.delimited import Delimited, DelimitedReader
from unroll.data.readers.folders import DataFile
from unroll.data.readers.jsonrows import JsonLinesReader, JsonReader
from unroll.data.readers.parquet import ParquetReader
from unroll.data.readers.reader import Input, Reader, Source
from unroll.data.readers.talktable import names_in
from unroll.data.table.facts import names_labels
from unroll.data.table.splits import Split
from unroll.errors import DataError

#: More columns than this are steps of a series, not labels.
_MOST_LABELS = 60
_NUMBER = re.compile(r"\d+$")


def without_labels(
    reader: Reader, main: Source, opening: Input, files: Sequence[DataFile], named: frozenset[Path]
) -> tuple[list[DataFile], list[str]]:
    """The files that have the columns of the first, and what is said of those that lack some and are left out.

    Args:
        reader: of the files.
        main: the first file.
        opening: likewise, before it was opened.
        files: all of them.
        named: those that the user named as a part.

    Raises:
        DataError: a file that the user named lacks the labels.
    """
    kept, left = [], []
    for file in files:
        lacking = [] if not file.part or file.path == opening.path else _lacking(reader, main, opening, file.path)
        if not lacking:
            kept.append(file)
            continue
        columns = ("column " if len(lacking) == 1 else "columns ") + ", ".join(f"'{name}'" for name in lacking[:6])
        asked = f"unroll predict RUN --file {shlex.quote(str(file.path))}"
        if file.path in named:
            raise DataError(
                f"the file lacks {columns} of {opening.path.name}, so nothing can be scored on it; leave it out, and"
                f" when the run is trained ask it: {asked}",
                file.path,
            )
        left.append(
            f"{file.path.name} lacks {columns} of {opening.path.name}, so it can score nothing and is left out; when"
            f" the run is trained, ask it: {asked}"
        )
    alone = [file for file in kept if file.part]
    missing = {file.part for file in files if file.part} - {file.part for file in alone}
    drawn = " and ".join(word for part, word in enumerate(Split._fields) if part in missing)
    return kept, [*left, f"the rows of {drawn} are taken from train"] if left and drawn else left


def _lacking(reader: Reader, main: Source, opening: Input, path: Path) -> list[str]:
    """The columns of the first file that a further one lacks, if it has none of its own and no labels."""
    file = Input(path, opening.options, opening.scratch)
    if isinstance(reader, DelimitedReader) and isinstance(main, Delimited) and main.dialect.header:
        expected = list(main.columns)
        found = list(reader.open(file, None).columns)
    elif isinstance(reader, ParquetReader):
        expected, found = ([field.name for field in source.fields] for source in (main, reader.open(file, None)))
    elif isinstance(reader, JsonReader | JsonLinesReader):
        expected = list(dict.fromkeys(names_in(opening)))
        # A key that comes late in one object is there.
        found = [name for name in expected if f'"{name}"'.encode() in file.head]
    else:
        return []
    lacking = [name for name in expected if name not in found]
    stems = {_NUMBER.sub("", name) for name in found}
    # Series that go on in a further file may be shorter there: V1, V2, ...
    steps = all(_NUMBER.search(name) and _NUMBER.sub("", name) in stems for name in lacking)
    others = set(found) - set(expected) or any(map(names_labels, found)) or not found
    return [] if steps or others or len(lacking) > _MOST_LABELS else lacking
