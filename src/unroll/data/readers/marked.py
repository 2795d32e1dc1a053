"""Lines of which a sign tells the parts: a class before or behind its text, or cells with long signs between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from unroll.data.readers.linewise import LineSource
from unroll.data.readers.reader import Input, Source
from unroll.data.table.numbers import looks_like_number
from unroll.data.table.writer import Field

#: Lines by which a class is told, of which each is met so often, at least; so many lines for each class, at least.
_LEAST, _OFTEN, _FOR_EACH = 20, 3, 10
#: Numbers that are classes, at most.
_SCALE = 11
#: A class before its text: with a sign between them; a number; TREC's DESC:manner; Vowpal Wabbit's `1 |text ...`.
_CLASS_FIRST = re.compile(
    r"(?P<number>[+-]?\d{1,3}|[A-Z]{2,10}:[a-z]+)\s+(?:\|\w*\s+)?(?P<said>[^\s,;|].*)$"
    r"|(?P<label>[^\s,;|]{1,40})\s*[,;|]\s*(?P<text>\S.*)$"
)
#: A class behind its text.
_CLASS_LAST = re.compile(
    r"(?P<text>.*\S)(?:\s*(?:[,;|]|->|=>)\s*(?P<label>[^\s,;|]{1,40})|\s*@(?P<named>[^\W\d]{1,40})"
    r"|\s+(?P<number>[+-]?\d))$"
)
#: Signs between cells that no text holds.
_ARROWS = (" => ", " -> ")
_BETWEEN = (" +++$+++ ", " ||| ", "|||", "::", " --> ", *_ARROWS, "\x01")


def class_and_text(line: str) -> tuple[str, str] | None:
    """The class of a line and its text; None if it has none.

    >>> class_and_text("spam, call now"), class_and_text("DESC:manner How far ?"), class_and_text("-1 |text good day")
    (('spam', 'call now'), ('DESC:manner', 'How far ?'), ('-1', 'good day'))
    """
    found = _CLASS_FIRST.match(line.strip())
    if found is None:
        return None
    return (found["label"], found["text"]) if found["label"] is not None else (found["number"], found["said"])


def text_and_class(line: str) -> tuple[str, str] | None:
    """The class behind the text of a line, and the text; None if it has none.

    >>> text_and_class("call now, please, spam")
    ('spam', 'call now, please')
    """
    found = _CLASS_LAST.match(line.strip())
    return None if found is None else (found["label"] or found["named"] or found["number"], found["text"])


class ClassLinesReader:
    """Reads lines that begin or end with their class."""

    name = "class-lines"
    suffixes: tuple[str, ...] = ()
    summary = (
        "a class before its text on every line, `spam, call now`, `1 text`, `DESC:manner text`, or behind it, `text,"
        " spam`, `text@spam`, `text 1`; for classify"
    )

    def recognises(self, file: Input) -> bool:
        """Every line has one of few classes, each met often, under a name that promises no table."""
        return _class_of(file) is not None

    def open(self, file: Input, first: Source | None) -> LineSource:
        """The columns are always the same."""
        cut = _class_of(file) or class_and_text
        where = "before" if cut is class_and_text else "behind"

        def cells(line: str) -> tuple[str, str]:
            found = cut(line)
            if found is None:
                raise ValueError(f"expected a class {where} its text, got {line[:40]!r}")
            return found

        return LineSource(file, [Field("label"), Field("text")], f"a class {where} the text of every line", cells)


def _class_of(file: Input) -> Callable[[str], tuple[str, str] | None] | None:
    """What cuts the lines of a file into class and text; None if they have no classes."""
    lines = [line for _, line in file.lines if line.strip()]
    tables = file.path.name.removesuffix(".gz").lower().endswith((".csv", ".tsv", ".tab"))
    if tables or len(lines) < _LEAST or any("\t" in line for line in lines[:_LEAST]):
        return None
    if _have_classes([class_and_text(line) for line in lines]):
        return class_and_text
    behind = [text_and_class(line) for line in lines]
    found = [pair for pair in behind if pair is not None]
    # A number behind the same words again and again is one of rooms or pages.
    counted = all(label.isdigit() for label, _ in found) and 2 * len({said for _, said in found}) < len(found)
    return text_and_class if not counted and _have_classes(behind) else None


def _have_classes(found: Sequence[tuple[str, str] | None]) -> bool:
    counts = Counter(pair[0] for pair in found if pair is not None)
    # Numbers behind a number are a table of them, such as what the sensors of an engine say.
    several = sum(pair is not None and len(pair[1].split()) > 1 and not _are_numbers(pair[1]) for pair in found)
    few = 1 < len(counts) <= len(found) // _FOR_EACH or all(":" in label for label in counts)
    # More numbers than a scale has count verses or chapters.
    few = few and (len(counts) <= _SCALE or not all(map(looks_like_number, counts)))
    return None not in found and few and min(counts.values()) >= _OFTEN and 2 * several > len(found)


def _are_numbers(text: str) -> bool:
    return all(map(looks_like_number, text.split()))


class SeparatedReader:
    """Reads lines of cells with several signs between them."""

    name = "separated"
    suffixes: tuple[str, ...] = ()
    summary = "cells with three bars, ` +++$+++ `, `::` or ` => ` between them, as many on every line"

    def recognises(self, file: Input) -> bool:
        """Every line has as many of one sign."""
        sign = _sign_of([line for _, line in file.lines if line.strip()])
        # An arrow may stand before the class of each line, too.
        return sign is not None and (sign not in _ARROWS or _class_of(file) is None)

    def open(self, file: Input, first: Source | None) -> LineSource:
        """A further file must have as many cells as the first."""
        lines = [line for _, line in file.lines if line.strip()]
        sign = _sign_of(lines) or _BETWEEN[1]
        width = first.shared if isinstance(first, LineSource) and first.shared else len(lines[0].split(sign))

        def cells(line: str) -> list[str]:
            parts = [part.strip() for part in line.split(sign)]
            if len(parts) != width:
                raise ValueError(f"expected {width} cells with {sign.strip()!r} between them, got {len(parts)}")
            return parts

        fields = [Field(f"column{number}") for number in range(1, width + 1)]
        return LineSource(file, fields, f"cells with {sign.strip()!r} between them", cells, shared=width)


def _sign_of(lines: Sequence[str]) -> str | None:
    for sign in _BETWEEN:
        counts = {line.count(sign) for line in lines}
        if len(lines) >= _OFTEN and len(counts) == 1 and counts.pop() > 0:
            return sign
    return None
