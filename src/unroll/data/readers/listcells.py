"""Cells of a table that are lists: as pandas and numpy write them into CSV, ``['joy', 'love']`` and ``['joy' 'love']``,
and sentences beside as many tags, with blanks or commas between them or in a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from unroll.data.readers.conll import ENTITY_TAG
from unroll.data.table.facts import names_labels

_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_ITEM = re.compile(_QUOTED)
#: A list of quoted texts; numpy leaves the commas out.
_TEXTS = re.compile(rf"\[\s*(?:(?:{_QUOTED})(?:\s*,\s*|\s+|(?=\]))|,)*\]$")
#: A list of whole numbers, which may be classes.
_NUMBERS = re.compile(r"\[\s*(?:-?\d+(?:\s*,\s*|\s+)?)*\]$")
#: How the items of a cell are told apart: a list as programs write it, blanks, commas.
LIST, BLANKS, COMMAS = "[", " ", ","
_ESCAPE = re.compile(r"\\(.)")


def list_items(cell: str) -> list[str] | None:
    """The texts of a list; None if it is none.

    >>> list_items("['joy', \\"it's\\"]"), list_items("['a' 'b']"), list_items("[]"), list_items("[citation needed]")
    (['joy', "it's"], ['a', 'b'], [], None)
    """
    cell = cell.strip()
    if not cell.startswith("[") or not cell.endswith("]"):
        return None
    if _TEXTS.match(cell):
        return [_ESCAPE.sub(r"\1", item[1:-1]) for item in _ITEM.findall(cell)]
    return re.findall(r"-?\d+", cell) if _NUMBERS.match(cell) else None


def holds_lists(name: str, cells: Iterable[str]) -> bool:
    """Whether a column holds lists of texts, or, if it is called after labels, of numbers.

    Args:
        name: of the column.
        cells: its first ones.
    """
    full = [cell.strip() for cell in cells if cell.strip()]
    found = [list_items(cell) for cell in full]
    texts = any(items and not _NUMBERS.match(cell) for items, cell in zip(found, full, strict=True))
    numbers = names_labels(name) and any(found)
    return bool(found) and all(items is not None for items in found) and (texts or numbers)


def items_of(cell: str, form: str) -> list[str] | None:
    """The items of a cell; None where it is not of this form.

    >>> items_of("['a', 'b']", LIST), items_of("a b", BLANKS), items_of("a, b", COMMAS), items_of("a", LIST)
    (['a', 'b'], ['a', 'b'], ['a', 'b'], None)
    """
    if form == BLANKS or not cell.strip():
        return cell.split()
    return list_items(cell) if form == LIST else [item.strip() for item in cell.split(",")]


def form_of_items(cell: str) -> str:
    """How the items of a cell of a column of lists are told apart.

    >>> form_of_items("['B-PER']"), form_of_items("B-PER O"), form_of_items("B-PER,O")
    ('[', ' ', ',')
    """
    if cell.lstrip().startswith("["):
        return LIST
    items = [item.strip() for item in cell.split(",")]
    return COMMAS if len(items) > 1 and all(map(ENTITY_TAG.match, items)) else BLANKS


def words_and_tags(rows: Sequence[Sequence[str]]) -> dict[int, str]:
    """The numbers of a column of sentences and of one of their tags, each with the form of its items; or nothing.

    The tags are those of entities, as many as words in every row.

    >>> words_and_tags([["Ana left", "B-PER O"], ["Rui left", "B-PER O"]])
    {0: ' ', 1: ' '}
    >>> words_and_tags([["Ana left", "['B-PER', 'O']"], ["It rains", "['O', 'O']"]])
    {0: ' ', 1: '['}
    """
    for at in range(len(rows[0])):
        form = form_of_items(max((row[at] for row in rows), key=len))
        tags = [items_of(row[at], form) or [] for row in rows]
        if not any("O" in row for row in tags) or max(map(len, tags)) < 2:
            continue
        if not all(ENTITY_TAG.match(tag) for row in tags for tag in row) or {tag for row in tags for tag in row} == {
            "O"
        }:
            continue
        for other in range(len(rows[0])):
            if other != at and all(len(row[other].split()) == len(own) for row, own in zip(rows, tags, strict=True)):
                return {other: BLANKS, at: form}
    return {}
