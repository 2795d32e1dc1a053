"""Numbers written as text, in the notations that people use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unroll.data.table.chunks import text_block
from unroll.data.table.kinds import MISSING

_PLAIN = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
#: A number with one digit before the point and an exponent, as programs write whole numbers, too.
_EXPONENT = re.compile(r"[+-]?[0-9]\.?[0-9]*[eE][+-]?[0-9]{1,2}")
#: White space that stands between groups of digits: a space, a no-break space, a narrow one, a thin one.
_SPACES = "[ \u00a0\u202f\u2009]"
_CURRENCY = (
    r"(?:[$€£¥₩₹₽₺₫₴₪฿]|USD|EUR|GBP|JPY|CNY|KRW|INR|CHF|SEK|NOK|DKK|PLN|CZK|HUF|RUB|TRY|BRL|CAD|AUD|NZD|MXN|ZAR|SGD|HKD"
    r"|kr|zł|Kč|Ft|원|円|元)"
)
_CURRENCY_CELL = rf"^(?:[+-]? ?{_CURRENCY}{_SPACES}?[0-9(+.,-]|.*[0-9)]{_SPACES}?{_CURRENCY}\.?$)"
_PERCENT_CELL = rf"^.*[0-9]{_SPACES}?[%٪％]$"


class Notation(NamedTuple):
    """How numbers are written.

    Attributes:
        thousands: what stands between groups of three digits; empty for nothing.
        decimal: the decimal mark.
        affix: "", "%" or "currency": what stands beside every number.
    """

    thousands: str
    decimal: str
    affix: str = ""

    @property
    def name(self) -> str:
        """By an example: "1.234,5", "1 234,5 %", "currency 1,234.5"."""
        digits = f"1{self.thousands}234{self.decimal}5"
        return {"": digits, "%": f"{digits} %", "currency": f"currency {digits}"}[self.affix]


_BODIES = (
    ("", "."), (",", "."), ("'", "."), (" ", "."), ("", ","), (".", ","), (" ", ","), ("'", ","),
)  # fmt: skip
NUMBERS = {
    notation.name: notation
    for notation in (Notation(a, b, affix) for affix in ("", "%", "currency") for a, b in _BODIES)
}
PLAIN = Notation("", ".").name


def _pattern(notation: Notation) -> str:
    """What a cell looks like, without what stands beside the number. Groups are of three, and then all are."""
    if notation == Notation("", "."):
        return _PLAIN
    mark = re.escape(notation.decimal)
    if not notation.thousands:
        return rf"^[+-]?(?:[0-9]+(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?$"
    between = "['’]" if notation.thousands == "'" else re.escape(notation.thousands)
    return rf"^[+-]?(?:[1-9][0-9]{{0,2}}(?:{between}[0-9]{{3}})+|[0-9]{{1,3}})(?:{mark}[0-9]*)?$"


_PATTERNS = {name: _pattern(notation) for name, notation in NUMBERS.items()}
_LIKE = re.compile(
    rf"[+\u2212-]?\(?(?:{_CURRENCY}{_SPACES}?)?[+\u2212-]?[0-9](?:[0-9]|[.,'’](?=[0-9])|{_SPACES}(?=[0-9]{{3}}))*"
    rf"(?:[eE][+-]?[0-9]+)?\)?{_SPACES}?(?:[%٪％]|{_CURRENCY})?$|[+-]?\.[0-9]+$"
)


def looks_like_number(cell: str) -> bool:
    """Whether a cell may be a number of some notation.

    >>> [looks_like_number(cell) for cell in ("1.234,5", "€ 12", "45 %", "12 apples", "12.")]
    [True, True, True, False, True]
    """
    return _LIKE.match(cell.rstrip(".")) is not None


def commas_are_decimal(rows: Iterable[Sequence[str]]) -> bool:
    """Whether every comma of some rows stands inside a number, and one of them at least does.

    >>> commas_are_decimal([["1,5", "2,25"], ["3", "4,0"]]), commas_are_decimal([["1,5", "a, b"]])
    (True, False)
    """
    with_comma = [cell.strip() for row in rows for cell in row if "," in cell]
    return bool(with_comma) and all(map(looks_like_number, with_comma))


def class_name(cell: str) -> str:
    """A class as it is called: a whole number that a program has written with an exponent is that number.

    >>> class_name("1.0000000e+00"), class_name("-1.0000000e+00"), class_name("1.0"), class_name("1.5e+00")
    ('1', '-1', '1.0', '1.5e+00')
    """
    if not _EXPONENT.fullmatch(cell):
        return cell
    value = float(cell)
    return str(int(value)) if value.is_integer() else cell


def _bare(cells: pa.Array, affix: str) -> pa.Array:
    """Cells without what stands beside the number; a number in brackets is below zero."""
    cells = pc.replace_substring(pc.utf8_trim_whitespace(cells), "\u2212", "-")
    if affix == "%":
        cells = pc.replace_substring_regex(cells, rf"{_SPACES}?[%٪％]$", "")
    elif affix == "currency":
        cells = pc.replace_substring_regex(cells, rf"^([+-]?) ?{_CURRENCY}{_SPACES}?", r"\1")
        cells = pc.replace_substring_regex(cells, rf"{_SPACES}?{_CURRENCY}\.?$", "")
    cells = pc.replace_substring_regex(cells, r"^\(([0-9].*)\)$", r"-\1")
    return pc.replace_substring_regex(cells, "([0-9])[\u00a0\u202f\u2009]([0-9])", r"\1 \2")


def to_float64(block: pa.Array, notation: str | None = None) -> tuple[np.ndarray, int | None]:
    """Convert an Arrow array of text or numbers to float64.

    Args:
        block: the cells.
        notation: one of `NUMBERS`; None for plain numbers such as -1.5e3.

    Returns:
        The values, NaN for missing cells, and the position of the first cell that is no finite number (None if all
        are).
    """
    values, bad = _converted(block, notation)
    return values, int(bad.argmax()) if bad.any() else None


def no_numbers(block: pa.Array, notation: str | None = None) -> int:
    """How many cells are no finite numbers and do not say that there is none; see `to_float64`."""
    return int(_converted(block, notation)[1].sum())


def _converted(block: pa.Array, notation: str | None) -> tuple[np.ndarray, np.ndarray]:
    """The values, and which cells are no finite numbers, bool."""
    if pa.types.is_integer(block.type) or pa.types.is_floating(block.type) or pa.types.is_boolean(block.type):
        values = np.asarray(pc.cast(block, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
        return values, np.isinf(values)
    cells = pc.utf8_trim_whitespace(text_block(block))
    missing = pc.is_in(pc.utf8_lower(cells), value_set=pa.array([*MISSING, None], cells.type))
    form = NUMBERS[notation or PLAIN]
    if form != Notation("", "."):
        cells = _bare(cells, form.affix)
    good = pc.fill_null(pc.match_substring_regex(cells, _PATTERNS[form.name]), False)
    bad = np.asarray(pc.invert(pc.or_(good, missing)).to_numpy(zero_copy_only=False), dtype=bool)
    digits = pc.utf8_ltrim(pc.if_else(good, cells, pa.scalar(None, cells.type)), "+")
    if form.thousands:
        digits = pc.replace_substring_regex(digits, "[ '’]" if form.thousands in " '" else f"[{form.thousands}]", "")
    if form.decimal != ".":
        digits = pc.replace_substring(digits, form.decimal, ".")
    values = np.asarray(pc.cast(digits, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    return values, bad | np.isinf(values)


class NumberFacts:
    """Which notations a column of text may still have, narrowed down batch by batch.

    Args:
        decimal: the decimal mark, if it is known.
    """

    def __init__(self, decimal: str | None = None) -> None:
        self.names = [name for name, form in NUMBERS.items() if decimal in (None, form.decimal)]
        self._separated = False
        self._first = True

    def look(self, present: pa.Array, head: int) -> None:
        """Narrow down by cells that are not missing; the first `head` of them settle nearly every column."""
        for cells in (present.slice(0, head), present.slice(head)):
            if not self.names or len(cells) == 0:
                continue
            self._narrow(cells)

    def _narrow(self, cells: pa.Array) -> None:
        percent = pc.all(pc.match_substring_regex(cells, _PERCENT_CELL)).as_py()
        currency = not percent and pc.all(pc.match_substring_regex(cells, _CURRENCY_CELL)).as_py()
        affix = "%" if percent else "currency" if currency else ""
        alive = [name for name in self.names if NUMBERS[name].affix == affix]
        bare = cells if alive == [PLAIN] or not alive else _bare(cells, affix)
        kept = []
        for name in alive:
            source = cells if name == PLAIN else bare
            if pc.all(pc.match_substring_regex(pc.utf8_trim_whitespace(source), _PATTERNS[name])).as_py():
                kept.append(name)
        self.names = kept
        if kept and not self._separated:
            self._separated = pc.any(pc.match_substring_regex(bare, r"[0-9][.,][0-9]")).as_py()

    @property
    def decimals(self) -> set[str]:
        """The decimal marks that the column may have; both if its cells hold none."""
        return {NUMBERS[name].decimal for name in self.names}

    @property
    def sure(self) -> str | None:
        """The decimal mark, where the column's own cells tell it."""
        return next(iter(self.decimals)) if self._separated and len(self.decimals) == 1 else None

    def notation(self, others: Sequence[str]) -> str | None:
        """The notation of the column.

        Args:
            others: the decimal marks that other columns of the file are sure of.

        Returns:
            None if it holds no numbers; two notations joined by "|" where both fit and give different numbers.
        """
        if not self.names:
            return None
        if not self._separated or len(self.decimals) == 1:
            return self._preferred(self.names)
        wanted = set(others)
        if len(wanted) == 1:
            fitting = [name for name in self.names if NUMBERS[name].decimal in wanted]
            return self._preferred(fitting or self.names)
        # 1.234 is read as most programs write it; 1,234 is as often 1234 as 1.234.
        if any(NUMBERS[name] == Notation("", ".", NUMBERS[name].affix) for name in self.names):
            return self._preferred([name for name in self.names if NUMBERS[name].decimal == "."])
        both = [self._preferred([name for name in self.names if NUMBERS[name].decimal == mark]) for mark in ".,"]
        return "|".join(both)

    @staticmethod
    def _preferred(names: Sequence[str]) -> str:
        # The order of the table: without groups before with groups.
        return next(name for name in NUMBERS if name in names)
