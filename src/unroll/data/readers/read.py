"""One way in: a file, a folder, a built-in set or one from the hub becomes a table."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from unroll.data.readers.builtin import builtin_names, read_builtin
from unroll.data.readers.classfiles import with_classes
from unroll.data.readers.corpora import is_list
from unroll.data.readers.encodings import check_encoding
from unroll.data.readers.folders import DataFile, files_of
from unroll.data.readers.hub import read_hub
from unroll.data.readers.labelled import LabelledReader
from unroll.data.readers.parallel import ParallelReader, sides_beside
from unroll.data.readers.reader import Input, Reader
from unroll.data.readers.registry import choose_reader, reader_named
from unroll.data.readers.sound import SoundReader, is_sound
from unroll.data.readers.unlabelled import without_labels
from unroll.data.table.kinds import ReadOptions
from unroll.data.table.splits import Split
from unroll.data.table.table import Table
from unroll.data.table.writer import Writer
from unroll.errors import ConfigError, DataError, nearest

_HUB = "hub:"
#: Files of parts that are named one by one.
_NAMED_FILES = 6
#: Files whose parts are said one by one, at most.
_NAMED = 12


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
        path: a file of any kind in `READERS`, plain or gzipped, a folder (one text file per class; files whose names
            end in train, valid or test; one data file; parallel files, a language each), what the names of parallel
            files share (DIR/train), the name of a built-in set, or "hub:NAME".
        options: what is not to be guessed.
        store: the folder for the table; the run's own.
        validation: a further file or folder of the same form; its rows validate.
        test: a further file or folder of the same form; its rows test.

    Returns:
        The table, rows in the order of the files.

    Raises:
        DataError: the data is wrong, with file and line.
        ConfigError: an option is unknown.
        MissingExtraError: an optional library is not installed.
    """
    check_encoding(options.encoding)
    if options.format is not None:
        reader_named(options.format)
    name = str(path)
    if name.startswith(_HUB) or (name in builtin_names() and not os.path.exists(path)):
        if validation is not None or test is not None:
            raise ConfigError(f"{name} brings its own parts; leave out the validation and test files")
        return read_hub(name.removeprefix(_HUB), store) if name.startswith(_HUB) else read_builtin(name, store)
    files, notes = _files(Path(path))
    extra = [(given, part) for given, part in ((validation, 1), (test, 2)) if given is not None]
    added = [file._replace(part=part) for given, part in extra for file in _files(Path(given))[0]]
    files = [*(file._replace(part=file.part or 0) for file in files), *added] if extra else files
    rows_only = options.files == "rows" and not is_sound(files[0].path)
    labels = {} if rows_only else {file.path: file.label for file in files if file.label is not None}
    main = Input(files[0].path, options, store)
    reader: Reader
    if labels:
        reader = SoundReader(labels) if is_sound(files[0].path) else LabelledReader(labels)
    elif files[0].parallel:
        reader = ParallelReader()
    else:
        reader, said = with_classes(choose_reader(main), main, [file.path for file in files], Path(path))
        notes = [*notes, *said]
    return _read_files(reader, main, files, notes, frozenset(file.path for file in added))


def _files(path: Path) -> tuple[list[DataFile], list[str]]:
    # Not `Path.is_dir`, which raises where a name is longer than a file's may be.
    if os.path.isdir(path):
        return files_of(path)
    if not os.path.exists(path):
        beside = sides_beside(path)
        if beside:
            return [DataFile(next(iter(beside.values())), parallel=True)], []
        known = builtin_names()
        hint = nearest(str(path), known) or f"; the built-in sets are {', '.join(known)}"
        raise DataError(f"no such file or folder{hint}", path)
    return files_of(path.parent) if is_list(path) else ([DataFile(path)], [])


def _read_files(
    reader: Reader, opening: Input, files: list[DataFile], notes: list[str], named: frozenset[Path]
) -> Table:
    """The rows of every file, one file after the other, checked and stored."""
    options, store = opening.options, opening.scratch
    main = reader.open(opening, None)
    files, unlabelled = without_labels(reader, main, opening, files, named)
    notes = [*unlabelled, *notes]
    left = []
    with Writer(store, main.fields, files[0].path, marked=main.marked, options=options) as writer:
        for position, file in enumerate(files):
            source = main if position == 0 else reader.open(Input(file.path, options, store), main)
            before = writer.total
            writer.begin(file.path, file.part)
            for row in source.rows():
                writer.add(row)
            if writer.total == before:
                raise DataError(source.empty, file.path)
            left += [f"{file.path.name}: {text}" if len(files) > 1 else text for text in source.left()]
        return writer.finish([main.said, *_part_note(files), *left, *notes], reader.name)


def _part_note(files: list[DataFile]) -> list[str]:
    if len(files) > _NAMED_FILES:
        counts = {word: sum(file.part == part for file in files) for part, word in enumerate(Split._fields)}
        named = [f"{count} for {word}" for word, count in counts.items() if count]
        return ["parts by files: " + ", ".join(named)] if named else []
    named = [f"{Split._fields[file.part]}: {file.path.name}" for file in files if file.part is not None]
    if len(named) > _NAMED:
        counts = Counter(Split._fields[file.part] for file in files if file.part is not None)
        named = [f"{part}: {count:,} files" for part, count in counts.items()]
    return ["parts by file: " + ", ".join(named)] if len(files) > 1 and named else []
