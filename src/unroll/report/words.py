"""Numbers and results in words: the same on the page, in the terminal and in tables made by scripts."""

from __future__ import annotations

import math
import re
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
    "owa": "OWA",
    "crps": "CRPS",
    "f1": "F1",
    "auc": "AUC",
    "roc": "ROC",
    "nll": "NLL",
    "wer": "WER",
    "cer": "CER",
    "bleu": "BLEU",
    "nab": "NAB",
    "fp": "FP",
    "fn": "FN",
    "chrf": "chrF",
}

#: Metrics whose names are not made of their words.
_WHOLE = {"cider_d": "CIDEr-D", "bleu_1": "BLEU-1", "bleu_2": "BLEU-2", "bleu_3": "BLEU-3", "bleu_4": "BLEU-4"}

#: Names of cells and methods that the field writes otherwise than options do.
_SPELLINGS = {
    "rnn": "RNN",
    "lstm": "LSTM",
    "gru": "GRU",
    "irnn": "IRNN",
    "kneser-ney": "Kneser-Ney",
    "witten-bell": "Witten-Bell",
    "chrono-lstm": "chrono LSTM",
    "chrono-gru": "chrono GRU",
    "lstm-fcn": "LSTM-FCN",
    "cnn": "CNN",
    "crf": "CRF",
}

#: Metrics whose names end in these words are shares of 1 and shown in percent.
_SHARES = ("accuracy", "auc", "cer", "coverage", "f1", "match", "precision", "recall", "skill", "wer")


#: What some tasks call the metric that they are judged by, whichever of their metrics that is.
_STAND_IN = "score"

#: Characters that act instead of being seen: of terminals, of HTML parsers, and those that turn the direction of
#: writing and so let a text look like another one.
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


class Baseline(NamedTuple):
    """The baseline that a model is held against: its name and its score entry on the split in question."""

    name: str
    entry: Mapping[str, Any]


def visible(text: str) -> str:
    """Return a text whose control characters are seen instead of acting.

    Example:
        >>> visible("a\\x1b[31m\\u202eb")
        'a␛[31m[U+202E]b'
    """
    return _ACTING.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return f"[U+{code:04X}]" if 0x2000 < code < 0x2100 else "\ufffd"


def metric_name(name: str) -> str:
    """Return a metric's key as people write it.

    Example:
        >>> metric_name("macro_f1")
        'macro F1'
    """
    return _WHOLE.get(name) or " ".join(_NAMES.get(word, word) for word in name.split("_"))


def model_name(name: str) -> str:
    """Return the name of a model or baseline as the field writes it.

    Example:
        >>> model_name("7-gram kneser-ney"), model_name("lstm")
        ('7-gram Kneser-Ney', 'LSTM')
    """
    return " ".join(_SPELLINGS.get(word, word) for word in name.split(" "))


