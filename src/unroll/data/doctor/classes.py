"""The doctor on the target: its classes, how they are spread, and inputs that give them away."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from unroll.data.doctor.finding import Finding, at_row, counted, share
from unroll.data.table.codes import cell_codes
from unroll.data.table.kinds import Kind
from unroll.data.table.numbers import class_name
from unroll.data.table.splits import Split
from unroll.data.table.table import Table

_RARE = 5
#: What may stand between the names of several labels.
_BETWEEN = re.compile(r"\s*[,;|/+&]\s*|\s+(?:and|und|et|y)\s+|\s+")
_LISTED = 12
#: What people and databases write where they have no class. `none` may be one.
_NO_CLASS = frozenset(("null", "nan", "na", "n/a", "#n/a", "\\n", "-", "--", "?", ".", "<na>", "nat"))
#: A column with more classes than this is text or a number, not a class.
_MAX_CLASSES = 1000


def alike(names: Iterable[str]) -> list[list[str]]:
    """Names of classes that differ in nothing but case, blanks, the composition of their characters, or signs that
    nobody sees.

    >>> alike(["spam", "ham", "Spam", "HAM ", "other"])
    [['spam', 'Spam'], ['ham', 'HAM ']]
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        seen = "".join(sign for sign in unicodedata.normalize("NFKC", name) if unicodedata.category(sign) != "Cf")
        groups.setdefault(" ".join(seen.casefold().split()), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def stand_for_none(names: Iterable[str]) -> list[str]:
    """Names of classes that people and databases write where they have no class.

    >>> stand_for_none(["spam", "NULL", "none", "-"])
    ['NULL', '-']
    """
    return [name for name in names if name.casefold() in _NO_CLASS]


def alike_text(groups: Sequence[Sequence[str]]) -> str:
    """Such classes as a sentence."""
    shown = ", ".join(" and ".join(repr(name[:30]) for name in group) for group in groups[:_LISTED])
    more = f", and {len(groups) - _LISTED} more" if len(groups) > _LISTED else ""
    return f"classes that differ only in case or blanks are learnt apart: {shown}{more}"


def _stripped(names: Sequence[str], codes: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Classes as they are learnt: without blanks around them."""
    known: dict[str, int] = {}
    place = np.array([known.setdefault(name.strip(), len(known)) for name in names], dtype=np.int64)
    return list(known), place[codes] if len(names) else codes


def look_at_names(table: Table, target: str, names: Sequence[str]) -> Iterator[Finding]:
    """Classes that may be one class, or several labels."""
    groups = alike(names)
    if groups:
        yield Finding("warning", alike_text(groups), table.paths[0], None, "write each of them in one way")
    known = set(names)
    for name in names:
        parts = [part.strip() for part in _BETWEEN.split(name)]
        mark = _BETWEEN.search(name)
        if mark is not None and len(parts) > 1 and all(part in known for part in parts):
            text = f"the class {name[:40]!r} may be several labels, as {' and '.join(map(repr, parts[:3]))} are classes"
            sign = mark[0].strip()
            option = f"--set 'data.columns.{target}=labels {sign}' reads it so"
            advice = option if len(sign) == 1 else "if so, write commas between labels (joy,love)"
            yield Finding("warning", text, table.paths[0], None, advice)
            return


def look_at_target(table: Table, target: str, split: Split | None) -> Iterator[Finding]:
    if table.kinds[target] is Kind.SERIES:
        return
    if table.kinds[target] is Kind.LABELS:
        yield from _label_sets(table, target)
        return
    names, codes = _stripped(*cell_codes(table, target))
    if "" in names:
        rows = np.flatnonzero(codes == names.index(""))
        text = f"the target {target!r} is empty in {counted(len(rows), 'row')}"
        yield at_row(table, int(rows[0]), "error", text, "fill the cells or take the rows out")
    if len(names) == 1:
        text = f"the target {target!r} has one class only ({names[0][:40]!r})"
        yield at_row(table, 0, "error", text, "nothing can be learnt from it; name another target column")
        return
    if len(names) > _MAX_CLASSES or len(names) * 2 > len(codes) or _is_measured(table, target, names):
        yield Finding(
            "note", f"target {target!r}: {len(names):,} different values in {counted(len(codes), 'row')}, so no classes"
        )
        return
    names = [class_name(name) for name in names]
    counts = np.bincount(codes, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    listed = ", ".join(f"{names[i][:30]} {counts[i]:,} ({share(int(counts[i]), len(codes))})" for i in order[:_LISTED])
    yield Finding("note", f"target {target!r}: {len(names)} classes: {listed}{', ...' if len(names) > _LISTED else ''}")
    yield from look_at_names(table, target, names)
    for at in map(names.index, stand_for_none(names)):
        text = f"the class {names[at]!r} in {counted(int(counts[at]), 'row')} is what people write for no value"
        row = int(np.flatnonzero(codes == at)[0])
        yield at_row(table, row, "warning", text, "if it is no class of its own, take those rows out")
    rare = [int(i) for i in order if counts[i] < _RARE]
    if rare:
        row = int(np.flatnonzero(codes == rare[-1])[0])
        text = (
            f"{counted(len(rare), 'class', 'classes')} with fewer than {_RARE} rows: "
            f"{', '.join(names[i][:30] for i in rare[:_LISTED])}"
        )
        yield at_row(
            table,
            row,
            "warning",
            text,
            "collect more, merge or leave them out; so few can be neither learnt nor tested",
        )
    if counts.max() > 20 * max(counts.min(), 1) and counts.min() >= _RARE:
        yield Finding(
            "warning",
            f"the largest class has {counts.max() // max(counts.min(), 1)} times the rows of the smallest",
            table.paths[0],
            None,
            "go by macro-F1 rather than accuracy, or use class weights",
        )
    if split is not None:
        yield from _classes_by_part(table, names, codes, split)


def _is_measured(table: Table, column: str, values: Sequence[str]) -> bool:
    """Whether a column of numbers measures something rather than numbering classes."""
    return table.kinds[column] is Kind.NUMBER and (
        len(values) > 200 or any("." in value.removesuffix(".0") for value in values)
    )


def _label_sets(table: Table, target: str) -> Iterator[Finding]:
    counts: dict[str, int] = {}
    several, empty, first_empty = 0, 0, -1
    for row, labels in enumerate(table.labels(target)):
        several += len(labels) > 1
        if not labels:
            empty += 1
            first_empty = row if first_empty < 0 else first_empty
        for label in labels:
            counts[label] = counts.get(label, 0) + 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{name[:30]} {count:,}" for name, count in ranked[:_LISTED])
    text = f"target {target!r}: {len(counts)} labels, {counted(several, 'row')} with several: {listed}"
    yield Finding("note", text + (", ..." if len(ranked) > _LISTED else ""))
    groups = alike(counts)
    if groups:
        yield Finding("warning", alike_text(groups), table.paths[0], None, "write each of them in one way")
    if empty:
        text = f"the target {target!r} has no label in {counted(empty, 'row')}"
        yield at_row(table, first_empty, "note", text, "")
    rare = [name for name, count in ranked if count < _RARE]
    if rare:
        text = f"{counted(len(rare), 'label')} in fewer than {_RARE} rows: {', '.join(rare[:_LISTED])}"
        yield Finding("warning", text, table.paths[0], None, "collect more, merge or leave them out")


def _classes_by_part(table: Table, names: Sequence[str], codes: np.ndarray, split: Split) -> Iterator[Finding]:
    known = set(codes[split.train].tolist())
    for part, rows in (("validation", split.validation), ("test", split.test)):
        if len(rows) == 0:
            continue
        unseen = np.flatnonzero(~np.isin(codes[rows], list(known)))
        if len(unseen):
            row = int(rows[unseen[0]])
            text = (
                f"{counted(len(unseen), 'row')} of {part} have a class that train does not have, first "
                f"{names[codes[row]][:40]!r}"
            )
            yield at_row(table, row, "error", text, "move rows of this class to train, or take them out of " + part)
        absent = [names[code][:30] for code in sorted(known - set(codes[rows].tolist()))]
        if absent:
            text = f"{part} has no row of {counted(len(absent), 'class', 'classes')}: {', '.join(absent[:_LISTED])}"
            yield Finding(
                "warning", text, table.paths[0], None, f"its score says nothing about them; make {part} larger"
            )


def look_at_giveaways(table: Table, target: str, inputs: Sequence[str]) -> Iterator[Finding]:
    """Input columns that name the target: each of their few values goes with one class only."""
    if table.kinds[target] in (Kind.SERIES, Kind.LABELS):
        return
    names, codes = cell_codes(table, target)
    if len(names) > _MAX_CLASSES or len(names) < 2:
        return
    for column in inputs:
        if table.kinds[column] is Kind.SERIES:
            continue
        values, own = cell_codes(table, column)
        if len(values) < 2 or len(values) * 10 > len(codes):
            continue
        pairs = len(np.unique(own.astype(np.int64) * len(names) + codes))
        if pairs == len(values):
            text = (
                f"column {column!r} gives the target {target!r} away: each of its {len(values)} values goes with "
                f"one class"
            )
            yield Finding(
                "warning", text, table.paths[0], None, "leave it out of the inputs, unless it is known when predicting"
            )
