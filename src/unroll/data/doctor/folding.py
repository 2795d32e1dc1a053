"""Findings that say the same of many columns or series, as one line each."""

from __future__ import annotations

import re
from collections.abc import Iterable

from unroll.data.doctor.finding import Finding

#: Findings of one kind that are listed one by one, at most, and names that stand for the others.
_LISTED, _NAMED = 3, 4
_NAME = re.compile(r"(column|series) ('(?:[^'\\]|\\.)*'|\"[^\"]*\")")
_FIGURES = re.compile(r"\d[\d,.]*|(?<=\d )(values?|rows?|times?|steps?)|'[^']*'")


def folded(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, of those that differ in their column or series alone the first, with the names of the others.

    >>> many = [Finding("warning", f"column 'V{n}': {n} values missing of 20") for n in range(2, 9)]
    >>> folded(many)[0].text
    "column 'V2': 2 values missing of 20; the like in 6 more columns: 'V3', 'V4', 'V5', 'V6', ..."
    """
    kinds: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        named = _NAME.search(finding.text)
        like = _FIGURES.sub("", _NAME.sub(r"\1", finding.text)) if named else finding.text
        kinds.setdefault((finding.level, like, finding.advice), []).append(finding)
    found = []
    for alike in kinds.values():
        names = [match for finding in alike if (match := _NAME.search(finding.text)) is not None]
        others = list(dict.fromkeys(match[2] for match in names[1:]))
        if len(others) < _LISTED:
            found += alike
            continue
        noun = names[0][1] + ("s" if names[0][1] == "column" else "")
        shown = ", ".join(others[:_NAMED]) + (", ..." if len(others) > _NAMED else "")
        found.append(alike[0]._replace(text=f"{alike[0].text}; the like in {len(others):,} more {noun}: {shown}"))
    return found
