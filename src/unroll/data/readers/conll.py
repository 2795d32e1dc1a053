"""Tagged sentences: CoNLL-U, and CoNLL columns; a row per sentence, every token with its line.

What is wrong with a sentence is written down beside it, so that all of it can be listed at once; nothing is left out
here.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.reader import Input, Source
from unroll.data.table.kinds import Problem
from unroll.data.table.numbers import looks_like_number
from unroll.data.table.writer import Field, Row

#: The columns of CoNLL-U that are kept, by their position (universaldependencies.org/format.html).
CONLLU_COLUMNS = {"tokens": 1, "lemma": 2, "upos": 3, "xpos": 4, "feats": 5, "deprel": 7}
_CONLLU_WIDTH = 10
_WORD_ID = re.compile(r"[1-9]\d*")
_RANGE_ID = re.compile(r"([1-9]\d*)-([1-9]\d*)")
_EMPTY_ID = re.compile(r"\d+\.[1-9]\d*")
_ANY_ID = re.compile(r"\d+([-.]\d+)?")
ENTITY_TAG = re.compile(r"O$|[BIESLUMW]-\S+$")
#: Between columns that no tab separates. Other white space, such as a no-break space, belongs to a token.
_BLANKS = re.compile(r"[ \t]+")
#: What may stand on the line between two sentences; a byte order mark comes there where files were joined.
_EMPTY = " \t\r\ufeff"
#: Lines by which a column that counts is told.
_LOOKED_AT = 200
#: Share of the lines that have as many columns as the first.
_EVEN = 0.9
#: Lines from which on tags that mark no entities are told by how often each comes.
_MANY = 20
#: A longer token is no word but a line that was not cut.
MAX_TOKEN = 1000
_DOCUMENT = "-DOCSTART-"
#: Names of people who speak, at most, in what is no table of words.
_SPEAKERS = 12
#: How the columns of tokens and of tags are called where the first line names them.
_TOKENS = frozenset(("token", "tokens", "word", "words", "form", "text", "단어", "토큰", "어절", "형태소"))
_TAGS = frozenset(
    ("tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags", "entity", "pos", "upos", "iob", "bio")
)
_TAGS |= frozenset(("태그", "라벨", "개체명", "품사"))
#: Lines of CoNLL-2012 around documents.
_DOCUMENT_LINES = ("#begin document", "#end document")


class Sentence(NamedTuple):
    """One sentence: its cells by column, the line of every token, its first line, and what is wrong with it."""

    cells: list[list[str]]
    lines: list[int]
    line: int
    problems: list[Problem]


@dataclass
class Left:
    """What a file holds that is no token: multi-word tokens (their words are read), empty nodes, document marks, names
    of the columns."""

    ranges: int = 0
    nodes: int = 0
    documents: int = 0
    heads: int = 0

    def words(self) -> list[str]:
        """In words, for the notes of a table."""
        named = (
            (self.ranges, "multi-word tokens are read as their words"),
            (self.nodes, "empty nodes are left out"),
            (self.documents, "document marks are left out"),
        )
        said = [f"{count:,} {text}" for count, text in named if count]
        return [*said, "the first line names the columns"] if self.heads else said


def _groups(path: Path, encoding: str) -> Iterator[list[tuple[int, str]]]:
    """The numbered lines between blank ones."""
    group: list[tuple[int, str]] = []
    for number, line in numbered_lines(path, encoding):
        line = line.removesuffix("\r")
        if line.strip(_EMPTY):
            group.append((number, line))
        elif group:
            yield group
            group = []
    if group:
        yield group


class TaggedSource:
    """A file of tagged sentences ready to be read.

    Args:
        path: the file.
        encoding: its encoding.
        columns: names of the columns.
        form: how the file is called in notes.
        cut: from the numbered lines between blank ones to a sentence; None where they hold none. It is told where to
            count what is no token.
    """

    marked = True
    empty = "no sentences"

    def __init__(
        self,
        path: Path,
        encoding: str,
        columns: Sequence[str],
        form: str,
        cut: Callable[[list[tuple[int, str]], Left], Sentence | None],
    ) -> None:
        self.fields = tuple(Field(name, "list") for name in columns)
        self.said = f"{path.name}: {form}, {encoding_of(path, encoding)}"
        self._path = path
        self._encoding = encoding
        self._cut = cut
        self._left = Left()

    def rows(self) -> Iterator[Row]:
        """Every sentence in order.

        Raises:
            DataError: wrong encoding, a NUL, or a file that cannot be read.
        """
        self._left = Left()
        for group in _groups(self._path, self._encoding):
            sentence = self._cut(group, self._left)
            if sentence is not None:
                yield _row(sentence)

    def left(self) -> list[str]:
        """Multi-word tokens, empty nodes, document marks."""
        return self._left.words()


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


class _Columns:
    """Cuts lines of CoNLL columns: the first is the token, the last its tag.

    Lines that open a sentence with "# " or "##" are comments.

    Args:
        separator: what stands between cells: a tab, a comma, or any blanks.
        width: how many columns there must be.
        counted: whether a column before them counts the tokens of a sentence.
        turned: whether the tag stands before its token.
        head: the line that names the columns, if one does.
    """

    def __init__(
        self, separator: str, width: int, *, counted: bool = False, turned: bool = False, head: str | None = None
    ) -> None:
        self.separator = separator
        self.width = width
        self.counted = counted
        self.turned = turned
        self.head = head

    def split(self, line: str) -> list[str]:
        """The cells of a line."""
        if self.separator == "\t":
            cells = line.split("\t")
        else:
            cells = _cells(line) if self.separator == "," else _BLANKS.split(line.strip(" \t"))
        cells = cells[1:] if self.counted else cells
        return cells[::-1] if self.turned else cells

    def sentence(self, group: list[tuple[int, str]], left: Left) -> Sentence | None:
        """The sentence of some lines; None if they are comments, or the mark of a document."""
        body = group
        while body and self._is_comment(body[0][1]):
            body = body[1:]
        if body and body[0][1].startswith(_DOCUMENT):
            left.documents += 1
            body = body[1:]
        if body and body[0][1] == self.head:
            left.heads += 1
            body = body[1:]
        if not body:
            return None
        rows, problems = [], []
        for number, line in body:
            row = self.split(line)
            if len(row) != self.width:
                text = (
                    f"expected {self.width} columns as in the first line, got {len(row)}: token and tag counts differ"
                )
                problems.append(Problem("columns", number, text))
                row = [*row, *[""] * self.width][: self.width]
            rows.append(row)
        lines = [number for number, _ in body]
        return Sentence([list(column) for column in zip(*rows, strict=True)], lines, lines[0], problems)

    def _is_comment(self, line: str) -> bool:
        if line.startswith("#\t"):
            return self.separator == "\t" and len(self.split(line)) != self.width
        other = self.separator == "\t" or len(self.split(line)) != self.width
        return _is_comment(line) or (line.startswith("# ") and other)


def _cells(line: str) -> list[str]:
    """The cells of a line with commas between them; a token that is a comma stands in quotes."""
    try:
        return next(csv.reader((line,), strict=True))
    except csv.Error:
        return line.split(",")


def _is_comment(line: str) -> bool:
    return (line.startswith("##") and not line.startswith("##\t")) or line.startswith(_DOCUMENT_LINES)


def _universal(group: list[tuple[int, str]], left: Left) -> Sentence:
    """The sentence of some lines of CoNLL-U: words with consecutive ids from 1; multi-word tokens (3-4) and empty nodes
    (8.1) are checked and left out."""
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
            left.ranges += 1
            first, last = int(span[1]), int(span[2])
            if first != expected or last <= first or first <= covered:
                text = f"a multi-word token here must begin at word {expected}, got {row[0]}"
                problems.append(Problem("ids", number, text))
            covered = last
        elif _EMPTY_ID.fullmatch(row[0]):
            left.nodes += 1
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


class ColumnsReader:
    """Reads CoNLL columns."""

    name = "conll"
    suffixes = (".conll", ".iob")
    summary = (
        "one row per sentence, for tagging: a token per line, its tag last (of two columns also first), blank lines "
        "between sentences; known by their look in `.txt`, `.tsv` and `.csv` files"
    )

    def recognises(self, file: Input) -> bool:
        """Words with tags, one per line, and blank lines between sentences."""
        words = _words_of(file)
        if not words:
            return False
        columns = _columns_of(words)
        words = [line for line in words if line != columns.head]
        rows = [columns.split(line) for line in words]
        even = [row for row in rows if len(row) == columns.width]
        if columns.width < 2 or len(even) < _EVEN * len(rows):
            return False
        if columns.separator != " " and _holds_texts(even):
            # A table with a blank line in it.
            return False
        if len({row[0] for row in rows}) <= _SPEAKERS and all(row[0].endswith(":") for row in rows):
            # What people say, with their names before it.
            return False
        marked = _mark_entities([row[-1] for row in even])
        if not marked and columns.separator == ",":
            return False
        if all(line.strip(_EMPTY) for _, line in file.lines) and (not marked or columns.separator == ","):
            return False
        # A line that lost its tag is told of later; that the others mark entities leaves no doubt of what they are.
        tags = [row[-1] for row in even]
        return _are_tags(tags, [row[0] for row in even]) if len(even) == len(rows) else _mark_entities(tags)

    def open(self, file: Input, first: Source | None) -> TaggedSource:
        """A further file must have as many columns as the first."""
        words = _words_of(file)
        # Without a line of a token, whatever begins like a comment is one.
        columns = _columns_of(words) if words else _Columns(" ", 0)
        if isinstance(first, TaggedSource):
            columns = _Columns(
                columns.separator, len(first.fields), counted=columns.counted, turned=columns.turned, head=columns.head
            )
        names = ["tokens", *(f"column{index}" for index in range(2, columns.width)), "tags"]
        return TaggedSource(file.path, file.options.encoding, names, "CoNLL columns", columns.sentence)


def _words_of(file: Input) -> list[str]:
    """The first lines of a file that hold tokens, if it holds any: no blank ones, no comments, no marks."""
    words, opens = [], True
    for _, line in file.lines:
        text = line.removesuffix("\r")
        full = bool(text.strip(_EMPTY))
        comment = _is_comment(text) or text.startswith(_DOCUMENT) or (opens and text.startswith(("# ", "#\t")))
        if full and not comment:
            words.append(text)
        opens = comment or not full
    return words


def _columns_of(words: Sequence[str]) -> _Columns:
    """How the lines of words are cut: at tabs if the first holds one, at commas if it holds no blank either; without a
    column that counts the words."""
    cut = "," if "," in words[0] and not _BLANKS.search(words[0].strip()) else " "
    cut = "\t" if "\t" in words[0] else cut
    columns = _Columns(cut, max(2, len(_Columns(cut, 2).split(words[0]))))
    named = [cell.casefold() for cell in columns.split(words[0])]
    head = words[0] if not _TOKENS.isdisjoint(named) and not _TAGS.isdisjoint(named) and len(words) > 1 else None
    words = words[1:] if head is not None else words
    rows = [row for line in words if len(row := columns.split(line)) == columns.width]
    if columns.width == 2 and _mark_entities([row[0] for row in rows]) and not _mark_entities([row[1] for row in rows]):
        return _Columns(cut, 2, turned=True, head=head)
    counts = [columns.split(line)[0] for line in words[:_LOOKED_AT]]
    if columns.width < 3 or len(set(counts)) < 2 or not all(map(str.isdecimal, counts)):
        return _Columns(cut, columns.width, head=head)
    numbers = list(map(int, counts))
    rising = all(number in (0, 1, before + 1) for before, number in itertools.pairwise(numbers))
    counted = rising and numbers[0] in (0, 1)
    return _Columns(cut, columns.width - counted, counted=counted, head=head)


def _mark_entities(tags: Sequence[str]) -> bool:
    found = set(tags)
    return "O" in found and all(ENTITY_TAG.match(tag) for tag in found)


def _holds_texts(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a column holds texts of several words in most rows, which are no tokens."""
    columns = zip(*rows[:_LOOKED_AT], strict=True)
    return any(2 * sum(len(cell.split()) > 2 for cell in column) > len(column) for column in columns)


def _are_tags(tags: Sequence[str], tokens: Sequence[str]) -> bool:
    """Whether the last cells of lines are tags: they mark entities, or are few, each met often, of many tokens."""
    if _mark_entities(tags):
        return True
    counts = Counter(tags)
    return (
        len(tags) >= _MANY
        and len(counts) * 5 <= len(tags)
        and len(counts) * 2 <= len(set(tokens))
        and not any(looks_like_number(tag) for tag in counts)
        and all(len(tag) <= 20 for tag in counts)
    )


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

    def open(self, file: Input, first: Source | None) -> TaggedSource:
        """The columns are always the same."""
        return TaggedSource(file.path, file.options.encoding, tuple(CONLLU_COLUMNS), "CoNLL-U", _universal)
