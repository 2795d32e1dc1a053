"""Tables of which each file holds one class: Fake.csv and True.csv, with the same columns and the class in the name."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from unroll.data.readers.reader import Input, Reader, Source
from unroll.data.table.facts import names_labels
from unroll.data.table.splits import PART_NAMES, part_of
from unroll.data.table.writer import Batch, Field, Row
from unroll.errors import DataError

#: Words that are classes and nothing else, where all files of a folder are called so.
_KNOWN = frozenset(
    """
    pos positive neg negative neu neutral spam ham junk legit legitimate phishing fake real true false hoax good bad
    male female men women human humans ai machine gpt chatgpt bot toxic clean hate hateful offensive normal abusive
    happy sad angry joy fear anger love surprise sadness disgust sarcastic ironic subjective objective subj obj
    clickbait formal informal benign malicious
    긍정 부정 중립 스팸 정상 가짜 진짜 참 거짓 사실 남성 여성 남자 여자 혐오 악성 기쁨 슬픔 분노 불안 놀람 행복 사람
    기계
    """.split()  # noqa: SIM905 - a list of quoted words is harder to read
)
_NOT = ("not", "non", "no", "un")
_PIECES = re.compile(r"[^\W_]+")
#: Rows by which it is told whether a table holds texts, and words of a cell on average, or characters, at least.
_LOOKED_AT, _WORDS, _CHARACTERS = 50, 3, 12
#: Readers of tables.
_TABLES = ("csv", "tsv", "text", "json", "jsonl", "parquet")
#: What the column of classes is called, the first that no other is called.
_NAMES = ("label", "class", "file_class")


def with_classes(reader: Reader, opening: Input, paths: Sequence[Path], folder: Path) -> tuple[Reader, list[str]]:
    """The reader for the files of a folder, which adds the class of each where that is what their names say; and what
    is said of it.

    Args:
        reader: of the files.
        opening: the first of them.
        paths: all of them.
        folder: in which they were found.

    Raises:
        DataError: their names are to be classes by `data.files`, and cannot be.
    """
    wanted = opening.options.files
    if wanted == "rows" or len(paths) < 2 or reader.name not in _TABLES:
        return reader, []
    names = class_names(paths, folder)
    if wanted is None:
        if names is None or not are_known(names):
            return reader, []
        source = reader.open(opening, None)
        own = next((field.name for field in source.fields if names_labels(field.name)), None)
        if own is not None:
            left = f"the names of the files are no classes beside column '{own}'; --set data.files=classes reads them"
            return reader, [left]
        if not holds_texts(source):
            return reader, []
    if names is None:
        shown = ", ".join(path.name for path in paths[:4])
        raise DataError(f"the names of the files ({shown}) tell no classes apart; leave out data.files", folder)
    found = ClassFileReader(reader, names)
    return found, [found.words()]


def class_names(paths: Sequence[Path], folder: Path) -> dict[Path, str] | None:
    """What tells the files of a folder apart in their names, or in those of their folders; None where that are numbers
    or parts of a data set, or nothing.

    >>> folder = Path("mail")
    >>> class_names([folder / "mail_spam.csv", folder / "mail_ham.csv"], folder)
    {PosixPath('mail/mail_spam.csv'): 'spam', PosixPath('mail/mail_ham.csv'): 'ham'}
    """
    inside = [path.relative_to(folder).parts if folder in path.parents else (path.name,) for path in paths]
    folders = {parts[0] for parts in inside if len(parts) > 1 and part_of(parts[0]) is None}
    if len(folders) > 1 and all(len(parts) > 1 for parts in inside):
        named = [parts[0] for parts in inside]
    else:
        named = [parts[-1].partition(".")[0] for parts in inside]
    words = [[word for word in _PIECES.findall(name) if word.casefold() not in PART_NAMES] for name in named]
    for at in (0, -1):
        while all(len(own) > 1 for own in words) and len({own[at].casefold() for own in words}) == 1:
            words = [own[1:] if at == 0 else own[:-1] for own in words]
    # A class may be cut into several files: pos_1, pos_2.
    plain = [[word for word in own if not word.isdecimal()] or own for own in words]
    found = ["_".join(own) for own in plain]
    told = all(name and not any(map(str.isdigit, name)) for name in found)
    return dict(zip(paths, found, strict=True)) if told and len(set(found)) > 1 else None


def are_known(names: Mapping[Path, str]) -> bool:
    """Whether these names are classes and nothing else.

    >>> are_known({Path("a"): "Fake", Path("b"): "not_fake"}), are_known({Path("a"): "north", Path("b"): "south"})
    (True, False)
    """
    return all(_plain(name) in _KNOWN for name in names.values())


def _plain(name: str) -> str:
    words = name.casefold().split("_")
    return "_".join(words[1:] if len(words) > 1 and words[0] in _NOT else words)


def holds_texts(source: Source) -> bool:
    """Whether a column of the first rows holds texts of several words."""
    rows: list[list[str | None]] = []
    for row in itertools.islice(source.rows(), _LOOKED_AT):
        if isinstance(row, Batch):
            columns = [array.slice(0, _LOOKED_AT).to_pylist() for array in row.arrays]
            rows += [list(cells) for cells in zip(*columns, strict=True)]
        else:
            rows.append(list(row.cells))
    for cells in zip(*rows[:_LOOKED_AT], strict=True):
        texts = [cell for cell in cells if isinstance(cell, str) and any(map(str.isalpha, cell))]
        words = sum(len(text.split()) for text in texts)
        long = sum(map(len, texts)) >= _CHARACTERS * len(texts)
        if 2 * len(texts) > len(cells) and words >= _WORDS * len(texts) and long:
            return True
    return False


class ClassFileSource:
    """A file of rows of one class, which is a column more.

    Args:
        inner: the file.
        column: the name of the column of classes.
        label: the class.
    """

    def __init__(self, inner: Source, column: str, label: str) -> None:
        self.inner = inner
        self.fields = (*inner.fields, Field(column))
        self.marked = inner.marked
        self.empty = inner.empty
        self._label = label

    @property
    def said(self) -> str:
        """How the file was understood."""
        return self.inner.said

    def rows(self) -> Iterator[Row | Batch]:
        """Its rows with their class.

        Raises:
            DataError: as the file itself does.
        """
        for row in self.inner.rows():
            if isinstance(row, Batch):
                labels = pa.array([self._label] * len(row.arrays[0]), pa.large_string())
                yield row._replace(arrays=[*row.arrays, labels])
            else:
                yield row._replace(cells=[*row.cells, self._label])

    def left(self) -> list[str]:
        """As the file itself says."""
        return self.inner.left()


class ClassFileReader:
    """Reads the files of such a folder with their own reader; it is chosen by the folder, not by a file.

    Args:
        inner: the reader of the files.
        labels: the class of every file.
    """

    suffixes: tuple[str, ...] = ()
    summary = "one table per class"

    def __init__(self, inner: Reader, labels: Mapping[Path, str]) -> None:
        self.name = inner.name
        self._inner = inner
        self._labels = labels

    def recognises(self, file: Input) -> bool:
        """Never: a file alone does not tell its class."""
        return False

    def open(self, file: Input, first: Source | None) -> ClassFileSource:
        """The columns of the first file, and one of classes."""
        label = self._labels.get(file.path)
        if label is None:
            raise DataError("expected a folder of one table per class, as the first", file.path)
        if isinstance(first, ClassFileSource):
            return ClassFileSource(self._inner.open(file, first.inner), first.fields[-1].name, label)
        inner = self._inner.open(file, None)
        taken = {field.name.casefold() for field in inner.fields}
        column = next((name for name in _NAMES if name not in taken), None)
        if column is None:
            raise DataError(f"the columns are called {', '.join(_NAMES)}, and none is free for the class", file.path)
        return ClassFileSource(inner, column, label)

    def words(self) -> str:
        """What was understood, for the notes of the table."""
        listed = sorted(set(self._labels.values()))
        shown = ", ".join(listed[:12]) + (", ..." if len(listed) > 12 else "")
        return f"one file per class: {shown}; --set data.files=rows leaves the names of the files aside"
