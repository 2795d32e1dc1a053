"""The page: facts in, one self-contained HTML text out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from unroll.report import charts, words
from unroll.report.facts import Facts
from unroll.report.figures import figure_html
from unroll.report.markup import block, bullets, folded, pairs, paragraphs, table, text
from unroll.report.section import Section

#: Keys of a history row that are not validation metrics.
_NOT_METRICS = ("epoch", "step", "loss", "learning_rate", "seconds", "tokens", "tokens_per_second")

#: Learning curves that are shown at once.
_CURVES_SHOWN = 4

#: The page forbids itself to load or run anything, whatever a text in it may hold.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title} · unroll</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def report_html(facts: Facts) -> str:
    """Return the report of a run as one HTML page without scripts or outside links.

    Every text that comes from data, file names or settings is escaped.
    """
    blocks = [
        _header(facts),
        _baselines(facts),
        _learning(facts),
        *(_section(section, index) for index, section in enumerate(facts.sections)),
        _cost(facts),
        block("What was understood", bullets(facts.notes)),
        _environment(facts),
        _config(facts),
        _next_steps(facts),
    ]
    return page_html(facts.name, "\n".join(part for part in blocks if part))


def page_html(title: str, body: str) -> str:
    """Return a whole page around a body of trusted markup."""
    style = resources.files("unroll.report").joinpath("page.css").read_text(encoding="utf-8")
    return _PAGE.format(policy=_POLICY, title=text(title), style=style, body=body)


def _header(facts: Facts) -> str:
    result, verdict = words.headline(facts.metrics, facts.monitor, higher_is_better=facts.higher_is_better)
    cards = []
    part = words.shown_part(facts.metrics)
    if part is not None and facts.monitor in facts.metrics[part]:
        value = facts.metrics[part][facts.monitor]["value"]
        cards.append((words.metric_name(facts.monitor), words.metric_value(facts.monitor, value)))
    baseline = words.best_baseline(facts.metrics, facts.monitor, higher_is_better=facts.higher_is_better)
    if baseline is not None:
        cards.append(("best baseline", words.metric_value(facts.monitor, baseline.entry["value"])))
    if "parameters" in facts.metrics:
        cards.append(("parameters", words.number(facts.metrics["parameters"])))
    if "seconds" in facts.metrics:
        cards.append(("training time", words.duration(facts.metrics["seconds"])))
    shown = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in cards)
    lines = [line for line in (verdict, *facts.remarks) if line]
    second = "".join(f"<p class=verdict>{text(line)}</p>\n" for line in lines)
    return (
        f"<header>\n<p class=eyebrow>unroll · {text(facts.task)} · <bdi>{text(facts.data)}</bdi></p>\n"
        f"<h1><bdi>{text(facts.name)}</bdi></h1>\n<p class=lead>{text(result)}</p>\n{second}"
        f"<dl class=cards>{shown}</dl>\n</header>"
    )


def _baselines(facts: Facts) -> str:
    metrics, monitor = facts.metrics, facts.monitor
    part = words.shown_part(metrics)
    if part is None:
        return ""
    scored = [("this model", metrics[part], True)]
    scored += [(name, parts[part], False) for name, parts in metrics.get("baselines", {}).items() if parts.get(part)]
    lanes = [
        charts.Lane(name, entry["value"], _bounds(entry), words.metric_value(monitor, entry["value"]), own)
        for name, scores, own in scored
        if (entry := scores.get(monitor)) is not None and entry["value"] is not None
    ]
    lanes.sort(key=lambda lane: -lane.value if facts.higher_is_better else lane.value)
    chart = ""
    if lanes:
        what = words.sentence_case(words.metric_name(monitor))
        direction = "higher is better" if facts.higher_is_better else "lower is better"
        bars = "; bars are 95% intervals" if any(lane.bounds for lane in lanes) else ""
        note = f"{what} on the {part} part, {direction}{bars}."
        chart = f"<p class=note>{text(note)}</p>{charts.lanes(lanes)}"
    if len(scored) == 1:
        chart += "<p class=note>No baseline was computed for this run.</p>"
    tables = "".join(_scores_table(shown, metrics) for shown in ("test", "validation"))
    return block("Scores beside the baselines, on the same split", chart + tables)


def _scores_table(part: str, metrics: Mapping[str, Any]) -> str:
    rows = [("this model", metrics.get(part) or {})]
    rows += [(name, parts.get(part) or {}) for name, parts in metrics.get("baselines", {}).items()]
    names = list(dict.fromkeys(name for _, scores in rows for name in scores))
    if not names:
        return ""
    head = "".join(f"<th class=n>{text(words.metric_name(name))}</th>" for name in names)
    lines = []
    for index, (who, scores) in enumerate(rows):
        cells = "".join(f"<td class=n>{_score(name, scores.get(name))}</td>" for name in names)
        own = " class=own" if index == 0 else ""
        lines.append(f'<tr{own}><th scope="row">{text(who)}</th>{cells}</tr>')
    return (
        f"<h3>{text(part.capitalize())} part</h3><div class=scroll><table><thead><tr><th></th>{head}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _score(metric: str, entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "–"
    bounds = words.interval(metric, entry.get("interval"))
    small = f"<small>{text(bounds)}</small>" if bounds else ""
    return f"{text(words.metric_value(metric, entry['value']))}{small}"


def _bounds(entry: Mapping[str, Any]) -> tuple[float, float] | None:
    bounds = entry.get("interval")
    return None if bounds is None or None in bounds else (bounds[0], bounds[1])


def _learning(facts: Facts) -> str:
    history = facts.history
    if not history:
        return ""
    epochs = [float(row.get("epoch", index + 1)) for index, row in enumerate(history)]

    def curve(key: str) -> charts.Curve:
        return charts.Curve(key, epochs, [_finite(row.get(key)) for row in history])

    metrics = list(dict.fromkeys(key for row in history for key in row if key not in _NOT_METRICS))
    metrics.sort(key=lambda name: name != facts.monitor)
    best = None if facts.best_epoch is None else float(facts.best_epoch)
    panels = []
    if any("loss" in row for row in history):
        panels.append(charts.line_chart("Training loss", [curve("loss")], x_label="epoch"))
    for name in metrics:
        title = f"Validation: {words.metric_name(name)}"
        panels.append(charts.line_chart(title, [curve(name)], x_label="epoch", mark=best, mark_label="kept"))
    kept = f"The weights of epoch {facts.best_epoch} were kept. " if facts.best_epoch is not None else ""
    body = f"<p class=note>{text(kept)}Validation is scored as the model will be used.</p>"
    body += f"<div class=panels>{''.join(panels[:_CURVES_SHOWN])}</div>"
    rest = panels[_CURVES_SHOWN:]
    if rest:
        body += folded(f"{len(rest)} more curves", f"<div class=panels>{''.join(rest)}</div>")
    return block("Learning curves", body)


def _finite(value: float | None) -> float:
    """JSON holds what is not a number as null."""
    return float("nan") if value is None else float(value)


def _section(section: Section, index: int) -> str:
    body = paragraphs(section.text)
    if section.figure is not None:
        body += f"<figure>{figure_html(section.figure, index, section.title)}</figure>"
    if section.table:
        body += table(section.table, section.title)
    return block(section.title, body)


def _cost(facts: Facts) -> str:
    rows: list[tuple[str, str]] = []
    if "seconds" in facts.metrics:
        rows.append(("training time", words.duration(facts.metrics["seconds"])))
    if "parameters" in facts.metrics:
        rows.append(("parameters", words.number(facts.metrics["parameters"])))
    rows += [_amount(name, value) for name, value in facts.environment.items() if _is_cost(name)]
    return block("Time and memory", pairs(rows))


def _is_cost(name: str) -> bool:
    return any(word in name for word in ("memory", "seconds", "tokens_per"))


def _amount(name: str, value: object) -> tuple[str, str]:
    shown = name.replace("_bytes", "").replace("_seconds", "").replace("_", " ")
    if isinstance(value, int | float) and "bytes" in name:
        return shown, words.size(value)
    if isinstance(value, int | float) and "seconds" in name:
        return shown, words.duration(value)
    return shown, words.number(value) if isinstance(value, int | float) else str(value)


def _environment(facts: Facts) -> str:
    rows: list[tuple[str, str]] = []
    tables = ""
    for name, value in facts.environment.items():
        if _is_cost(name) or value in (None, [], {}):
            continue
        if isinstance(value, list) and all(isinstance(entry, Mapping) for entry in value):
            tables += f"<h3>{text(words.sentence_case(name))}</h3>{table(value, name)}"
        elif isinstance(value, Mapping):
            rows.append((name, ", ".join(f"{key} {inner}" for key, inner in value.items())))
        else:
            rows.append((name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return block("Environment", pairs(rows) + tables)


def _config(facts: Facts) -> str:
    if not facts.config:
        return ""
    shown = json.dumps(facts.config, indent=2, ensure_ascii=False)
    return block("Config", folded("config.json", f"<pre>{text(shown)}</pre>"))


def _next_steps(facts: Facts) -> str:
    folder, data = shlex.quote(facts.folder), shlex.quote(facts.data)
    config = shlex.quote(facts.folder + "/config.json")
    steps = [
        ("Ask the model", f"unroll predict {folder} --file NEW_DATA"),
        ("Score it on other data", f"unroll evaluate {folder} OTHER_DATA"),
        ("Repeat the run with another seed", f"unroll train {data} --config {config} --seed 1"),
        ("Set other cells beside it on the same split", f"unroll compare {data} --config {config}"),
    ]
    items = "".join(f"<li>{text(what)}<code>{text(command)}</code></li>" for what, command in steps)
    return block("Next steps", paragraphs("\n\n".join(_advice(facts))) + f"<ul class=steps>{items}</ul>")


def _advice(facts: Facts) -> Sequence[str]:
    lines = []
    last = facts.history[-1].get("epoch") if facts.history else None
    if last is not None and last == facts.best_epoch and len(facts.history) > 1:
        lines.append("The best epoch was the last one: the model was still learning. Give it more with --epochs.")
    part = words.shown_part(facts.metrics)
    baseline = words.best_baseline(facts.metrics, facts.monitor, higher_is_better=facts.higher_is_better)
    if part is not None and baseline is not None and facts.monitor in facts.metrics[part]:
        own, other = _finite(facts.metrics[part][facts.monitor]["value"]), baseline.entry["value"]
        if own < other if facts.higher_is_better else own > other:
            lines.append(
                f"The baseline {baseline.name} does better on this split. Before using this model, try another size or"
                " seed, or use the baseline."
            )
    return lines
