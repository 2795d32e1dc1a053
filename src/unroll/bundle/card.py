"""The model card: what the run is, how good it is beside its baselines, and what it was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unroll.bundle.config import RunConfig


def model_card(
    config: RunConfig, metrics: Mapping[str, Any], about: Mapping[str, Any], notes: Sequence[str] = ()
) -> str:
    """The card as Markdown.

    Args:
        config: the run's config.
        metrics: the content of metrics.json; may be empty.
        about: the content of environment.json; may be empty.
        notes: what was decided on the way, one sentence each.
    """
    lines = [f"# {config.task}: {config.data.path}", ""]
    lines += [
        f"A model trained by unroll {about.get('packages', {}).get('unroll', '')}".rstrip()
        + f" with seed {config.seed}."
    ]
    if "parameters" in metrics:
        lines += [f"{metrics['parameters']:,} parameters, trained in {metrics.get('seconds') or 0:.0f} s."]
    lines += [""]
    if notes:
        lines += ["## Decisions", "", *(f"- {note}" for note in notes), ""]
    for part in ("validation", "test"):
        if metrics.get(part):
            lines += [f"## Scores on {part}", "", *_table(part, metrics), ""]
    if about:
        lines += ["## Made with", "", f"- {about['cpu']}, {about['threads']} threads, {about['system']}"]
        lines += [f"- Python {about['python']}, " + ", ".join(f"{name} {v}" for name, v in about["packages"].items())]
        lines += [
            f"- data: {file['name']}, {file['bytes']:,} bytes, SHA-256 {file['sha256']}" for file in about["data"]
        ]
        lines += [""]
    lines += ["## Use", "", "```", "unroll predict RUN_FOLDER INPUT", "```", ""]
    return "\n".join(lines)


def _table(part: str, metrics: Mapping[str, Any]) -> list[str]:
    names = list(metrics[part])
    rows = [("this model", metrics[part])]
    rows += [(name, scores[part]) for name, scores in metrics.get("baselines", {}).items() if scores.get(part)]
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    return lines + [
        f"| {who} | " + " | ".join(_cell(scores.get(name)) for name in names) + " |" for who, scores in rows
    ]


def _cell(score: Mapping[str, Any] | None) -> str:
    if score is None or score.get("value") is None:
        return ""
    interval = score.get("interval")
    return f"{score['value']:.4g}" + (f" ({interval[0]:.4g} to {interval[1]:.4g})" if interval else "")
