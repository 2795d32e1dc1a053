"""Cells of a table that are lists: as pandas and numpy write them into CSV, ``['joy', 'love']`` and ``['joy' 'love']``,
and sentences beside as many tags, with blanks between them.
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
#: How columns of tags are called.
_TAG_NAMES = frozenset(("tags", "tag", "ner_tags", "ner", "labels", "label", "slots", "word_labels", "bio", "slot"))
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


def words_and_tags(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[int, int] | None:
    """The numbers of a column of sentences and of one of their tags, with blanks between words and between tags.

    >>> words_and_tags(["sentence", "tags"], [["Ana left", "B-PER O"], ["Rui left", "B-PER O"]])
    (0, 1)
    """
    for at, name in enumerate(columns):
        tags = [row[at].split() for row in rows]
        if name.strip().casefold() not in _TAG_NAMES or not any("O" in row for row in tags):
            continue
        if not all(ENTITY_TAG.match(tag) for row in tags for tag in row) or max(map(len, tags)) < 2:
            continue
        for other in range(len(columns)):
            if other != at and all(len(row[other].split()) == len(own) for row, own in zip(rows, tags, strict=True)):
                return other, at
    return None
