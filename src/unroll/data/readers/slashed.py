"""Tagged sentences a line each, every word with its tag behind a mark: ``The/DT dog/NN barks/VBZ``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from unroll.data.readers.lines import encoding_of, numbered_lines
from unroll.data.readers.reader import Input, Source
from unroll.data.table.kinds import Problem
from unroll.data.table.numbers import looks_like_number
from unroll.data.table.writer import Field, Row

_MARKS = ("/", "_", "|")
#: Share of the words that must have a tag, and words from which on tags are told by how often each comes.
_MOST, _LEAST = 0.95, 20
_LONGEST_TAG = 20
#: Morphemes of one word, as the Sejong corpus joins them: 나/NP+는/JX.
_MORPHEMES = re.compile(r"(?P<token>.+?)/(?P<tag>[A-Z]{1,6})(?:\+|$)")
_JOINED = re.compile(r"(?:.+?/[A-Z]{1,6}\+)+.+?/[A-Z]{1,6}$")


class SlashedSource:
    """A file of such lines ready to be read.

    Args:
        file: the file.
        mark: between a word and its tag.
    """

    fields = (Field("tokens", "list"), Field("tags", "list"))
    marked = True
    empty = "no sentences"

    def __init__(self, file: Input, mark: str) -> None:
        encoding = encoding_of(file.path, file.options.encoding)
        self.said = f"{file.path.name}: a sentence per line, the tag of every word behind '{mark}', {encoding}"
        self.mark = mark
        self._file = file
        self._joined = 0

    def rows(self) -> Iterator[Row]:
        """Every line that is not blank; a word without a tag is written down as wrong.

        Raises:
            DataError: wrong encoding, a NUL, or a file that cannot be read.
        """
        self._joined = 0
        for number, line in numbered_lines(self._file.path, self._file.options.encoding):
            words = line.split()
            if not words:
                continue
            pairs: list[tuple[str, str]] = []
            problems = []
            for word in words:
                cut = cut_word(word, self.mark)
                self._joined += len(cut) > 1
                if not cut:
                    text = f"expected a word, '{self.mark}' and its tag, got {word[:40]!r}"
                    problems.append(Problem("columns", number, text))
                pairs += cut or [(word, "")]
            cells = [[token for token, _ in pairs], [tag for _, tag in pairs]]
            yield Row(cells, number, item_lines=[number] * len(pairs), problems=problems)

    def left(self) -> list[str]:
        """Words of several morphemes."""
        return [f"{self._joined:,} words are read as their morphemes, which + joins"] if self._joined else []


def cut_word(word: str, mark: str) -> list[tuple[str, str]]:
    """A word and its tag; several where it is morphemes with a tag each; none where it has no tag.

    >>> cut_word("dog/NN", "/"), cut_word("나/NP+는/JX", "/"), cut_word("dog", "/")
    ([('dog', 'NN')], [('나', 'NP'), ('는', 'JX')], [])
    """
    if mark == "/" and _JOINED.match(word):
        return [(found["token"], found["tag"]) for found in _MORPHEMES.finditer(word)]
    token, _, tag = word.rpartition(mark)
    return [(token.replace("\\" + mark, mark), tag)] if token and tag else []


class SlashedReader:
    """Reads tagged sentences a line each."""

    name = "slashed"
    suffixes: tuple[str, ...] = ()
    summary = "a tagged sentence per line, `The/DT dog/NN` or `The_DT dog_NN`, also `나/NP+는/JX`; for tagging"

    def recognises(self, file: Input) -> bool:
        """Nearly every word has one of few tags behind it."""
        return _mark_of([line for _, line in file.lines]) is not None

    def open(self, file: Input, first: Source | None) -> SlashedSource:
        """A further file has the mark of the first."""
        mark = first.mark if isinstance(first, SlashedSource) else _mark_of([line for _, line in file.lines])
        return SlashedSource(file, mark or _MARKS[0])


def _mark_of(lines: Sequence[str]) -> str | None:
    words = [word for line in lines for word in line.split()]
    for mark in _MARKS:
        if len(words) < _LEAST or sum(mark in word for word in words) < _MOST * len(words):
            continue
        pairs = [pair for word in words for pair in cut_word(word, mark)]
        tags = {tag for _, tag in pairs}
        few = 3 * len(tags) <= len(pairs) and len(tags) <= len({token for token, _ in pairs})
        plain = all(len(tag) <= _LONGEST_TAG and not looks_like_number(tag) and mark not in tag for tag in tags)
        if len(pairs) >= _MOST * len(words) and len(tags) > 1 and few and plain:
            return mark
    return None
