"""Tables of words with their tags, a word per row and the sentence in a column, as Kaggle's corpora of entities are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.reader import Input, Source
from unroll.data.readers.records import QuoteError, Record, records
from unroll.data.table.kinds import Problem
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

_SENTENCES = frozenset(("sentence #", "sentence", "sentence_id", "sentence_idx", "sent_id", "sentence_number", "문장"))
_WORDS = frozenset(("word", "words", "token", "tokens", "form", "단어", "형태소"))
#: The last of a line is what is learnt: entities stand after parts of speech.
_TAGS = frozenset(("tag", "tags", "ner", "ner_tag", "ner_tags", "label", "bio", "pos", "태그"))
_DELIMITERS = (",", "\t", ";")


class WordColumns(NamedTuple):
    """Where sentence, word and tag stand, by number, and the other columns that are kept."""

    sentence: int
    word: int
    tag: int
    others: tuple[int, ...]
    names: tuple[str, ...]


def columns_named(names: Sequence[str]) -> WordColumns | None:
    """The columns of a table with these names; None if they do not say sentence, word and tag.

    >>> columns_named(["Sentence #", "Word", "POS", "Tag"])
    WordColumns(sentence=0, word=1, tag=3, others=(2,), names=('Sentence #', 'Word', 'POS', 'Tag'))
    """
    small = [name.strip().casefold() for name in names]
    found = [[at for at, name in enumerate(small) if name in wanted] for wanted in (_SENTENCES, _WORDS, _TAGS)]
    if not all(found) or len(set(names)) < len(names):
        return None
    sentence, word, tag = found[0][0], found[1][0], found[2][-1]
    others = tuple(at for at in range(len(names)) if at not in (sentence, word, tag) and names[at])
    return WordColumns(sentence, word, tag, others, tuple(names))


def _columns_of(header: str) -> tuple[WordColumns, str] | None:
    """The columns of a header, and its delimiter; None if it does not name them."""
    header = header.removeprefix("\ufeff").strip("\r")
    for delimiter in _DELIMITERS:
        columns = columns_named([name.strip().strip('"') for name in header.split(delimiter)])
        if columns is not None:
            return columns, delimiter
    return None


class WordTable:
    """A table of words ready to be read.

    Args:
        file: the file.
        columns: where what stands.
        delimiter: between cells.
    """

    marked = True
    empty = "only a header and no words"

    def __init__(self, file: Input, columns: WordColumns, delimiter: str) -> None:
        names = ["tokens", *(columns.names[at] for at in columns.others), "tags"]
        self.fields = tuple(Field(name, "list") for name in names)
        encoding = encoding_of(file.path, file.options.encoding)
        sentence = columns.names[columns.sentence]
        self.said = f"{file.path.name}: a word per row, sentences by '{sentence}', {encoding}"
        self.columns = columns
        self._delimiter = delimiter
        self._file = file
        self._blank = 0

    def rows(self) -> Iterator[Row]:
        """Every sentence: rows that name the same one, or none, belong to it.

        Raises:
            DataError: a ragged row or a broken quote, with its line.
        """
        self._blank = 0
        name, body = "", list[Record]()
        try:
            for record in self._records():
                cell = record.cells[self.columns.sentence].strip()
                if cell and cell != name and body:
                    yield self._sentence(body)
                    body = []
                name = cell or name
                body.append(record)
        except QuoteError as error:
            raise DataError(f"{error}; double every quote inside a cell", self._file.path, error.line) from error
        if body:
            yield self._sentence(body)

    def _records(self) -> Iterator[Record]:
        lines = numbered_lines(self._file.path, self._file.options.encoding)
        width = len(self.columns.names)
        for number, record in enumerate(records(lines, self._delimiter, True)):
            if not any(cell.strip() for cell in record.cells):
                self._blank += 1
            elif len(record.cells) != width:
                what = f"expected {width} cells as in the header, got {len(record.cells)}"
                raise DataError(f"{what}; quote cells that hold the delimiter", self._file.path, record.line)
            elif number:
                yield record

    def _sentence(self, body: list[Record]) -> Row:
        order = (self.columns.word, *self.columns.others, self.columns.tag)
        cells = [[record.cells[at].strip() for record in body] for at in order]
        lines = [record.line for record in body]
        empty = [line for line, token in zip(lines, cells[0], strict=True) if not token]
        return Row(cells, lines[0], item_lines=lines, problems=[Problem("empty", at, "an empty token") for at in empty])

    def left(self) -> list[str]:
        """Blank rows."""
        return [f"{self._blank:,} blank rows left out"] if self._blank else []


class WordTableReader:
    """Reads tables of words with tags."""

    name = "words"
    suffixes: tuple[str, ...] = ()
    summary = "a table of words, `Sentence #,Word,POS,Tag`: a row per sentence, for tagging; known by its header"

    def recognises(self, file: Input) -> bool:
        """The header names sentence, word and tag, and sentences have several words."""
        lines: Sequence[str] = [line for _, line in file.lines[:2000] if line.strip()]
        found = _columns_of(lines[0]) if len(lines) > 2 else None
        if found is None:
            return False
        columns, delimiter = found
        words = [line.split(delimiter)[columns.word :][:1] for line in lines[1:]]
        named = [line.split(delimiter)[columns.sentence :][:1] for line in lines[1:]]
        short = sum(bool(word) and len(word[0].split()) <= 1 for word in words)
        return short > 0.9 * len(words) and len({cell[0].strip() for cell in named if cell} - {""}) < len(named)

    def open(self, file: Input, first: Source | None) -> WordTable:
        """A further file must have the header of the first.

        Raises:
            DataError: the header does not name sentence, word and tag, or others than in the first file.
        """
        found = _columns_of(file.lines[0][1]) if file.lines else None
        if found is None:
            raise DataError("expected a header such as Sentence #,Word,Tag", file.path, 1)
        columns, delimiter = found
        if isinstance(first, WordTable) and columns.names != first.columns.names:
            raise DataError(f"expected the header {', '.join(first.columns.names)}", file.path, 1)
        return WordTable(file, columns, delimiter)