def distinct(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Return scores without the entry "score" where another metric is what it stands for.

    Example:
        >>> distinct({"score": 0.5, "entity_f1": 0.5, "token_accuracy": 0.9})
        {'entity_f1': 0.5, 'token_accuracy': 0.9}
    """
    named = plain_metric(scores, _STAND_IN)
    return {name: entry for name, entry in scores.items() if name != _STAND_IN or name == named}


def plain_metric(scores: Mapping[str, Any], metric: str) -> str:
    """Return the metric's name in the field: of "score", the metric that it stands for in these scores.

    Example:
        >>> plain_metric({"score": 0.5, "entity_f1": 0.5, "token_accuracy": 0.9}, "score")
        'entity_f1'
    """
    if metric != _STAND_IN or _STAND_IN not in scores:
        return metric
    return next((name for name in scores if name != metric and scores[name] == scores[metric]), metric)


def is_share(metric: str) -> bool:
    """Whether the metric is a share of 1, which people read in percent."""
    return metric.split("_")[-1] in _SHARES or metric == "calibration_error"


def metric_value(metric: str, value: float | None) -> str:
    """Return a metric's value as text: shares in percent with one decimal, others with four significant digits.

    Example:
        >>> metric_value("entity_f1", 0.2285), metric_value("mase", 1.10734)
        ('22.9%', '1.107')
    """
    if value is None:
        return "unknown"
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite"
    if is_share(metric):
        return percent(value)
    return number(value)


def percent(share: float, digits: int = 1) -> str:
    """Return a share of 1 in percent.

    Example:
        >>> percent(0.98678), percent(0.18, digits=0)
        ('98.7%', '18%')
    """
    return f"{100 * share:.{digits}f}%"


def number(value: float) -> str:
    """Return a number with four significant digits; whole numbers in full, with commas between thousands.

    Example:
        >>> number(1234567), number(0.123456), number(float("nan"))
        ('1,234,567', '0.1235', '–')
    """
    if math.isnan(value):
        return "–"
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}" if abs(value) >= 10_000 else str(int(value))
    text = f"{value:.4g}"
    return f"{value:.0f}" if "e+" in text and abs(value) < 1e9 else text


def interval(metric: str, bounds: tuple[float, float] | list[float] | None) -> str:
    """Return a 95 % interval as text, empty if there is none.

    Example:
        >>> interval("accuracy", (0.974, 0.991))
        '97.4 to 99.1%'
    """
    if bounds is None:
        return ""
    low, high = metric_value(metric, bounds[0]), metric_value(metric, bounds[1])
    return f"{low.removesuffix('%')} to {high}"


def duration(seconds: float) -> str:
    """Return a time span in the units that people would choose.

    Example:
        >>> duration(83.2), duration(7260)
        ('83.2 s', '2 h 1 min')
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def size(amount: float) -> str:
    """Return an amount of bytes in binary units.

    Example:
        >>> size(5 * 2**20)
        '5 MiB'
    """
    for unit in ("bytes", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.2f} GiB"


def shown_part(metrics: Mapping[str, Any]) -> str | None:
    """Return the split that results are quoted on: test, else validation, else None."""
    return next((split for split in ("test", "validation") if metrics.get(split)), None)


def finite(value: float | None) -> float:
    """Return a value of a JSON file, which holds what is not a number as null."""
    return math.nan if value is None else float(value)


def bounds_of(entry: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the interval of a score's entry, or None if it has none or an end of it is unknown."""
    bounds = entry.get("interval")
    return None if bounds is None or None in bounds else (bounds[0], bounds[1])


def best_baseline(metrics: Mapping[str, Any], monitor: str, *, higher_is_better: bool) -> Baseline | None:
    """Return the baseline that is best on validation, with its score on the shown split, which decides among equals.

    Where a baseline has no validation score, the one on the shown split stands in for it.
    """
    split = shown_part(metrics)
    ranked: list[tuple[tuple[float, float], Baseline]] = []
    sign = 1.0 if higher_is_better else -1.0
    for name, splits in metrics.get("baselines", {}).items():
        entry = (splits.get(split) or {}).get(monitor)
        if entry is None or entry["value"] is None:
            continue
        chosen_by = (splits.get("validation") or {}).get(monitor, entry)["value"]
        if chosen_by is None:
            continue
        ranked.append(((sign * chosen_by, sign * entry["value"]), Baseline(name, entry)))
    return max(ranked, key=lambda pair: pair[0])[1] if ranked else None


def score_on(where: str, scores: Mapping[str, Any], metric: str) -> str:
    """Return a metric of some rows in a sentence, or an empty text if they have none.

    Args:
        where: the rows, such as "the test split".
        scores: the rows' entries by metric.
        metric: which of them.
    """
    entry = scores.get(metric)
    if entry is None or entry["value"] is None:
        return ""
    name, bounds = plain_metric(scores, metric), entry.get("interval")
    result = f"{sentence_case(metric_name(name))} on {where} is {metric_value(name, entry['value'])}"
    return result + (f" (95% interval {interval(name, bounds)})." if bounds else ".")


def headline(metrics: Mapping[str, Any], monitor: str, *, higher_is_better: bool) -> tuple[str, str]:
    """Return the result in a sentence, and a second one that holds it against the best baseline, or an empty text.

    The second claims no more than the interval allows.
    """
    split = shown_part(metrics)
    result = "" if split is None else score_on(f"the {split} split", metrics[split], monitor)
    if split is None or not result:
        return "The run holds no score yet.", ""
    value, bounds = metrics[split][monitor]["value"], metrics[split][monitor].get("interval")
    baseline = best_baseline(metrics, monitor, higher_is_better=higher_is_better)
    if baseline is None:
        return result, ""
    other = baseline.entry["value"]
    shown = metric_value(plain_metric(metrics[split], monitor), other)
    named = f"the best baseline, {model_name(baseline.name)}, at {shown}"
    if value == other:
        return result, f"That is level with {named}."
    if bounds and bounds[0] <= other <= bounds[1]:
        return result, f"That is level with {named}: the difference is within the interval."
    ahead = value > other if higher_is_better else value < other
    return result, f"That is {'better' if ahead else 'worse'} than {named}."


def sentence_case(text: str) -> str:
    """Return the text with its first letter in upper case, unless its first word is an abbreviation such as sMAPE.

    Example:
        >>> sentence_case("entity F1"), sentence_case("sMAPE")
        ('Entity F1', 'sMAPE')
    """
    first = text.split(" ")[0]
    if not first.islower():
        return text
    return text[:1].upper() + text[1:]
