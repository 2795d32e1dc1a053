"""Tagged sentences: CoNLL-U, and CoNLL columns; a row per sentence, every token with its line.

What is wrong with a sentence is written down beside it, so that all of it can be listed at once; nothing is left out
here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from unroll.data.readers.lines import numbered_lines
from unroll.data.readers.reader import Input, Source
from unroll.data.table.kinds import Problem
from unroll.data.table.writer import Field, Row

#: The columns of CoNLL-U that are kept, by their position (universaldependencies.org/format.html).
CONLLU_COLUMNS = {"tokens": 1, "lemma": 2, "upos": 3, "xpos": 4, "feats": 5, "deprel": 7}
_CONLLU_WIDTH = 10
_WORD_ID = re.compile(r"[1-9]\d*")
_RANGE_ID = re.compile(r"([1-9]\d*)-([1-9]\d*)")
_EMPTY_ID = re.compile(r"\d+\.[1-9]\d*")
_ANY_ID = re.compile(r"\d+([-.]\d+)?")
_ENTITY_TAG = re.compile(r"O$|[BIESLU]-\S+$")
#: A longer token is no word but a line that was not cut.
MAX_TOKEN = 1000
_DOCUMENT = "-DOCSTART-"


class Sentence(NamedTuple):
    """One sentence: its cells by column, the line of every token, its first line, and what is wrong with it."""

    cells: list[list[str]]
    lines: list[int]
    line: int
    problems: list[Problem]


class Left(NamedTuple):
    """What a file holds that is no token: multi-word tokens (their words are read), empty nodes, document marks."""

    ranges: int
    nodes: int
    documents: int

    def words(self) -> list[str]:
        """In words, for the notes of a table."""
        named = (
            (self.ranges, "multi-word tokens are read as their words"),
            (self.nodes, "empty nodes are left out"),
            (self.documents, "document marks are left out"),
        )
        return [f"{count:,} {text}" for count, text in named if count]


def _groups(path: Path, encoding: str) -> Iterator[list[tuple[int, str]]]:
    """The numbered lines between blank ones."""
    group: list[tuple[int, str]] = []
    for number, line in numbered_lines(path, encoding):
        line = line.removesuffix("\r")
        if line.strip():
            group.append((number, line))
        elif group:
            yield group
            group = []
    if group:
        yield group


class ColumnSource:
    """Reads CoNLL columns: the first is the token, the last its tag; a blank line ends a sentence.

    Tabs separate if the first line holds one, else white space does, as in the files of CoNLL-2003. Lines that open a
    sentence with "# " or "##" are comments.

    Args:
        path: the file.
        encoding: its encoding.
        width: how many columns there must be; None: as many as the first line has.
    """

    marked = True
    empty = "no sentences"

    def __init__(self, path: Path, encoding: str, width: int | None = None) -> None:
        self.path = path
        self.encoding = encoding
        self.width = width
        self._left = Left(0, 0, 0)
        self.tabs: bool | None = None

    @property
    def fields(self) -> list[Field]:
        """The columns of the table."""
        for _ in self._sentences() if self.width is None else ():
            break
        middle = [f"column{index}" for index in range(2, self.width or 2)]
        return [Field(name, "list") for name in ("tokens", *middle, "tags")]

    @property
    def said(self) -> str:
        """That these are CoNLL columns."""
        return f"{self.path.name}: CoNLL columns, {self.encoding.upper()}"

    def rows(self) -> Iterator[Row]:
        """Every sentence in order.

        Raises:
            DataError: wrong encoding, a NUL, or a file that cannot be read.
        """
        self._left = Left(0, 0, 0)
        return map(_row, self._sentences())

    def left(self) -> list[str]:
        """Document marks."""
        return self._left.words()

    def _sentences(self) -> Iterator[Sentence]:
        for group in _groups(self.path, self.encoding):
            comments = 0
            while comments < len(group) and self._is_comment(group[comments][1]):
                comments += 1
            body = group[comments:]
            if not body:
                continue
            if body[0][1].startswith(_DOCUMENT):
                self._left = self._left._replace(documents=self._left.documents + 1)
                body = body[1:]
                if not body:
                    continue
            yield self._sentence(body)

    def _is_comment(self, line: str) -> bool:
        if line.startswith("##") and not line.startswith("##\t"):
            return True
        return line.startswith("# ") and (self.tabs is not False or len(line.split()) != self.width)

    def _sentence(self, body: list[tuple[int, str]]) -> Sentence:
        if self.tabs is None:
            self.tabs = "\t" in body[0][1]
        rows, problems = [], []
        for number, line in body:
            row = line.split("\t") if self.tabs else line.split()
            if self.width is None:
                self.width = max(2, len(row))
            if len(row) != self.width:
                text = (
                    f"expected {self.width} columns as in the first line, got {len(row)}: token and tag counts differ"
                )
                problems.append(Problem("columns", number, text))
                row = [*row, *[""] * self.width][: self.width]
            rows.append(row)
        lines = [number for number, _ in body]
        return Sentence([list(column) for column in zip(*rows, strict=True)], lines, lines[0], problems)


class UniversalSource:
    """Reads CoNLL-U: words with consecutive ids from 1; multi-word tokens (3-4) and empty nodes (8.1) are checked and
    left out.

    Args:
        path: the file.
        encoding: its encoding.
    """

    marked = True
    empty = "no sentences"

    def __init__(self, path: Path, encoding: str) -> None:
        self.path = path
        self.encoding = encoding
        self._left = Left(0, 0, 0)

    @property
    def fields(self) -> list[Field]:
        """The columns of the table."""
        return [Field(name, "list") for name in CONLLU_COLUMNS]

    @property
    def said(self) -> str:
        """That this is CoNLL-U."""
        return f"{self.path.name}: CoNLL-U, {self.encoding.upper()}"

    def rows(self) -> Iterator[Row]:
        """Every sentence in order.

        Raises:
            DataError: wrong encoding, a NUL, or a file that cannot be read.
        """
        self._left = Left(0, 0, 0)
        return map(_row, self._sentences())

    def left(self) -> list[str]:
        """Multi-word tokens and empty nodes."""
        return self._left.words()

    def _sentences(self) -> Iterator[Sentence]:
        for group in _groups(self.path, self.encoding):
            yield self._sentence(group)

    def _sentence(self, group: list[tuple[int, str]]) -> Sentence:
        cells: list[list[str]] = [[] for _ in CONLLU_COLUMNS]
        lines: list[int] = []
        problems: list[Problem] = []
        covered = 0
        for number, line in group:
            if line.startswith("#"):
                continue
            row = line.split("\t")
            if len(row) != _CONLLU_WIDTH:
                problems.append(Problem("columns", number, f"expected {_CONLLU_WIDTH} columns, got {len(row)}"))
                row = [*row, *[""] * _CONLLU_WIDTH][:_CONLLU_WIDTH]
            expected = len(lines) + 1
            if (span := _RANGE_ID.fullmatch(row[0])) is not None:
                self._left = self._left._replace(ranges=self._left.ranges + 1)
                first, last = int(span[1]), int(span[2])
                if first != expected or last <= first or first <= covered:
                    text = f"a multi-word token here must begin at word {expected}, got {row[0]}"
                    problems.append(Problem("ids", number, text))
                covered = last
            elif _EMPTY_ID.fullmatch(row[0]):
                self._left = self._left._replace(nodes=self._left.nodes + 1)
                if int(row[0].split(".")[0]) != expected - 1:
                    text = f"an empty node here must be numbered {expected - 1}.1 and so on, got {row[0]}"
                    problems.append(Problem("ids", number, text))
            else:
                if not _WORD_ID.fullmatch(row[0]) or int(row[0]) != expected:
                    problems.append(Problem("ids", number, f"expected the id {expected}, got {row[0][:20]!r}"))
                for column, position in zip(cells, CONLLU_COLUMNS.values(), strict=True):
                    column.append(row[position])
                lines.append(number)
        if covered > len(lines):
            text = f"a multi-word token reaches to word {covered}, but the sentence has {len(lines)}"
            problems.append(Problem("ids", group[-1][0], text))
        return Sentence(cells, lines, lines[0] if lines else group[0][0], problems)


def _row(sentence: Sentence) -> Row:
    """A sentence as a row, with what any format can get wrong written down: no tokens, empty ones, endless ones."""
    problems = list(sentence.problems)
    if not sentence.lines:
        problems.append(Problem("empty", sentence.line, "a sentence without tokens"))
    for number, token in zip(sentence.lines, sentence.cells[0], strict=True):
        if not token:
            problems.append(Problem("empty", number, "an empty token"))
        if len(token) > MAX_TOKEN:
            problems.append(Problem("long", number, f"a token of {len(token)} characters, {MAX_TOKEN} at most"))
    return Row(sentence.cells, sentence.line, item_lines=sentence.lines, problems=problems)


class ColumnsReader:
    """Reads CoNLL columns."""

    name = "conll"
    suffixes = (".conll", ".iob")
    summary = (
        "one row per sentence, for tagging: a token per line, its tag last, blank lines between sentences; known by "
        "their look in `.txt` and `.tsv` files"
    )

    def recognises(self, file: Input) -> bool:
        """Words with entity tags, one per line, and blank lines between sentences."""
        words = [line for _, line in file.lines if line.strip() and not line.startswith(("##", "-DOCSTART-"))]
        cells = [line.removesuffix("\r").split("\t") for line in words]
        tags = [row[-1] for row in cells if len(row) > 1]
        blank = any(not line.strip() for _, line in file.lines)
        return blank and len(tags) == len(words) and "O" in tags and all(_ENTITY_TAG.match(tag) for tag in tags)

    def open(self, file: Input, first: Source | None) -> ColumnSource:
        """A further file must have as many columns as the first."""
        width = first.width if isinstance(first, ColumnSource) else None
        return ColumnSource(file.path, file.options.encoding, width)


class UniversalReader:
    """Reads CoNLL-U."""

    name = "conllu"
    suffixes = (".conllu",)
    summary = "one row per sentence, for tagging: form, lemma, upos, xpos, feats and deprel of every word"

    def recognises(self, file: Input) -> bool:
        """Lines of ten cells, the first an id."""
        words = [line for _, line in file.lines if line.strip() and not line.startswith("#")]
        cells = [line.split("\t") for line in words[:1000]]
        return bool(cells) and all(len(row) == _CONLLU_WIDTH and _ANY_ID.fullmatch(row[0]) for row in cells)

    def open(self, file: Input, first: Source | None) -> UniversalSource:
        """The columns are always the same."""
        return UniversalSource(file.path, file.options.encoding)
