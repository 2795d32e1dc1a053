"""One way in: a file, a folder, a built-in set or one from the hub becomes a table."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

from unroll.data.readers import conll, jsonrows, parquet, ucr
from unroll.data.readers.builtin import builtin_names, read_builtin
from unroll.data.readers.delimited import Delimited, open_delimited
from unroll.data.readers.folders import SUFFIXES, DataFile, files_of, form_of, plain_name
from unroll.data.readers.hub import read_hub
from unroll.data.readers.lines import check_encoding, numbered_lines, sample_lines
from unroll.data.table.kinds import ReadOptions
from unroll.data.table.table import Table
from unroll.data.table.writer import Field, Writer
from unroll.errors import ConfigError, DataError, nearest

_HUB = "hub:"
_ENTITY_TAG = re.compile(r"O$|[BIESLU]-\S+$")
_PART_WORDS = ("train", "validation", "test")


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
        path: a file (csv, tsv, txt, jsonl, json, parquet, ts, conll, conllu; each also as .gz), a folder (one text
            file per class; files whose names end in train, valid or test; one data file), the name of a built-in set,
            or "hub:NAME".
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
    forms = sorted(set(SUFFIXES.values()))
    if options.format is not None and options.format not in forms:
        raise ConfigError(
            f"unknown data format {options.format!r}{nearest(options.format, forms)}; one of {', '.join(forms)}"
        )
    name = str(path)
    if name.startswith(_HUB) or (name in builtin_names() and not Path(path).exists()):
        if validation is not None or test is not None:
            raise ConfigError(f"{name} brings its own parts; leave out the validation and test files")
        return read_hub(name.removeprefix(_HUB), store) if name.startswith(_HUB) else read_builtin(name, store)
    files, notes = _files(Path(path))
    extra = [(given, part) for given, part in ((validation, 1), (test, 2)) if given is not None]
    if extra:
        files = [file._replace(part=file.part or 0) for file in files]
        for given, part in extra:
            files += [file._replace(part=part) for file in _files(Path(given))[0]]
    form = options.format or _guess_form(files[0], options)
    if files[0].label is not None:
        return _read_classes(files, options, store, notes)
    reader = {
        "jsonl": _read_json,
        "json": _read_json,
        "parquet": _read_parquet,
        "ts": _read_ts,
        "conll": _read_tagged,
        "conllu": _read_tagged,
    }.get(form, _read_delimited)
    return reader(files, form, options, store, notes)


def _files(path: Path) -> tuple[list[DataFile], list[str]]:
    if path.is_dir():
        return files_of(path)
    if not path.exists():
        known = builtin_names()
        hint = nearest(str(path), known) or f"; the built-in sets are {', '.join(known)}"
        raise DataError(f"no such file or folder{hint}", path)
    return [DataFile(path)], []


def _guess_form(file: DataFile, options: ReadOptions) -> str:
    """The format by the name of a file; tagged words often come as .txt or .tsv, and are known by their look."""
    form = form_of(file.path) or "text"
    if form not in ("text", "tsv") or file.label is not None or options.delimiter is not None:
        return form
    return "conll" if _looks_tagged(sample_lines(file.path, options.encoding)) else form


def _looks_tagged(lines: list[tuple[int, str]]) -> bool:
    """Whether these are words with entity tags, one per line, and blank lines between sentences."""
    words = [line for _, line in lines if line.strip() and not line.startswith(("##", "-DOCSTART-"))]
    cells = [line.removesuffix("\r").split("\t") for line in words]
    tags = [row[-1] for row in cells if len(row) > 1]
    blank = any(not line.strip() for _, line in lines)
    return blank and len(tags) == len(words) and "O" in tags and all(_ENTITY_TAG.match(tag) for tag in tags)


def _part_note(files: list[DataFile]) -> list[str]:
    named = [f"{_PART_WORDS[file.part]}: {file.path.name}" for file in files if file.part is not None]
    return ["parts by file: " + ", ".join(named)] if len(files) > 1 and named else []


def _blank_note(blank: int) -> list[str]:
    return [f"{blank} blank line{'s' if blank > 1 else ''} left out"] if blank else []


def _read_delimited(files: list[DataFile], form: str, options: ReadOptions, store: Path, notes: list[str]) -> Table:
    main = open_delimited(files[0].path, form, options)
    said = f"{main.path.name}: {main.dialect.words()}, {options.encoding.upper()}"
    blank = 0
    with Writer(store, [Field(column) for column in main.columns], main.path) as writer:
        for file in files:
            source = main if file.path == main.path else _same_columns(main, file.path, form, options)
            lacking = [""] * (len(main.columns) - len(source.columns))
            if lacking:
                held = f"the first {len(source.columns)} of {len(main.columns)} columns"
                notes = [*notes, f"{file.path.name} holds {held}; the others are empty there"]
            before = writer.total
            writer.begin(file.path, file.part)
            for record in source.rows():
                if record.cells:
                    writer.add(record.cells + lacking, record.line, sum(map(len, record.cells)))
                else:
                    blank += 1
            if writer.total == before:
                raise DataError(
                    "only a header and no rows of data" if source.dialect.header else "no rows of data", file.path
                )
        return writer.finish([said, *_part_note(files), *_blank_note(blank), *notes])


def _same_columns(main: Delimited, path: Path, form: str, options: ReadOptions) -> Delimited:
    """A further file is written as the first one is; if that has a header, the columns must be the same.

    It may hold the first columns only: series in rows, continued in the further file, are shorter there.
    """
    fixed = options._replace(delimiter=main.dialect.delimiter, header=main.dialect.header)
    other = open_delimited(path, form, fixed)
    fewer = main.dialect.header and 1 < len(other.columns) < len(main.columns)
    if len(other.columns) != len(main.columns) and not fewer:
        raise DataError(
            f"expected {len(main.columns)} columns as in {main.path.name}, got {len(other.columns)}; read it by itself",
            path,
            1,
        )
    for expected, got in zip(main.columns, other.columns, strict=False):
        if expected != got:
            raise DataError(f"expected column {expected!r} as in {main.path.name}, got {got!r}", path, 1)
    return main._replace(path=path, columns=main.columns[: len(other.columns)])


def _read_classes(files: list[DataFile], options: ReadOptions, store: Path, notes: list[str]) -> Table:
    """One text file per class: a row per line."""
    blank = 0
    labels = sorted({file.label or "" for file in files})
    said = f"one file per class, one row per line: {', '.join(labels[:12])}, {options.encoding.upper()}"
    with Writer(store, [Field("text"), Field("label")], files[0].path) as writer:
        for file in files:
            before = writer.total
            writer.begin(file.path, file.part)
            for number, line in numbered_lines(file.path, options.encoding):
                text = line.removesuffix("\r")
                if text.strip():
                    writer.add([text, file.label], number, len(text))
                else:
                    blank += 1
            if writer.total == before:
                raise DataError("the file of this class is empty; fill it or take it out of the folder", file.path)
        return writer.finish([said, *_blank_note(blank), *notes])


def _read_json(files: list[DataFile], form: str, options: ReadOptions, store: Path, notes: list[str]) -> Table:
    read = jsonrows.jsonl_rows if form == "jsonl" else jsonrows.json_rows
    # Read twice: a key may appear first in the last row.
    layout = jsonrows.layout_of(chain.from_iterable(read(file.path, options.encoding) for file in files[:1]))
    if not layout.fields:
        raise DataError("the file is empty; expected at least one row", files[0].path)
    said = {
        "none": f"{plain_name(files[0].path)}: one row per {'line' if form == 'jsonl' else 'item'}",
        "part": "parts by the keys of the file",
        "both": "parts by the keys of the file, which column 'split' keeps",
        "label": f"labels are the keys of the file, in column {layout.fields[-1].name!r}",
    }[layout.keys]
    nested = [field.name for field in layout.fields if field.storage == "json"]
    if nested:
        notes = [*notes, f"nested values are kept as JSON text in {', '.join(nested[:8])}"]
    with Writer(store, layout.fields, files[0].path) as writer:
        for file in files:
            jsonrows.write_rows(writer, read(file.path, options.encoding), layout, file.path, file.part)
        return writer.finish([f"{said}, {options.encoding.upper()}", *_part_note(files), *notes])


def _read_parquet(files: list[DataFile], form: str, options: ReadOptions, store: Path, notes: list[str]) -> Table:
    main = files[0].path
    fields = parquet.fields_of(parquet.parquet_schema(main, store), main)
    if any(field.storage == "series" for field in fields):
        fields = parquet.settle(fields, parquet.first_batch(main, store))
    with Writer(store, fields, main) as writer:
        for file in files:
            parquet.write_parquet(writer, file.path, store, fields, file.part)
        return writer.finish([f"{main.name}: Parquet", *_part_note(files), *notes])


def _read_ts(files: list[DataFile], form: str, options: ReadOptions, store: Path, notes: list[str]) -> Table:
    main = files[0].path
    header = ucr.read_header(main, options.encoding)
    said = f"{main.name}: series of {header.channels} channel{'s' if header.channels > 1 else ''}"
    if header.classes:
        said += f", {len(header.classes)} classes"
    with Writer(store, ucr.fields_of(header), main) as writer:
        for file in files:
            own = header if file.path == main else ucr.read_header(file.path, options.encoding)
            if (own.channels, own.classes is None) != (header.channels, header.classes is None):
                raise DataError(
                    f"expected {header.channels} channels and labels as in {main.name}, got {own.channels}", file.path
                )
            ucr.write_rows(writer, file.path, options.encoding, own, file.part)
        return writer.finish([said, *_part_note(files), *notes])


def _read_tagged(files: list[DataFile], form: str, options: ReadOptions, store: Path, notes: list[str]) -> Table:
    """Tagged sentences: a row for each, what is wrong with it in a column of its own."""
    main = conll.tagged_reader(files[0].path, form, options.encoding, None)
    said = f"{main.path.name}: {'CoNLL-U' if form == 'conllu' else 'CoNLL columns'}, {options.encoding.upper()}"
    with Writer(store, main.fields(), main.path) as writer:
        for file in files:
            reader = conll.tagged_reader(file.path, form, options.encoding, main)
            before = writer.total
            writer.begin(file.path, file.part)
            for sentence in reader.sentences():
                cells = conll.row_of(conll.checked(sentence))
                writer.add(cells, sentence.line, sum(map(len, cells)))
            if writer.total == before:
                raise DataError("no sentences", file.path)
            notes = [*notes, *(f"{file.path.name}: {text}" for text in reader.left.words())]
        return writer.finish([said, *_part_note(files), *notes])
