"""The kinds of files that are read, and which of them a file is."""

from __future__ import annotations

from pathlib import Path

from unroll.data.readers.babi import BabiReader
from unroll.data.readers.captions import CaptionsReader, CocoReader, KarpathyReader
from unroll.data.readers.conll import ColumnsReader, UniversalReader
from unroll.data.readers.delimited import DelimitedReader
from unroll.data.readers.fasttext import FastTextReader
from unroll.data.readers.jsonrows import JsonLinesReader, JsonReader
from unroll.data.readers.libsvm import LibsvmReader
from unroll.data.readers.parallel import ParallelReader
from unroll.data.readers.parquet import ParquetReader
from unroll.data.readers.reader import Input, Reader
from unroll.data.readers.sound import SoundReader
from unroll.data.readers.squad import SquadReader
from unroll.data.readers.ucr import TsReader
from unroll.errors import ConfigError, nearest

#: Asked in this order what they recognise: what is told most surely comes first.
READERS: tuple[Reader, ...] = (
    ParquetReader(),
    SoundReader(),
    JsonLinesReader(),
    SquadReader(),
    CocoReader(),
    KarpathyReader(),
    JsonReader(),
    TsReader(),
    BabiReader(),
    CaptionsReader(),
    UniversalReader(),
    ColumnsReader(),
    FastTextReader(),
    LibsvmReader(),
    ParallelReader(),
    DelimitedReader("csv"),
    DelimitedReader("tsv"),
    DelimitedReader("text"),
)


def plain_name(path: Path) -> Path:
    """The name of a file without ``.gz``."""
    return Path(path.name.removesuffix(".gz"))


def form_of(path: Path) -> str | None:
    """The name of the reader that a file name promises; None if it promises none."""
    suffix = plain_name(path).suffix.lower()
    return next((reader.name for reader in READERS if suffix in reader.suffixes), None)


def reader_named(name: str) -> Reader:
    """The reader of this name.

    Raises:
        ConfigError: there is none; names the nearest.
    """
    names = [reader.name for reader in READERS]
    if name not in names:
        raise ConfigError(f"unknown data format {name!r}{nearest(name, names)}; one of {', '.join(names)}")
    return READERS[names.index(name)]


def choose_reader(file: Input) -> Reader:
    """The reader for a file: the one that was named, else one that recognises its content, else the one that its name
    promises; text if it promises none.

    Raises:
        ConfigError: the named one does not exist.
        DataError: the file cannot be read.
    """
    if file.options.format is not None:
        return reader_named(file.options.format)
    promised = reader_named(form_of(file.path) or "text")
    # Whoever names a delimiter or speaks of a header has a table of cells.
    if isinstance(promised, DelimitedReader) and (file.options.delimiter, file.options.header) != (None, None):
        return promised
    return next((reader for reader in READERS if reader.recognises(file)), promised)
