"""The kinds of files that are read, and which of them a file is."""

from __future__ import annotations

from pathlib import Path

from unroll.data.readers.annotated import BratReader, ChoicesReader
from unroll.data.readers.babi import BabiReader
from unroll.data.readers.captions import CaptionsReader, CocoReader, KarpathyReader
from unroll.data.readers.conll import ColumnsReader, UniversalReader
from unroll.data.readers.delimited import DelimitedReader
from unroll.data.readers.dialogues import DialoguesReader
from unroll.data.readers.eurostat import EurostatReader
from unroll.data.readers.fasttext import FastTextReader
from unroll.data.readers.gettext import GettextReader
from unroll.data.readers.inline import InlineReader
from unroll.data.readers.intents import IntentsReader, RasaReader
from unroll.data.readers.jsonrows import JsonLinesReader, JsonReader
from unroll.data.readers.libsvm import LibsvmReader
from unroll.data.readers.ljspeech import LjSpeechReader
from unroll.data.readers.marked import ClassLinesReader, SeparatedReader
from unroll.data.readers.messenger import MessengerReader
from unroll.data.readers.monash import TsfReader
from unroll.data.readers.ontonotes import OntonotesReader
from unroll.data.readers.parallel import ParallelReader
from unroll.data.readers.parquet import ParquetReader
from unroll.data.readers.reader import Input, Reader
from unroll.data.readers.slashed import SlashedReader
from unroll.data.readers.sound import SoundReader
from unroll.data.readers.spancolumns import SpanColumnsReader
from unroll.data.readers.spans import SpansReader
from unroll.data.readers.squad import SquadReader
from unroll.data.readers.subtitles import SubtitlesReader
from unroll.data.readers.talks import ChatterBotReader, CornellReader, NumberedReader
from unroll.data.readers.trainingtuples import TuplesReader
from unroll.data.readers.ucr import TsReader
from unroll.data.readers.wordtable import WordTableReader
from unroll.data.readers.xmlpairs import XmlPairsReader
from unroll.errors import ConfigError, DataError, nearest

#: Asked in this order what they recognise: what is told most surely comes first.
READERS: tuple[Reader, ...] = (
    SpanColumnsReader(),
    ParquetReader(),
    SoundReader(),
    SquadReader(),
    IntentsReader(),
    ChoicesReader(),
    MessengerReader(),
    SpansReader(),
    TuplesReader(),
    BratReader(),
    JsonLinesReader(),
    CocoReader(),
    KarpathyReader(),
    JsonReader(),
    TsfReader(),
    TsReader(),
    BabiReader(),
    NumberedReader(),
    CornellReader(),
    ChatterBotReader(),
    CaptionsReader(),
    LjSpeechReader(),
    UniversalReader(),
    OntonotesReader(),
    ColumnsReader(),
    EurostatReader(),
    FastTextReader(),
    LibsvmReader(),
    ParallelReader(),
    DialoguesReader(),
    RasaReader(),
    SlashedReader(),
    InlineReader(),
    XmlPairsReader(),
    GettextReader(),
    SubtitlesReader(),
    WordTableReader(),
    SeparatedReader(),
    ClassLinesReader(),
    DelimitedReader("csv"),
    DelimitedReader("tsv"),
    DelimitedReader("text"),
)

#: How the names of files end that promise a reader.
ENDINGS = tuple(suffix + packed for reader in READERS for suffix in reader.suffixes for packed in ("", ".gz"))


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


#: What binary files begin with -> what they are, and how their rows come here.
_UNREADABLE = (
    (b"PK\x03\x04", "an Excel workbook or another zip archive", "save the sheet as CSV, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"),
    (
        b"\x93NUMPY",
        "an array of NumPy",
        "give it to unroll.train in Python: (array, labels), or one series (T,)",
    ),
    (b"\x89HDF", "HDF5", "read it in Python and give unroll.train the frame"),
    (b"SQLite format 3", "a SQLite database", "write the rows as CSV"),
    (b"#FORMAT=WebAnno", "the TSV of WebAnno and INCEpTION", "export it as CoNLL 2002 or CoNLL-U"),
    (b"BZh", "packed with bzip2", "unpack it, or pack it with gzip"),
    (b"\xfd7zXZ", "packed with xz", "unpack it, or pack it with gzip"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "unpack it, or pack it with gzip"),
    (b"7z\xbc\xaf\x27\x1c", "an archive of 7-Zip", "unpack it"),
    (b"Rar!", "an archive of RAR", "unpack it"),
    (b"\x80\x04\x95", "a pickle of Python", "read it in Python and give unroll.train the frame"),
    (b"\x80\x05\x95", "a pickle of Python", "read it in Python and give unroll.train the frame"),
    (b"\xff\xff\xff\xff", "Arrow", "save it as Parquet"),
    (b"%PDF", "a PDF", "write its text or its table to a file of its own"),
    (b"ARROW1", "Arrow or Feather", "save it as Parquet"),
)


#: What files of markup begin with, in small letters.
_MARKUP = (
    (b"<?xml", "XML"),
    (b"<!doctype html", "a page of HTML"),
    (b"<html", "a page of HTML"),
    (b"<table", "a table of HTML"),
)


def check_readable(path: Path, head: bytes) -> None:
    """Refuse a file that holds rows in a form that nothing here reads.

    Raises:
        DataError: it is one; says which, and what to do.
    """
    if head.startswith(b"PK\x03\x04") and path.suffix.lower() == ".npz":
        raise DataError("these are arrays of NumPy, which are not read; give them to unroll.train in Python", path)
    if head[257:262] == b"ustar":
        raise DataError("this is an archive of tar, which is not read; unpack it and give the folder", path)
    for mark, what, advice in _UNREADABLE:
        if head.startswith(mark):
            raise DataError(f"this is {what}, which is not read; {advice}", path)


def _refuse_markup(file: Input) -> None:
    """Refuse XML and HTML, of which a language model would learn the markup."""
    head = file.head[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    what = next((what for mark, what in _MARKUP if head.startswith(mark)), None)
    if what is not None:
        raise DataError(
            f"this is {what}, and of XML only TMX and XLIFF are read; write its rows as CSV or JSONL, or its text to a"
            " file, or say --format text for a language model of the markup itself",
            file.path,
        )


def choose_reader(file: Input) -> Reader:
    """The reader for a file: the one that was named, else one that recognises its content, else the one that its name
    promises; text if it promises none.

    Raises:
        ConfigError: the named one does not exist.
        DataError: the file cannot be read.
    """
    check_readable(file.path, file.head)
    if file.options.format is not None:
        return reader_named(file.options.format)
    promised = reader_named(form_of(file.path) or "text")
    # Whoever names a delimiter or speaks of a header has a table of cells.
    if isinstance(promised, DelimitedReader) and (file.options.delimiter, file.options.header) != (None, None):
        return promised
    recognised = next((reader for reader in READERS if reader.recognises(file)), None)
    if recognised is None and promised.name == "text":
        _refuse_markup(file)
    return recognised or promised
