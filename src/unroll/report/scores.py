"""A run's scores beside its baselines', as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from unroll.report import words
from unroll.report.charts import Lane, Lanes


class Shown(NamedTuple):
    """A score as people read it, and its interval; empty if it has none."""

    value: str
    interval: str


class Line(NamedTuple):
    """What one model or baseline scores, an entry for each metric."""

    name: str
    scores: Sequence[Shown]


class ScoreTable(NamedTuple):
    """All scores of one split; the model's own line is the first."""

    title: str
    metrics: Sequence[str]
    lines: Sequence[Line]


class ScoreBlock(NamedTuple):
    """The page's block of scores.

    Attributes:
        note: what the chart shows.
        lanes: the quoted metric of the model and of every baseline, best first.
        alone: whether there is no baseline.
        tables: every metric, a table for each split.
    """

    note: str
    lanes: Lanes
    alone: bool
    tables: Sequence[ScoreTable]


def score_block(metrics: Mapping[str, Any], monitor: str, *, higher_is_better: bool) -> ScoreBlock | None:
    """Return the scores of a run, or None if it holds none."""
    split = words.shown_part(metrics)
    if split is None:
        return None
    metric = words.plain_metric(metrics[split], monitor)
    scored = [("this model", metrics[split], True)]
    scored += [
        (name, splits[split], False) for name, splits in metrics.get("baselines", {}).items() if splits.get(split)
    ]
    lanes = [
        Lane(
            words.model_name(name),
            entry["value"],
            words.bounds_of(entry),
            words.metric_value(metric, entry["value"]),
            ours,
        )
        for name, scores, ours in scored
        if (entry := scores.get(monitor)) is not None and entry["value"] is not None
    ]
    lanes.sort(key=lambda lane: -lane.value if higher_is_better else lane.value)
    note = quoted_on(metric, split, higher_is_better=higher_is_better, intervals=any(lane.bounds for lane in lanes))
    tables = [table for name in ("test", "validation") if (table := _score_table(name, metrics)) is not None]
    return ScoreBlock(note, Lanes(lanes), len(scored) == 1, tables)


def quoted_on(metric: str, split: str | None, *, higher_is_better: bool, intervals: bool) -> str:
    """Return what a chart of scores shows, in a sentence.

    Example:
        >>> quoted_on("mase", "test", higher_is_better=False, intervals=True)
        'MASE on the test split, lower is better; bars are 95% intervals.'
    """
    direction = "higher is better" if higher_is_better else "lower is better"
    bars = "; bars are 95% intervals" if intervals else ""
    return f"{words.sentence_case(words.metric_name(metric))} on the {split} split, {direction}{bars}."


def _score_table(split: str, metrics: Mapping[str, Any]) -> ScoreTable | None:
    rows = [("this model", words.distinct(metrics.get(split) or {}))]
    rows += [(name, words.distinct(splits.get(split) or {})) for name, splits in metrics.get("baselines", {}).items()]
    names = list(dict.fromkeys(name for _, scores in rows for name in scores))
    if not names:
        return None
    lines = [Line(words.model_name(who), [_shown(name, scores.get(name)) for name in names]) for who, scores in rows]
    return ScoreTable(f"{split.capitalize()} split", [words.metric_name(name) for name in names], lines)


def _shown(metric: str, entry: Mapping[str, Any] | None) -> Shown:
    if entry is None:
        return Shown("–", "")
    return Shown(words.metric_value(metric, entry["value"]), words.interval(metric, entry.get("interval")))
