"""The doctor on text: empty cells, outliers in length, and traces of a wrong encoding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc

from unroll.data.doctor.finding import Finding, at_row, counted, share
from unroll.data.table.chunks import text_block
from unroll.data.table.table import Table

_NOT_WORD = re.compile(r"[\W_]+")
#: How cp1252 and Latin-1 show the bytes 0x80 to 0xBF, of which all but the first byte of a UTF-8 character are.
_LATER = (
    "[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc"
    "\u2013\u2014\u2018-\u201a\u201c-\u201e\u2020-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122]"
)
#: (what it is, the pattern in RE2's syntax, what to do). Patterns are looked for in every cell.
_ODDITIES = (
    (
        "the replacement character U+FFFD: text was lost in an earlier conversion",
        "\ufffd",
        "fetch the original and convert it with the right encoding",
    ),
    (
        "what looks like UTF-8 read as Latin-1 or cp1252",
        f"\u00c3{_LATER}|\u00e2\u20ac{_LATER}|[\u00ea-\u00ed]{_LATER}{_LATER}",
        "encode it as cp1252 and decode it as utf-8 before training",
    ),
    (
        "control characters",
        "[\u0001-\u0008\u000b\u000c\u000e-\u001e\u007f]",
        "remove them, unless they mean something to you",
    ),
    (
        "byte order marks or zero-width spaces inside the text",
        "[\ufeff\u200b]",
        "remove them; they make equal words differ",
    ),
    (
        "Hangul as separate letters (NFD), as macOS writes it",
        "[\u1100-\u1112][\u1161-\u1175]",
        "normalise the text to NFC",
    ),
    (
        "HTML tags or entities",
        "&(amp|lt|gt|quot|nbsp|#[0-9]+);|<br ?/?>|</?(p|div|span|b|i)>",
        "unescape them, if users will type plain text",
    ),
)
_FAR = 20


def folded(text: str) -> str:
    """A text without what readers overlook: case, width, spacing and punctuation."""
    if text.isascii():
        return " ".join(_NOT_WORD.sub(" ", text.casefold()).split())
    return " ".join(_NOT_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).split())


def look_at_text(table: Table, column: str) -> Iterator[Finding]:
    """Findings about one column of text."""
    empty, first_empty, at = 0, -1, 0
    odd = [0] * len(_ODDITIES)
    first_odd = [-1] * len(_ODDITIES)
    for block in table.text_blocks(column):
        cells = text_block(block)
        blank = np.asarray(pc.fill_null(pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(cells)), 0), True))
        if blank.any() and first_empty < 0:
            first_empty = at + int(blank.argmax())
        empty += int(blank.sum())
        for index, (_, pattern, _advice) in enumerate(_ODDITIES):
            found = np.asarray(pc.fill_null(pc.match_substring_regex(cells, pattern), False))
            if found.any():
                first_odd[index] = at + int(found.argmax()) if first_odd[index] < 0 else first_odd[index]
                odd[index] += int(found.sum())
        at += len(block)
    if empty:
        text = f"column {column!r} is empty in {counted(empty, 'row')} ({share(empty, at)})"
        yield at_row(table, first_empty, "warning", text, "fill the cells or take the rows out")
    for (what, _, advice), count, row in zip(_ODDITIES, odd, first_odd, strict=True):
        if count:
            yield at_row(table, row, "warning", f"column {column!r} holds {what} in {counted(count, 'row')}", advice)
    yield from look_at_lengths(table, column, "characters")


def look_at_lengths(table: Table, column: str, unit: str) -> Iterator[Finding]:
    """The lengths of a column of text or series, and rows that are far longer than the rest."""
    lengths = table.lengths(column)
    if len(lengths) == 0:
        return
    middle, high, top = (int(value) for value in np.percentile(lengths, [50, 99, 100], method="nearest"))
    low = int(lengths.min())
    spread = (
        f"{low} {unit} in every row"
        if low == top
        else f"{low} to {top} {unit}, half of them up to {middle}, 99 % up to {high}"
    )
    yield Finding("note", f"column {column!r}: {spread}")
    limit = max(_FAR * max(middle, 1), 5 * max(high, 1))
    far = np.flatnonzero(lengths > limit)
    if len(far):
        row = int(far[lengths[far].argmax()])
        yield at_row(
            table,
            row,
            "warning",
            f"column {column!r}: {counted(len(far), 'row')} longer than {limit:,} {unit}, the longest {top:,}",
            "look whether several rows ran into one; very long rows set the memory that training needs",
        )
