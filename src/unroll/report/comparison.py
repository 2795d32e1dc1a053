"""Several runs beside each other: rows for a table, and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from unroll.report import charts, words
from unroll.report.markup import block, bullets, paragraphs, table, text
from unroll.report.page import page_html


class Candidate(NamedTuple):
    """One run in a comparison.

    Attributes:
        name: what tells it from the others.
        metrics: the contents of its metrics.json.
        history: its rows as in `Facts.history`; empty if unknown.
    """

    name: str
    metrics: Mapping[str, Any]
    history: Sequence[Mapping[str, float]] = ()


class Comparison(NamedTuple):
    """Runs of one task on one split.

    Attributes:
        title: what is compared on what.
        monitor: the metric that the order goes by.
        higher_is_better: whether a higher `monitor` is better.
        candidates: the runs.
        notes: what the reader must know: what could not be run, and why; what differs between the runs.
    """

    title: str
    monitor: str
    higher_is_better: bool
    candidates: Sequence[Candidate]
    notes: Sequence[str] = ()


class Row(NamedTuple):
    """One line of the comparison, best first; baselines have neither parameters nor a time."""

    name: str
    entry: Mapping[str, Any]
    parameters: int | None
    seconds: float | None


def comparison_rows(comparison: Comparison) -> list[Row]:
    """Return the runs and the baselines of the first run that has some, best first, on the part that is shown."""
    rows: list[Row] = []
    baselines: Mapping[str, Any] = {}
    part = None
    for candidate in comparison.candidates:
        metrics = candidate.metrics
        part = part or words.shown_part(metrics)
        entry = (metrics.get(part) or {}).get(comparison.monitor) if part else None
        if entry is not None and entry["value"] is not None:
            rows.append(Row(candidate.name, entry, metrics.get("parameters"), metrics.get("seconds")))
        baselines = baselines or metrics.get("baselines", {})
    for name, parts in baselines.items():
        entry = (parts.get(part) or {}).get(comparison.monitor)
        if entry is not None and entry["value"] is not None:
            rows.append(Row(f"baseline: {name}", entry, None, None))
    return sorted(rows, key=lambda row: -row.entry["value"] if comparison.higher_is_better else row.entry["value"])


def comparison_html(comparison: Comparison) -> str:
    """Return the comparison as one self-contained page."""
    monitor = comparison.monitor
    name = words.metric_name(monitor)
    rows = comparison_rows(comparison)
    own = {candidate.name for candidate in comparison.candidates}
    lanes = [
        charts.Lane(row.name, row.entry["value"], _bounds(row.entry), _shown(monitor, row.entry), row.name in own)
        for row in rows
    ]
    bars = any(lane.bounds for lane in lanes)
    lines = [
        {
            "model": row.name,
            name: _shown(monitor, row.entry),
            **({"95% interval": words.interval(monitor, row.entry.get("interval"))} if bars else {}),
            "parameters": row.parameters,
            "training time": "" if row.seconds is None else words.duration(row.seconds),
        }
        for row in rows
    ]
    part = next((words.shown_part(candidate.metrics) for candidate in comparison.candidates), None)
    direction = "higher is better" if comparison.higher_is_better else "lower is better"
    note = f"{words.sentence_case(name)} on the {part} part, {direction}{'; bars are 95% intervals' if bars else ''}."
    lead = f"{rows[0].name} is best: {name} {_shown(monitor, rows[0].entry)}." if rows else "No run holds a score."
    body = [
        f"<header>\n<p class=eyebrow>unroll · compare</p>\n<h1><bdi>{text(comparison.title)}</bdi></h1>\n"
        f"<p class=lead>{text(lead)}</p>\n{paragraphs(_caution(rows))}</header>",
        block("Scores", f"<p class=note>{text(note)}</p>{charts.lanes(lanes)}{table(lines, 'Scores')}"),
        block("Score against cost", _cost_charts(comparison, rows)),
        block("Learning curves", _curves(comparison)),
        block("Notes", bullets(comparison.notes)),
    ]
    return page_html(comparison.title, "\n".join(part for part in body if part))


def _caution(rows: Sequence[Row]) -> str:
    """Say so where the first two cannot be told apart."""
    if len(rows) < 2 or _bounds(rows[0].entry) is None:
        return ""
    low, high = rows[0].entry["interval"]
    level = [row.name for row in rows[1:] if low <= row.entry["value"] <= high]
    if not level:
        return ""
    return f"Within its interval lie also: {', '.join(level)}. This test set cannot tell them apart."


def _cost_charts(comparison: Comparison, rows: Sequence[Row]) -> str:
    name = words.metric_name(comparison.monitor)
    panels = []
    for what, values in (
        ("parameters", [(row.name, row.parameters, row.entry["value"]) for row in rows]),
        ("training seconds", [(row.name, row.seconds, row.entry["value"]) for row in rows]),
    ):
        points = [charts.Point(who, float(x), float(y)) for who, x, y in values if x]
        if len(points) > 1:
            panels.append(charts.scatter_chart(f"{words.sentence_case(name)} by {what}", points, x_label=what))
    return f"<div class=panels>{''.join(panels)}</div>" if panels else ""


def _curves(comparison: Comparison) -> str:
    curves = [
        charts.Curve(
            candidate.name,
            [float(row.get("epoch", index + 1)) for index, row in enumerate(candidate.history)],
            [_finite(row.get(comparison.monitor)) for row in candidate.history],
        )
        for candidate in comparison.candidates[: charts.MOST_CURVES]
        if candidate.history
    ]
    if not curves:
        return ""
    title = f"Validation: {words.metric_name(comparison.monitor)}"
    return charts.line_chart(title, curves, x_label="epoch")


def _shown(monitor: str, entry: Mapping[str, Any]) -> str:
    return words.metric_value(monitor, entry["value"])


def _bounds(entry: Mapping[str, Any]) -> tuple[float, float] | None:
    bounds = entry.get("interval")
    return None if bounds is None or None in bounds else (bounds[0], bounds[1])


def _finite(value: float | None) -> float:
    return float("nan") if value is None else float(value)
