"""Conversations as corpora of them are kept: Cornell's films, numbered lines of ParlAI, and ChatterBot's YAML."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.literals import python_value
from unroll.data.readers.reader import Input, Source, left_out
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

_FIELDS = (Field("turns", "list"),)
_SIGN = " +++$+++ "
_LISTS = re.compile(r"u\d+ \+\+\+\$\+\+\+ u\d+ \+\+\+\$\+\+\+ m\d+ \+\+\+\$\+\+\+ \['L\d+'")
_LINE = re.compile(r"L\d+ \+\+\+\$\+\+\+ u\d+ \+\+\+\$\+\+\+ m\d+ \+\+\+\$\+\+\+ ")
#: The files of Cornell's corpus.
CONVERSATIONS, LINES = "movie_conversations.txt", "movie_lines.txt"
_NUMBERED = re.compile(r"(\d{1,6}) (.*)", re.DOTALL)
_PERSONA = re.compile(r"(?:your|partner's) persona:")
_OPENED, _SAID = re.compile(r"- - ?(.*)"), re.compile(r"(?:  |\t)- ?(.*)")
#: Lines by which numbered conversations are known.
_LEAST = 4


class CornellSource:
    """Cornell's conversations with the lines that they name.

    Args:
        file: either of the two files.
    """

    fields = _FIELDS
    marked = False
    empty = "no conversation: nobody answers"

    def __init__(self, file: Input) -> None:
        self._file = file
        self._conversations, self._lines = (file.path.with_name(name) for name in (CONVERSATIONS, LINES))
        for path in (self._conversations, self._lines):
            if not path.is_file():
                raise DataError(f"expected {path.name} beside it, as in Cornell's corpus of films", file.path)
        encoding = encoding_of(self._lines, file.options.encoding)
        self.said = f"{CONVERSATIONS}: conversations of films, with the lines of {LINES}, {encoding}"

    def rows(self) -> Iterator[Row]:
        """A row per conversation.

        Raises:
            DataError: a line of either file is no such line, or is missing; with its line.
        """
        encoding = self._file.options.encoding
        said: dict[str, str] = {}
        for number, line in numbered_lines(self._lines, encoding):
            cells = line.removesuffix("\r").split(_SIGN.rstrip(), 4)
            if len(cells) == 5:
                said[cells[0].strip()] = cells[4].strip()
            elif line.strip():
                raise DataError(f"expected five cells with {_SIGN.strip()} between them", self._lines, number)
        for number, line in numbered_lines(self._conversations, encoding):
            if not line.strip():
                continue
            try:
                names = [str(name) for name in python_value(line.rsplit(_SIGN.strip(), 1)[-1].strip())]
                yield Row([[said[name] for name in names]], number)
            except (ValueError, TypeError) as error:
                what = "expected a list of lines at the end, ['L194', 'L195']"
                raise DataError(what, self._conversations, number) from error
            except KeyError as error:
                raise DataError(f"the line {error} is not in {LINES}", self._conversations, number) from error

    def left(self) -> list[str]:
        """Nothing."""
        return []


class CornellReader:
    """Reads Cornell's corpus of films."""

    name = "cornell"
    suffixes: tuple[str, ...] = ()
    summary = (
        f"Cornell's corpus of films: `{CONVERSATIONS}` with the lines of `{LINES}` beside it; a row per conversation,"
        " for chat"
    )

    def recognises(self, file: Input) -> bool:
        """The first lines of either file."""
        first = [line for _, line in file.lines[:20] if line.strip()]
        return bool(first) and any(all(map(form.match, first)) for form in (_LISTS, _LINE))

    def open(self, file: Input, first: Source | None) -> CornellSource:
        """Finds the other file."""
        return CornellSource(file)


