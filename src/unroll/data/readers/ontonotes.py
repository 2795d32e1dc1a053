"""OntoNotes in the columns of CoNLL-2012: a row per sentence, with the entities of their brackets as tags.

Source: conll.cemantix.org/2012/data.html, "*_conll File Format". The predicates of a sentence have a column each, so
lines of one sentence are as wide as each other, and those of two sentences need not be. What says who is who (the
last column) is no tag of a token.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from unroll.data.readers.conll import Left, Sentence, TaggedSource
from unroll.data.readers.reader import Input, Source
from unroll.data.table.kinds import Problem

#: Where the part of a document, the number of a word, the word, its part of speech, its piece of the tree and its
#: entity stand.
_PART, _NUMBER, _WORD, _POS, _TREE, _ENTITY = 1, 2, 3, 4, 5, 10
_LEAST_WIDTH = 12
_BLANKS = re.compile(r"[ \t]+")
_ENTITY_CELL = re.compile(r"(?:\(([^\s()*]+))?\*?(\))?$")
_COLUMNS = ("tokens", "pos", "ner")


def _cells(line: str) -> list[str]:
    return _BLANKS.split(line.strip(" \t"))


def _is_word(row: Sequence[str]) -> bool:
    return (
        len(row) >= _LEAST_WIDTH
        and row[_PART].isdecimal()
        and row[_NUMBER].isdecimal()
        and ("*" in row[_TREE] or row[_TREE] == "-")
        and _ENTITY_CELL.match(row[_ENTITY]) is not None
    )


def entity_tags(cells: Sequence[str]) -> list[str] | None:
    """Entities in brackets as tags (IOB2); None where brackets do not pair up.

    >>> entity_tags(["(GPE*", "*)", "*", "(PERSON)"]), entity_tags(["(GPE*", "(ORG*", "*)"])
    (['B-GPE', 'I-GPE', 'O', 'B-PERSON'], None)
    """
    tags: list[str] = []
    inside: str | None = None
    for cell in cells:
        found = _ENTITY_CELL.match(cell)
        opens, closes = (None, None) if found is None else (found[1], found[2])
        if found is None or (opens and inside) or (closes and not (opens or inside)):
            return None
        inside = opens or inside
        tags.append("O" if inside is None else f"{'B' if opens else 'I'}-{inside}")
        inside = None if closes else inside
    return tags if inside is None else None


def _sentence(group: list[tuple[int, str]], left: Left, named: bool) -> Sentence | None:
    """The sentence of some lines; None if they are the marks around a document."""
    body = [(number, _cells(line)) for number, line in group if not line.startswith("#")]
    left.documents += sum(line.startswith("#begin") for _, line in group)
    if not body:
        return None
    problems = []
    width = len(body[0][1])
    for number, row in body:
        if len(row) != width or not _is_word(row):
            text = f"expected {width} columns as in the line above, with a word of CoNLL-2012, got {len(row)}"
            problems.append(Problem("columns", number, text))
    rows = [[*row, *[""] * _LEAST_WIDTH][: max(width, _LEAST_WIDTH)] for _, row in body]
    cells = [[row[_WORD] for row in rows], [row[_POS] for row in rows]]
    lines = [number for number, _ in body]
    if named:
        tags = entity_tags([row[_ENTITY] for row in rows])
        if tags is None and not problems:
            problems.append(Problem("spans", lines[0], "the brackets of the entities do not pair up"))
        cells.append(tags or ["O"] * len(rows))
    return Sentence(cells, lines, lines[0], problems)


class OntonotesReader:
    """Reads CoNLL-2012."""

    name = "conll2012"
    suffixes: tuple[str, ...] = ()
    summary = (
        "OntoNotes as CoNLL-2012 has it, twelve columns and more: a row per sentence, for tagging, the entities in"
        " brackets as tags in `ner`, parts of speech in `pos` (`--target pos`); known by its columns"
    )

    def recognises(self, file: Input) -> bool:
        """Lines of twelve cells and more: a part, a number that counts, a piece of a tree, entities in brackets."""
        words = [line for _, line in file.lines if line.strip() and not line.startswith("#")]
        return bool(words) and all(_is_word(_cells(line.removesuffix("\r"))) for line in words)

    def open(self, file: Input, first: Source | None) -> TaggedSource:
        """Whether there are entities is settled by the first file."""
        if isinstance(first, TaggedSource):
            named = len(first.fields) == len(_COLUMNS)
        else:
            rows = [_cells(line) for _, line in file.lines if line.strip() and not line.startswith("#")]
            named = any("(" in row[_ENTITY] for row in rows if len(row) > _ENTITY)
        columns = _COLUMNS if named else _COLUMNS[:2]
        form = "CoNLL-2012" + (
            ", entities as tags in 'ner'; --target pos learns the parts of speech" if named else ", no entities"
        )
        return TaggedSource(
            file.path, file.options.encoding, columns, form, lambda group, left: _sentence(group, left, named)
        )
