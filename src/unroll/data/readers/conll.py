"""Tagged sentences: CoNLL-U, and CoNLL columns; a row per sentence, every token with its line.

What is wrong with a sentence is written down beside it, so that all of it can be listed at once; nothing is left out
here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from unroll.data.readers.lines import numbered_lines
from unroll.data.table.table import UNIT_SEPARATOR, Table
from unroll.data.table.writer import Field

#: The columns of CoNLL-U that are kept, by their position (universaldependencies.org/format.html).
CONLLU_COLUMNS = {"tokens": 1, "lemma": 2, "upos": 3, "xpos": 4, "feats": 5, "deprel": 7}
_CONLLU_WIDTH = 10
_WORD_ID = re.compile(r"[1-9]\d*")
_RANGE_ID = re.compile(r"([1-9]\d*)-([1-9]\d*)")
_EMPTY_ID = re.compile(r"\d+\.[1-9]\d*")
#: A longer token is no word but a line that was not cut.
MAX_TOKEN = 1000
#: Columns that hold what the reader found out, beside those of the file.
LINES, PROBLEMS = "lines", "problems"
_DOCUMENT = "-DOCSTART-"


class Problem(NamedTuple):
    """One thing that is wrong with a sentence.

    Attributes:
        kind: "columns", "ids", "empty" or "long".
        line: of the file, from 1.
        text: what was expected and what came.
    """

    kind: str
    line: int
    text: str


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


class ColumnReader:
    """Reads CoNLL columns: the first is the token, the last its tag; a blank line ends a sentence.

    Tabs separate if the first line holds one, else white space does, as in the files of CoNLL-2003. Lines that open a
    sentence with "# " or "##" are comments.

    Args:
        path: the file.
        encoding: its encoding.
        width: how many columns there must be; None: as many as the first line has.
    """

    def __init__(self, path: Path, encoding: str, width: int | None = None) -> None:
        self.path = path
        self.encoding = encoding
        self.width = width
        self.left = Left(0, 0, 0)
        self.tabs: bool | None = None

    def fields(self) -> list[Field]:
        """The columns of the table."""
        for _ in self.sentences():
            break
        width = self.width or 2
        middle = [f"column{index}" for index in range(2, width)]
        return [
            *(Field(name, "labels") for name in ("tokens", *middle, "tags")),
            Field(LINES, "json"),
            Field(PROBLEMS, "json"),
        ]

    def sentences(self) -> Iterator[Sentence]:
        """Every sentence in order.

        Raises:
            DataError: wrong encoding, a NUL, or a file that cannot be read.
        """
        for group in _groups(self.path, self.encoding):
            comments = 0
            while comments < len(group) and self._is_comment(group[comments][1]):
                comments += 1
            body = group[comments:]
            if not body:
                continue
            if body[0][1].startswith(_DOCUMENT):
                self.left = self.left._replace(documents=self.left.documents + 1)
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


class UniversalReader:
    """Reads CoNLL-U: words with consecutive ids from 1; multi-word tokens (3-4) and empty nodes (8.1) are checked and
    left out.

    Args:
        path: the file.
        encoding: its encoding.
    """

    def __init__(self, path: Path, encoding: str) -> None:
        self.path = path
        self.encoding = encoding
        self.left = Left(0, 0, 0)

    def fields(self) -> list[Field]:
        """The columns of the table."""
        return [*(Field(name, "labels") for name in CONLLU_COLUMNS), Field(LINES, "json"), Field(PROBLEMS, "json")]

    def sentences(self) -> Iterator[Sentence]:
        """Every sentence in order.

        Raises:
            DataError: wrong encoding, a NUL, or a file that cannot be read.
        """
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
                self.left = self.left._replace(ranges=self.left.ranges + 1)
                first, last = int(span[1]), int(span[2])
                if first != expected or last <= first or first <= covered:
                    text = f"a multi-word token here must begin at word {expected}, got {row[0]}"
                    problems.append(Problem("ids", number, text))
                covered = last
            elif _EMPTY_ID.fullmatch(row[0]):
                self.left = self.left._replace(nodes=self.left.nodes + 1)
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


def tagged_reader(
    path: Path, form: str, encoding: str, first: ColumnReader | UniversalReader | None
) -> ColumnReader | UniversalReader:
    """The reader of a file.

    Args:
        path: the file.
        form: "conllu" or "conll".
        encoding: its encoding.
        first: the reader of the first file of the data set, whose columns the others must have.
    """
    if form == "conllu":
        return UniversalReader(path, encoding)
    return ColumnReader(path, encoding, first.width if isinstance(first, ColumnReader) else None)


def checked(sentence: Sentence) -> Sentence:
    """A sentence with what any format can get wrong written down: no tokens, empty ones, endless ones."""
    problems = list(sentence.problems)
    if not sentence.lines:
        problems.append(Problem("empty", sentence.line, "a sentence without tokens"))
    for number, token in zip(sentence.lines, sentence.cells[0], strict=True):
        if not token:
            problems.append(Problem("empty", number, "an empty token"))
        if len(token) > MAX_TOKEN:
            problems.append(Problem("long", number, f"a token of {len(token)} characters, {MAX_TOKEN} at most"))
        if UNIT_SEPARATOR in token:
            problems.append(Problem("columns", number, "a token holds the control character U+001F"))
    return sentence._replace(problems=problems)


def row_of(sentence: Sentence) -> list[str]:
    """A sentence as the cells of a table."""
    joined = [UNIT_SEPARATOR.join(cell.replace(UNIT_SEPARATOR, " ") for cell in column) for column in sentence.cells]
    return [*joined, json.dumps(sentence.lines), json.dumps(sentence.problems) if sentence.problems else ""]


def sentence_lines(table: Table, row: int) -> list[int]:
    """The line of every token of a sentence; of the whole sentence where the format does not say."""
    if LINES in table.columns:
        return [int(line) for line in json.loads(table.texts(LINES)[row])]
    return []


def sentence_problems(table: Table, row: int) -> list[Problem]:
    """What the reader found wrong with a sentence."""
    text = table.texts(PROBLEMS)[row] if PROBLEMS in table.columns else ""
    return [Problem(str(kind), int(line), str(what)) for kind, line, what in json.loads(text)] if text else []
