"""The report of a run: facts in, one self-contained HTML text out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from unroll.report import words
from unroll.report.charts import Axis, AxisKind, Chart, Curve, Mark, Plot
from unroll.report.facts import Facts
from unroll.report.rendering import render
from unroll.report.scores import score_block
from unroll.report.section import Section
from unroll.report.tables import Table, as_table

#: Keys of a history row that are not validation metrics.
_NOT_METRICS = (
    *("epoch", "step", "steps", "loss", "learning_rate", "seconds", "data_seconds", "exchange_seconds", "sent_bytes"),
    *("tokens", "tokens_per_second"),
)

#: Learning curves that are shown at once.
_CURVES_SHOWN = 6


class Curves(NamedTuple):
    """Learning curves: those shown at once, and those the page folds away."""

    shown: Sequence[Plot]
    rest: Sequence[Plot]


class Drawn(NamedTuple):
    """A section with its charts built."""

    title: str
    text: str
    charts: Sequence[Chart]
    table: Table | None


class Environment(NamedTuple):
    """Machine and versions: names with values, and what is a list of entries as tables."""

    pairs: Sequence[tuple[str, str]]
    tables: Sequence[Table]


def report_html(facts: Facts) -> str:
    """Return the report of a run as one HTML page without scripts or outside links.

    Every text that comes from data, file names or settings is escaped.
    """
    result, verdict = words.headline(facts.metrics, facts.monitor, higher_is_better=facts.higher_is_better)
    return render(
        "report.html",
        {
            "title": facts.name,
            "facts": facts,
            "result": result,
            "verdict": verdict,
            "cards": _cards(facts),
            "scores": score_block(facts.metrics, facts.monitor, higher_is_better=facts.higher_is_better),
            "curves": _learning(facts),
            "sections": [_drawn(section) for section in facts.sections],
            "cost": _cost(facts),
            "environment": _environment(facts.environment),
            "config": json.dumps(facts.config, indent=2, ensure_ascii=False) if facts.config else "",
            "advice": _advice(facts),
            "steps": _next_steps(facts),
        },
    )


def _cards(facts: Facts) -> list[tuple[str, str]]:
    cards = []
    split = words.shown_part(facts.metrics)
    if split is not None and facts.monitor in facts.metrics[split]:
        metric = words.plain_metric(facts.metrics[split], facts.monitor)
        cards.append((words.metric_name(metric), words.metric_value(metric, facts.metrics[split][metric]["value"])))
        baseline = words.best_baseline(facts.metrics, facts.monitor, higher_is_better=facts.higher_is_better)
        if baseline is not None:
            cards.append(("best baseline", words.metric_value(metric, baseline.entry["value"])))
    return cards + _size_and_time(facts.metrics)


def _size_and_time(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = []
    if "parameters" in metrics:
        rows.append(("parameters", words.number(metrics["parameters"])))
    if "seconds" in metrics:
        rows.append(("training time", words.duration(metrics["seconds"])))
    return rows


def _learning(facts: Facts) -> Curves | None:
    history = facts.history
    if not history:
        return None
    epochs = [float(row.get("epoch", index + 1)) for index, row in enumerate(history)]
    epoch_axis = Axis("epoch", AxisKind.WHOLE)
    rows = [words.distinct(row) for row in history]
    watched = words.plain_metric(history[-1], facts.monitor)
    # A metric with a little of the loss, which parts equals when training stops, shows what the metric does.
    metrics = [key for row in rows for key in row if key not in _NOT_METRICS and not key.endswith("_and_loss")]
    metrics = list(dict.fromkeys(metrics))
    metrics.sort(key=lambda name: name != watched)
    plots = []
    if any("loss" in row for row in rows):
        loss = Curve("loss", epochs, [words.finite(row.get("loss")) for row in rows])
        plots.append(Plot("Training loss", [loss], epoch_axis))
    kept = None if facts.best_epoch is None else Mark(float(facts.best_epoch), "kept")
    for name in metrics:
        curve = Curve(name, epochs, [words.finite(row.get(name)) for row in rows])
        value_axis = Axis(kind=AxisKind.SHARE if words.is_share(name) else AxisKind.LINEAR)
        plots.append(Plot(f"Validation: {words.metric_name(name)}", [curve], epoch_axis, value_axis, kept))
    return Curves(plots[:_CURVES_SHOWN], plots[_CURVES_SHOWN:])


def _drawn(section: Section) -> Drawn:
    charts = [] if section.charts is None else section.charts()
    return Drawn(section.title, section.text, charts, as_table(section.table, section.title) if section.table else None)


def _cost(facts: Facts) -> list[tuple[str, str]]:
    amounts = [_amount(name, value) for name, value in facts.environment.items() if _is_cost(name)]
    return _size_and_time(facts.metrics)[::-1] + _data(facts) + _exchange(facts) + amounts


def _data(facts: Facts) -> list[tuple[str, str]]:
    """How long steps of training waited for their rows, and the share of the epochs' time that this was."""
    if not facts.history or not all("data_seconds" in row and "seconds" in row for row in facts.history):
        return []
    waited, spent = (sum(row[name] for row in facts.history) for name in ("data_seconds", "seconds"))
    return [("data", f"{words.duration(waited)}, {words.percent(waited / max(spent, 1e-9))} of the epochs' time")]


