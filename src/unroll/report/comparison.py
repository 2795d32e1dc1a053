"""Several runs beside each other: rows for a table, and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from unroll.report import words
from unroll.report.charts import Axis, AxisKind, Curve, Lane, Lanes, Plot, Points
from unroll.report.charts.plot import MOST_COLOURS
from unroll.report.rendering import render
from unroll.report.scores import quoted_on
from unroll.report.tables import as_table


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
    """Return the runs and the baselines of the first run that has some, best first, on the shown split."""
    rows: list[Row] = []
    baselines: Mapping[str, Any] = {}
    split = None
    for candidate in comparison.candidates:
        metrics = candidate.metrics
        split = split or words.shown_part(metrics)
        entry = (metrics.get(split) or {}).get(comparison.monitor) if split else None
        if entry is not None and entry["value"] is not None:
            rows.append(Row(words.model_name(candidate.name), entry, metrics.get("parameters"), metrics.get("seconds")))
        baselines = baselines or metrics.get("baselines", {})
    for name, splits in baselines.items():
        entry = (splits.get(split) or {}).get(comparison.monitor)
        if entry is not None and entry["value"] is not None:
            rows.append(Row(f"baseline: {words.model_name(name)}", entry, None, None))
    return sorted(rows, key=lambda row: -row.entry["value"] if comparison.higher_is_better else row.entry["value"])


def comparison_html(comparison: Comparison) -> str:
    """Return the comparison as one self-contained page."""
    split, scores = next(
        (
            (split, candidate.metrics[split])
            for candidate in comparison.candidates
            if (split := words.shown_part(candidate.metrics)) is not None
        ),
        (None, {}),
    )
    metric = words.plain_metric(scores, comparison.monitor)
    name = words.metric_name(metric)
    rows = comparison_rows(comparison)
    ours = {words.model_name(candidate.name) for candidate in comparison.candidates}
    lanes = [
        Lane(row.name, row.entry["value"], words.bounds_of(row.entry), _shown(metric, row.entry), row.name in ours)
        for row in rows
    ]
    intervals = any(lane.bounds for lane in lanes)
    lines = [
        {
            "model": row.name,
            name: _shown(metric, row.entry),
            **({"95% interval": words.interval(metric, row.entry.get("interval"))} if intervals else {}),
            "parameters": row.parameters,
            "training time": "" if row.seconds is None else words.duration(row.seconds),
        }
        for row in rows
    ]
    return render(
        "compare.html",
        {
            "title": comparison.title,
            "lead": _lead(rows, metric),
            "caution": _caution(rows),
            "note": quoted_on(metric, split, higher_is_better=comparison.higher_is_better, intervals=intervals),
            "lanes": Lanes(lanes),
            "table": as_table(lines, "Scores") if lines else None,
            "cost": _cost(metric, rows),
            "curves": _curves(comparison, metric),
            "notes": comparison.notes,
        },
    )


def _lead(rows: Sequence[Row], metric: str) -> str:
    if not rows:
        return "No run holds a score."
    score = f"{words.metric_name(metric)} {_shown(metric, rows[0].entry)}"
    level = [row.name for row in rows if row.entry["value"] == rows[0].entry["value"]]
    if len(level) == 1:
        return f"{words.sentence_case(level[0])} is best: {score}."
    return f"{words.sentence_case(', '.join(level[:-1]))} and {level[-1]} are level: {score}."


def _caution(rows: Sequence[Row]) -> str:
    """Say so where the first two cannot be told apart."""
    bounds = words.bounds_of(rows[0].entry) if len(rows) > 1 else None
    if bounds is None:
        return ""
    level = [row.name for row in rows[1:] if bounds[0] <= row.entry["value"] <= bounds[1]]
    if not level:
        return ""
    return f"Within its interval lie also: {', '.join(level)}. This test set cannot tell them apart."


def _cost(metric: str, rows: Sequence[Row]) -> list[Plot]:
    """The score against each kind of cost that at least two runs have."""
    plots = []
    for what, costs in (
        ("parameters", [row.parameters for row in rows]),
        ("training seconds", [row.seconds for row in rows]),
    ):
        known = [
            (row.name, float(cost), float(row.entry["value"])) for row, cost in zip(rows, costs, strict=True) if cost
        ]
        if len(known) > 1:
            names, xs, ys = zip(*known, strict=True)
            title = f"{words.sentence_case(words.metric_name(metric))} by {what}"
            plots.append(Plot(title, [Points("", xs, ys, names)], Axis(what, AxisKind.LOG), _value_axis(metric)))
    return plots


def _curves(comparison: Comparison, metric: str) -> list[Plot]:
    """The validation scores of all runs on the same axes."""
    curves = [
        Curve(
            words.model_name(candidate.name),
            [float(row.get("epoch", index + 1)) for index, row in enumerate(candidate.history)],
            [words.finite(row.get(comparison.monitor)) for row in candidate.history],
        )
        for candidate in comparison.candidates[:MOST_COLOURS]
        if candidate.history
    ]
    title = f"Validation: {words.metric_name(metric)}"
    return [Plot(title, curves, Axis("epoch", AxisKind.WHOLE), _value_axis(metric))] if curves else []


def _value_axis(metric: str) -> Axis:
    return Axis(kind=AxisKind.SHARE if words.is_share(metric) else AxisKind.LINEAR)


def _shown(metric: str, entry: Mapping[str, Any]) -> str:
    return words.metric_value(metric, entry["value"])
