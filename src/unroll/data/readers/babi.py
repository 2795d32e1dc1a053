"""The text files of bAbI: stories with questions in between; a row per question, with all that was told before it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.reader import Input, Source
from unroll.data.table.kinds import Problem
from unroll.data.table.splits import part_of
from unroll.data.table.writer import Field, Row

_LINE = re.compile(r"(\d+) (.*)")
_FIELDS = (Field("story", "list"), Field("question"), Field("answer"), Field("support", "list"), Field("set"))
#: Sentences of a story: more is a file whose numbers never start again, and every row would hold all of them.
MAX_SENTENCES = 10_000
#: Numbers that count up to no more than so many may be classes; to more than so many, verses.
_SENTENCES, _VERSES = 2, 15


class BabiSource:
    """A file of stories ready to be read.

    Args:
        path: the file.
        encoding: its encoding.
    """

    fields = _FIELDS
    marked = True
    empty = (
        "no questions; expected lines such as `3 Where is Mary?<TAB>bathroom<TAB>1`; where the numbers are classes, say"
        " --format class-lines"
    )

    def __init__(self, path: Path, encoding: str) -> None:
        self.said = f"{path.name}: stories with questions (bAbI), {encoding_of(path, encoding)}"
        self._path = path
        self._encoding = encoding
        self._silent = 0

    def rows(self) -> Iterator[Row]:
        """Every question in order; what is wrong with it is written down beside it.

        Raises:
            DataError: wrong encoding, a NUL, or a file that cannot be read.
        """
        name = set_name(self._path)
        self._silent = 0
        told = _Story()
        for number, line in numbered_lines(self._path, self._encoding):
            text = line.removesuffix("\r")
            if not text.strip():
                continue
            found = _LINE.fullmatch(text.strip(" "))
            if found is not None and int(found[1]) == 1:
                self._silent += told.silent
                told = _Story()
            order = 0 if found is None else int(found[1])
            body = (text if found is None else found[2]).strip(" ")
            if order != told.last + 1:
                got = repr(text[:40]) if found is None else str(order)
                expected = f"expected the number {told.last + 1} at the start of the line, got {got}"
                told.problems.append(Problem("numbers", number, expected))
                order = told.last + 1 if found is None else order
            told.last = order
            if "\t" not in body:
                told.tell(order, body, number)
                continue
            yield told.ask(body.split("\t"), number, name)
        self._silent += told.silent

    def left(self) -> list[str]:
        """Stories that nobody asks about."""
        many = "ies" if self._silent > 1 else "y"
        return [f"{self._silent:,} stor{many} without a question left out"] if self._silent else []


class _Story:
    """What has been told since the numbers began at 1."""

    def __init__(self) -> None:
        self.last = 0
        self.problems: list[Problem] = []
        self._sentences: list[str] = []
        self._lines: list[int] = []
        self._place: dict[int, int] = {}
        self._asked = False

    @property
    def silent(self) -> bool:
        """Whether there are sentences and no question."""
        return bool(self._sentences) and not self._asked

    def tell(self, order: int, sentence: str, number: int) -> None:
        if len(self._sentences) == MAX_SENTENCES:
            self.problems.append(Problem("long", number, f"a story of more than {MAX_SENTENCES:,} sentences"))
        if len(self._sentences) < MAX_SENTENCES:
            self._place[order] = len(self._sentences)
            self._sentences.append(sentence)
            self._lines.append(number)

    def ask(self, cells: list[str], number: int, name: str) -> Row:
        """The row of a question; `support` holds places in the story, from 0."""
        self._asked = True
        problems, self.problems = self.problems, []
        question, answer = cells[0].strip(), cells[1].strip()
        if len(cells) > 3:
            problems.append(Problem("columns", number, f"expected question, answer and lines, got {len(cells)} cells"))
        if not self._sentences:
            problems.append(Problem("story", number, "a question without a story before it"))
        if not question:
            problems.append(Problem("question", number, "an empty question"))
        if not answer:
            problems.append(Problem("answer", number, "a question without an answer"))
        support = []
        for word in (cells[2] if len(cells) > 2 else "").replace(",", " ").split():
            place = self._place.get(int(word)) if word.isdecimal() else None
            if place is None:
                told = "not a sentence of this story"
                problems.append(Problem("support", number, f"the supporting line {word[:20]!r} is {told}"))
            else:
                support.append(str(place))
        row = [list(self._sentences), question, answer, support, name]
        return Row(row, number, item_lines=list(self._lines), problems=problems)


def _told(numbers: Iterable[int]) -> bool:
    """Whether numbers count from 1 to some number again and again, as the sentences of stories do."""
    given = list(numbers)
    pairs = list(itertools.pairwise(given))
    anew = sum(after == 1 for _, after in pairs)
    # Verses count further than the sentences of a story that is read whole.
    few = _SENTENCES < max(given) <= _VERSES
    return few and anew > 1 and all(after in (before + 1, 1) for before, after in pairs)


def set_name(path: Path) -> str:
    """The name of the set that a file is a part of.

    >>> set_name(Path("qa1_single-supporting-fact_train.txt"))
    'qa1_single-supporting-fact'
    """
    stem = path.name.removesuffix(".gz").removesuffix(".txt")
    head, _, tail = stem.rpartition("_")
    return head if head and part_of(tail) is not None else stem


class BabiReader:
    """Reads bAbI."""

    name = "babi"
    suffixes: tuple[str, ...] = ()
    summary = (
        "bAbI: numbered sentences, and questions with their answer and supporting lines after tabs; a row per "
        "question, for answer; known by its look in `.txt` files"
    )

    def recognises(self, file: Input) -> bool:
        """Numbered lines, the first 1, and among them questions: two tabs at most, and a question mark."""
        lines = [line.removesuffix("\r").strip(" ") for _, line in file.lines if line.strip()]
        found = [_LINE.fullmatch(line) for line in lines]
        if not lines or not lines[0].startswith("1 ") or sum(match is None for match in found) * 20 > len(lines):
            return False
        asked = [line.split("\t") for line in lines if "\t" in line]
        if not asked:
            # Stories about which nobody asks are told of as such; numbers before texts may be classes otherwise.
            return _told(int(match[1]) for match in found if match is not None)
        questions = [cells for cells in asked if cells[0].rstrip().endswith("?")]
        return 0 < len(asked) < len(lines) and 2 * len(questions) >= len(asked)

    def open(self, file: Input, first: Source | None) -> BabiSource:
        """The columns are always the same."""
        return BabiSource(file.path, file.options.encoding)