class NumberedSource:
    """Numbered lines of what is said and answered ready to be read.

    Args:
        file: the file.
    """

    fields = _FIELDS
    marked = False
    empty = "no conversation: on no line does an answer stand behind a tab"

    def __init__(self, file: Input) -> None:
        encoding = encoding_of(file.path, file.options.encoding)
        self.said = f"{file.path.name}: numbered lines of what is said and answered (ParlAI), {encoding}"
        self._file = file
        self._personas = self._facts = 0

    def rows(self) -> Iterator[Row]:
        """A row per conversation, which begins where the numbers do.

        Raises:
            DataError: a line without a number.
        """
        self._personas = self._facts = 0
        turns: list[str] = []
        begun = 1
        for number, raw in numbered_lines(self._file.path, self._file.options.encoding):
            if not raw.strip():
                continue
            found = _NUMBERED.match(raw.strip(" \r"))
            if found is None:
                raise DataError(f"expected a number and what is said, got {raw[:40]!r}", self._file.path, number)
            if found[1] == "1":
                if turns:
                    yield Row([turns], begun)
                turns, begun = [], number
            cells = found[2].split("\t")
            if len(cells) > 1 and cells[1].strip():
                turns += [cells[0].strip(), cells[1].strip()]
            elif _PERSONA.match(found[2]):
                self._personas += 1
            else:
                self._facts += 1
        if turns:
            yield Row([turns], begun)

    def left(self) -> list[str]:
        """Personas and facts, which nobody says."""
        return left_out((self._personas, "lines of personas"), (self._facts, "lines without an answer"))


class NumberedReader:
    """Reads numbered lines of what is said and answered."""

    name = "parlai"
    suffixes: tuple[str, ...] = ()
    summary = (
        "PersonaChat and other dialogues of ParlAI: numbered lines of what is said, a tab and the answer; the numbers"
        " begin at 1 with every conversation; for chat"
    )

    def recognises(self, file: Input) -> bool:
        """Numbers that count from 1 again and again, and tabs in the lines that no persona is on."""
        lines = [line.strip(" \r") for _, line in file.lines if line.strip()]
        found = [_NUMBERED.match(line) for line in lines]
        numbers = [int(match[1]) for match in found if match is not None]
        if len(lines) < _LEAST or len(numbers) < len(lines) or not _count_anew(numbers):
            return False
        said = [match[2] for match in found if match is not None and not _PERSONA.match(match[2])]
        return 2 * sum("\t" in text for text in said) > len(said) > 0

    def open(self, file: Input, first: Source | None) -> NumberedSource:
        """The column is always the same."""
        return NumberedSource(file)


def _count_anew(numbers: list[int]) -> bool:
    """Whether numbers rise by one, or begin at 1 again.

    >>> _count_anew([1, 2, 3, 1, 2]), _count_anew([1, 2, 4])
    (True, False)
    """
    pairs = itertools.pairwise(numbers)
    return numbers[:1] == [1] and all(after in (before + 1, 1) for before, after in pairs)


class ChatterBotSource:
    """ChatterBot's YAML ready to be read.

    Args:
        file: the file.
    """

    fields = _FIELDS
    marked = False
    empty = "no conversation: nobody answers"

    def __init__(self, file: Input) -> None:
        self.said = f"{file.path.name}: conversations (ChatterBot), {encoding_of(file.path, file.options.encoding)}"
        self._file = file

    def rows(self) -> Iterator[Row]:
        """A row per conversation.

        Raises:
            DataError: wrong encoding, or a file that cannot be read.
        """
        turns: list[str] = []
        begun, inside = 1, False
        for number, raw in numbered_lines(self._file.path, self._file.options.encoding):
            line = raw.removesuffix("\r")
            if line and not line[0].isspace() and not line.startswith("-"):
                inside = line.startswith("conversations:")
                continue
            opened = _OPENED.match(line) if inside else None
            said = _SAID.match(line) if inside else None
            if opened is not None:
                if turns:
                    yield Row([turns], begun)
                turns, begun = [_plain(opened[1])], number
            elif said is not None:
                turns.append(_plain(said[1]))
            elif inside and turns and line.strip():
                turns[-1] = f"{turns[-1]} {line.strip()}"
        if turns:
            yield Row([turns], begun)

    def left(self) -> list[str]:
        """Nothing."""
        return []


def _plain(text: str) -> str:
    """A text of YAML without its quotes."""
    text = text.strip()
    return text[1:-1].replace("''", "'") if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


class ChatterBotReader:
    """Reads the corpus of ChatterBot."""

    name = "chatterbot"
    suffixes: tuple[str, ...] = ()
    summary = "ChatterBot's corpus: YAML of `conversations:` with a list of turns each; for chat"

    def recognises(self, file: Input) -> bool:
        """The key, and lists in a list below it."""
        lines = [line.rstrip() for _, line in file.lines if line.strip()]
        return "conversations:" in lines and 2 * sum(line.startswith(("- ", "  -")) for line in lines) > len(lines)

    def open(self, file: Input, first: Source | None) -> ChatterBotSource:
        """The column is always the same."""
        return ChatterBotSource(file)
