"""Plain values as HTML: the one place where text from data becomes markup."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from unroll.report.words import number

_NUMERIC = re.compile(r"[-+]?\d[\d.,]*( ?(%|ms|s|min))?( to [-+]?\d[\d.,]*%?)?")

#: Tables longer than this are folded away below their first rows.
_ROWS_SHOWN = 25


def text(value: object) -> str:
    """Return a value as HTML text: escaped, control characters as their Unicode pictures, so none acts or vanishes."""
    shown = re.sub(r"[\x00-\x08\x0b-\x1f]", lambda found: chr(0x2400 + ord(found.group())), str(value))
    shown = re.sub(r"[\x7f-\x9f\ud800-\udfff]", "\ufffd", shown)
    return escape(shown)


def block(title: str, body: str) -> str:
    """Return a section of the page, or nothing if it would be empty."""
    return f"<section>\n<h2>{text(title)}</h2>\n{body}\n</section>" if body else ""


def paragraphs(words: str) -> str:
    """Return plain text as paragraphs; an empty line begins the next."""
    return "".join(f"<p>{text(part.strip())}</p>" for part in words.split("\n\n") if part.strip())


def bullets(lines: Sequence[str]) -> str:
    """Return lines as a list."""
    return f"<ul>{''.join(f'<li>{text(line)}</li>' for line in lines)}</ul>" if lines else ""


def pairs(rows: Sequence[tuple[str, str]]) -> str:
    """Return names and values under each other."""
    entries = "".join(f"<dt>{text(name)}</dt><dd><bdi>{text(value)}</bdi></dd>" for name, value in rows)
    return f"<dl class=facts>{entries}</dl>" if rows else ""


def folded(summary: str, body: str) -> str:
    """Return a part that the reader opens."""
    return f"<details><summary>{text(summary)}</summary>{body}</details>"


def table(rows: Sequence[Mapping[str, Any]], label: str = "") -> str:
    """Return rows as a table in the order of the first row's keys; rows beyond the first 25 are folded, not dropped."""
    if not rows:
        return ""
    columns = list(rows[0])
    numeric = {c for c in columns if all(_is_numeric(row.get(c)) for row in rows)}
    marks = {c: " class=n" if c in numeric else "" for c in columns}
    head = "".join(f"<th{marks[c]}>{text(c)}</th>" for c in columns)
    lines = ["<tr>" + "".join(f"<td{marks[c]}>{_cell(row.get(c))}</td>" for c in columns) + "</tr>" for row in rows]

    def part(some: Sequence[str]) -> str:
        body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(some)}</tbody>"
        return f'<div class=scroll><table aria-label="{text(label)}">{body}</table></div>'

    rest = lines[_ROWS_SHOWN:]
    return part(lines[:_ROWS_SHOWN]) + (folded(f"{len(rest)} more rows", part(rest)) if rest else "")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    return f"<bdi>{text(value)}</bdi>"


def _is_numeric(value: object) -> bool:
    """Whether a cell stands well in a column of numbers: a number, one with its unit or interval, or nothing."""
    if isinstance(value, str):
        return not value or _NUMERIC.fullmatch(value) is not None
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
