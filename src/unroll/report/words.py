"""Numbers and results in words: the same on the page, in the terminal and in tables made by scripts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

#: Names that are not written as their words are.
_NAMES = {
    "mse": "MSE",
    "mae": "MAE",
    "rmse": "RMSE",
    "smape": "sMAPE",
    "mape": "MAPE",
    "mase": "MASE",
    "crps": "CRPS",
    "f1": "F1",
    "auc": "AUC",
    "nll": "NLL",
    "wer": "WER",
    "cer": "CER",
    "bleu": "BLEU",
}

#: Metrics whose names end in these words are shares of 1 and shown in percent.
_SHARES = ("accuracy", "f1", "precision", "recall", "coverage", "auc")


class Baseline(NamedTuple):
    """The baseline that a model is held against: its name and its score entry on the part in question."""

    name: str
    entry: Mapping[str, Any]


def metric_name(name: str) -> str:
    """Return a metric's key as people write it: ``macro_f1`` -> ``macro F1``."""
    return " ".join(_NAMES.get(word, word) for word in name.split("_"))


def is_share(metric: str) -> bool:
    """Whether the metric is a share of 1, which people read in percent."""
    return metric.split("_")[-1] in _SHARES


def metric_value(metric: str, value: float | None) -> str:
    """Return a metric's value as text: shares in percent with one decimal, others with four significant digits."""
    if value is None:
        return "unknown"
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite"
    if is_share(metric):
        return f"{100 * value:.1f}%"
    return number(value)


def number(value: float) -> str:
    """Return a number with four significant digits; whole numbers in full, with commas between thousands."""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}" if abs(value) >= 10_000 else str(int(value))
    text = f"{value:.4g}"
    return f"{value:.0f}" if "e+" in text and abs(value) < 1e9 else text


def interval(metric: str, bounds: tuple[float, float] | list[float] | None) -> str:
    """Return a 95 % interval as ``97.4 to 99.1%``, or an empty string if there is none."""
    if bounds is None:
        return ""
    low, high = metric_value(metric, bounds[0]), metric_value(metric, bounds[1])
    return f"{low.removesuffix('%')} to {high}"


def duration(seconds: float) -> str:
    """Return a time span in the units that people would choose."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def size(amount: float) -> str:
    """Return an amount of bytes in binary units."""
    for unit in ("bytes", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.2f} GiB"


def shown_part(metrics: Mapping[str, Any]) -> str | None:
    """Return the part that results are quoted on: test, else validation, else None."""
    return next((part for part in ("test", "validation") if metrics.get(part)), None)


def best_baseline(metrics: Mapping[str, Any], monitor: str, *, higher_is_better: bool) -> Baseline | None:
    """Return the baseline that is best on validation, with its score on the shown part.

    Where a baseline has no validation score, the one on the shown part stands in for it.
    """
    part = shown_part(metrics)
    found: list[tuple[float, Baseline]] = []
    for name, parts in metrics.get("baselines", {}).items():
        entry = (parts.get(part) or {}).get(monitor)
        if entry is None or entry["value"] is None:
            continue
        chosen_by = (parts.get("validation") or {}).get(monitor, entry)["value"]
        if chosen_by is None:
            continue
        found.append((chosen_by if higher_is_better else -chosen_by, Baseline(name, entry)))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def headline(metrics: Mapping[str, Any], monitor: str, *, higher_is_better: bool) -> tuple[str, str]:
    """Return the result in a sentence, and a second one that holds it against the best baseline, or an empty text.

    The second claims no more than the interval allows.
    """
    part = shown_part(metrics)
    entry = None if part is None else metrics[part].get(monitor)
    if entry is None or entry["value"] is None:
        return "The run holds no score yet.", ""
    value, bounds = entry["value"], entry.get("interval")
    result = f"{sentence_case(metric_name(monitor))} on the {part} part is {metric_value(monitor, value)}"
    result += f" (95% interval {interval(monitor, bounds)})." if bounds else "."
    baseline = best_baseline(metrics, monitor, higher_is_better=higher_is_better)
    if baseline is None:
        return result, ""
    other = baseline.entry["value"]
    named = f"the best baseline, {baseline.name}, at {metric_value(monitor, other)}"
    if value == other:
        return result, f"That is level with {named}."
    if bounds and bounds[0] <= other <= bounds[1]:
        return result, f"That is level with {named}: the difference is within the interval."
    ahead = value > other if higher_is_better else value < other
    return result, f"That is {'better' if ahead else 'worse'} than {named}."


def sentence_case(text: str) -> str:
    """Return the text with its first letter in upper case, unless its first word is an abbreviation such as sMAPE."""
    first = text.split(" ")[0]
    if not first.islower():
        return text
    return text[:1].upper() + text[1:]
