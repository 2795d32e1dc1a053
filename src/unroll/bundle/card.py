"""The model card: what the run is, how good it is beside its baselines, and what it was made from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from unroll.bundle.config import RunConfig
from unroll.report import words


def model_card(
    config: RunConfig, metrics: Mapping[str, Any], about: Mapping[str, Any], notes: Sequence[str] = ()
) -> str:
    """The card as Markdown; texts from data and file names are plain text in it, whatever they hold.

    Args:
        config: the run's config.
        metrics: the content of metrics.json; may be empty.
        about: the content of environment.json; may be empty.
        notes: what was decided on the way, one sentence each.
    """
    lines = [f"# {_plain(config.task)}: {_plain(config.data.path)}", ""]
    lines += [
        f"A model trained by unroll {about.get('packages', {}).get('unroll', '')}".rstrip()
        + f" with seed {config.seed}."
    ]
    if "parameters" in metrics:
        trained = words.duration(metrics.get("seconds") or 0)
        lines += [f"{words.number(metrics['parameters'])} parameters, trained in {trained}."]
    lines += [""]
    if notes:
        lines += ["## Decisions", "", *(f"- {_plain(note)}" for note in notes), ""]
    for split in ("validation", "test"):
        if metrics.get(split):
            lines += [f"## Scores on {split}", "", *_table(split, metrics), ""]
    if about:
        lines += ["## Made with", "", f"- {_plain(about['cpu'])}, {about['threads']} threads, {about['system']}"]
        lines += [f"- Python {about['python']}, " + ", ".join(f"{name} {v}" for name, v in about["packages"].items())]
        lines += [
            f"- data: {_plain(file['name'])}, {file['bytes']:,} bytes, SHA-256 {file['sha256']}"
            for file in about["data"]
        ]
        lines += [""]
    lines += ["## Use", "", "```", "unroll predict RUN_FOLDER INPUT", "```", ""]
    return "\n".join(lines)


def _table(split: str, metrics: Mapping[str, Any]) -> list[str]:
    names = list(words.distinct(metrics[split]))
    rows = [("this model", metrics[split])]
    rows += [(name, scores[split]) for name, scores in metrics.get("baselines", {}).items() if scores.get(split)]
    heads = " | ".join(_plain(words.metric_name(name)) for name in names)
    lines = [f"| | {heads} |", "|---" + "|---:" * len(names) + "|"]
    return lines + [
        f"| {_plain(who)} | " + " | ".join(_cell(name, scores.get(name)) for name in names) + " |"
        for who, scores in rows
    ]


def _cell(metric: str, score: Mapping[str, Any] | None) -> str:
    if score is None or score.get("value") is None:
        return ""
    bounds = words.interval(metric, score.get("interval"))
    return words.metric_value(metric, score["value"]) + (f" ({bounds})" if bounds else "")


def _plain(text: str) -> str:
    """A text that Markdown shows as it is, on one line: no markup, links, table bars or HTML."""
    one_line = " ".join(words.visible(text).split())
    return re.sub(r"([\\`*\[\]|~])|(?<!\w)(_)|(_)(?!\w)", r"\\\1\2\3", escape(one_line, quote=False))
