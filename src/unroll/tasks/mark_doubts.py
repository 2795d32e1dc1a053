"""Texts in which some words have tags behind them: of which a language model would learn the marks."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from unroll.data import Table
from unroll.errors import DataError
from unroll.tasks.base import Task

_LOOKED_AT = 200
#: A word and what it is: Seoul/LOC, Seoul_NNP, Seoul|LOC.
_MARKED = re.compile(r"(?<!\S)(?P<word>[^\s/_|]{1,40})[/_|](?P<tag>(?:[BI]-)?[A-Z]{2,12})(?![\w/])")
#: Marks that are asked about, at least; their share of the lines, and marks for each tag.
_LEAST, _SHARE, _EACH = 10, 0.3, 3


def refuse_marks(table: Table, task: Task) -> None:
    """Raise if a language model would learn words with tags behind some of them.

    Raises:
        DataError: the question, with the forms that are read as tags.
    """
    if task.name != "generate" or table.format != "text" or len(table.columns) != 1:
        return
    lines = table.texts(table.columns[0], np.arange(min(len(table), _LOOKED_AT)))
    found = [[match for match in _MARKED.finditer(line) if any(map(str.isalpha, match["word"]))] for line in lines]
    tags = Counter(match["tag"] for own in found for match in own)
    if tags.total() < max(_LEAST, _EACH * len(tags)) or sum(map(bool, found)) < _SHARE * len(found):
        return
    row = next(row for row, own in enumerate(found) if own)
    raise DataError(
        f"some words have tags behind them ({found[row][0][0]}), others none; to learn tags write one behind"
        " every word (Ana/PER left/O), or mark entities as [Ana](PER) or <PER>Ana</PER>, or a word and its tag per line"
        " (--format conll); --task generate learns the text with its marks",
        *table.place(row),
    )