def _exchange(facts: Facts) -> list[tuple[str, str]]:
    """How long steps of training took to sum over several processes, and what they sent; nothing for one process."""
    sent, took, spent = (
        sum(row.get(name, 0) for row in facts.history) for name in ("sent_bytes", "exchange_seconds", "seconds")
    )
    if not sent:
        return []
    share, each = words.percent(took / max(spent, 1e-9)), words.size(sent / max(facts.history[-1].get("steps", 0), 1))
    return [("sums over processes", f"{words.duration(took)}, {share} of the epochs' time; {each} sent per step")]


def _is_cost(name: str) -> bool:
    return any(word in name for word in ("memory", "seconds", "tokens_per"))


def _amount(name: str, value: object) -> tuple[str, str]:
    shown = name.replace("_bytes", "").replace("_seconds", "").replace("_", " ")
    if isinstance(value, int | float) and "bytes" in name:
        return shown, words.size(value)
    if isinstance(value, int | float) and "seconds" in name:
        return shown, words.duration(value)
    return shown, words.number(value) if isinstance(value, int | float) else str(value)


def _environment(environment: Mapping[str, Any]) -> Environment:
    pairs: list[tuple[str, str]] = []
    tables: list[Table] = []
    for name, value in environment.items():
        if _is_cost(name) or value in (None, [], {}):
            continue
        if isinstance(value, list) and all(isinstance(entry, Mapping) for entry in value):
            tables.append(as_table(value, words.sentence_case(name)))
        elif isinstance(value, Mapping):
            pairs.append((name, ", ".join(f"{key} {inner}" for key, inner in value.items())))
        else:
            pairs.append((name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return Environment(pairs, tables)


def _next_steps(facts: Facts) -> list[tuple[str, str]]:
    folder, data = shlex.quote(facts.folder), shlex.quote(facts.data)
    config = shlex.quote(facts.folder + "/config.json")
    return [
        ("Ask the model", f"unroll predict {folder} --file NEW_DATA"),
        ("Score it on other data", f"unroll evaluate {folder} OTHER_DATA"),
        ("Repeat the run with another seed", f"unroll train {data} --config {config} --seed 1"),
        ("Set other cells beside it on the same split", f"unroll compare {data} --config {config}"),
    ]


def _advice(facts: Facts) -> list[str]:
    lines = []
    last = facts.history[-1].get("epoch") if facts.history else None
    if last is not None and last == facts.best_epoch and len(facts.history) > 1:
        lines.append("The best epoch was the last one: the model was still learning. Give it more epochs.")
    split = words.shown_part(facts.metrics)
    baseline = words.best_baseline(facts.metrics, facts.monitor, higher_is_better=facts.higher_is_better)
    if split is not None and baseline is not None and facts.monitor in facts.metrics[split]:
        ours, other = words.finite(facts.metrics[split][facts.monitor]["value"]), baseline.entry["value"]
        if ours < other if facts.higher_is_better else ours > other:
            lines.append(
                f"The baseline {words.model_name(baseline.name)} does better on this split. Before using this model,"
                " try another size or seed, or use the baseline."
            )
    return lines
