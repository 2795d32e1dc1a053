"""Scores of a transcriber, and the sections that show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from unroll.metrics.edits import Edits, Pair, align_units, count_edits
from unroll.metrics.intervals import bootstrap
from unroll.report import Section, words
from unroll.tasks.base import Score, Scores

_LISTED = 20
#: How an empty place of an alignment is shown.
_NOTHING = "–"


class Transcribed(NamedTuple):
    """Recordings with their transcripts and what a transcriber says.

    Attributes:
        gold: the transcripts.
        said: what the transcriber says.
        names: what each recording is called.
    """

    gold: Sequence[str]
    said: Sequence[str]
    names: Sequence[str]


def _rate(edits: Sequence[Edits], rows: np.ndarray | None = None) -> float:
    errors = np.array([one.errors for one in edits])
    units = np.array([one.units for one in edits])
    if rows is not None:
        errors, units = errors[rows], units[rows]
    return float(errors.sum() / max(int(units.sum()), 1))


def plain_metrics(gold: Sequence[str], said: Sequence[str]) -> dict[str, float]:
    """Word and letter error rates, without intervals."""
    by_word = [count_edits(align_units(a.split(), b.split())) for a, b in zip(gold, said, strict=True)]
    by_letter = [count_edits(align_units(a, b)) for a, b in zip(gold, said, strict=True)]
    return {"wer": _rate(by_word), "cer": _rate(by_letter)}


def score_transcripts(done: Transcribed, *, seed: int) -> Scores:
    """Metrics with intervals over resampled recordings, and the sections that show them."""
    word_pairs = [align_units(a.split(), b.split()) for a, b in zip(done.gold, done.said, strict=True)]
    letter_pairs = [align_units(a, b) for a, b in zip(done.gold, done.said, strict=True)]
    by_word, by_letter = [count_edits(own) for own in word_pairs], [count_edits(own) for own in letter_pairs]

    def interval(statistic: Callable[[np.ndarray], float]) -> tuple[float, float] | None:
        return bootstrap(statistic, len(done.gold), seed=seed)

    right = np.array([a == b for a, b in zip(done.gold, done.said, strict=True)])
    metrics = {
        "wer": Score(_rate(by_word), interval(lambda rows: _rate(by_word, rows))),
        "cer": Score(_rate(by_letter), interval(lambda rows: _rate(by_letter, rows))),
        "word_accuracy": Score(1 - _rate(by_word), interval(lambda rows: 1 - _rate(by_word, rows))),
        "whole_accuracy": Score(float(right.mean()), interval(lambda rows: float(right[rows].mean()))),
    }
    sections = [_kinds(by_word, by_letter), _confusions("Words taken for others", "words", word_pairs)]
    # Where every word is one letter, the letters would say the same again.
    if [list(own) for own in word_pairs] != [list(own) for own in letter_pairs]:
        sections.append(_confusions("Letters taken for others", "letters", letter_pairs))
    return Scores(metrics, [*sections, _worst(done, word_pairs, by_word)])


def _kinds(by_word: Sequence[Edits], by_letter: Sequence[Edits]) -> Section:
    rows = []
    for name, edits in (("words", by_word), ("letters", by_letter)):
        units = max(sum(one.units for one in edits), 1)
        counts = {
            "taken for others": sum(one.substitutions for one in edits),
            "missing": sum(one.deletions for one in edits),
            "too many": sum(one.insertions for one in edits),
        }
        shown = {kind: f"{count:,} ({words.percent(count / units)})" for kind, count in counts.items()}
        rows.append({"of": name, "spoken": units, **shown, "error rate": words.percent(_rate(edits))})
    text = (
        "WER and CER: what is taken for others, missing or too many, in the alignment with the fewest errors, by the"
        " number of words or letters spoken."
    )
    return Section("Errors by kind", text, rows)


def _confusions(title: str, unit: str, pairs: Sequence[Sequence[Pair]]) -> Section:
    counts = Counter(pair for own in pairs for pair in own if pair.reference != pair.hypothesis)
    spoken = Counter(pair.reference for own in pairs for pair in own if pair.reference)
    rows = [
        {
            "spoken": _shown(pair.reference),
            "understood": _shown(pair.hypothesis),
            "times": count,
            "of": spoken[pair.reference] if pair.reference else _NOTHING,
        }
        for pair, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_LISTED]
    ]
    text = f"{_NOTHING} among the spoken {unit}: one too many; among the understood ones: one that is missing."
    return Section(title, text if rows else f"None: all {unit} are right.", rows or None)


def _shown(unit: str) -> str:
    return "(space)" if unit == " " else unit or _NOTHING


def _worst(done: Transcribed, pairs: Sequence[Sequence[Pair]], edits: Sequence[Edits]) -> Section:
    wrong = np.array([one.errors for one in edits])
    rows = []
    for row in np.argsort(-wrong, kind="stable")[:_LISTED]:
        if wrong[row]:
            rows.append({"recording": done.names[row], "wrong": int(wrong[row]), "alignment": marked(pairs[row])})
    text = "In brackets what was understood and what was spoken."
    return Section("Recordings with the most wrong words", text if rows else "None: all are right.", rows or None)


def marked(pairs: Sequence[Pair]) -> str:
    """An alignment of words as a line: what is right as it is, errors in brackets."""
    parts = []
    for pair in pairs:
        if pair.reference == pair.hypothesis:
            parts.append(pair.reference)
        elif not pair.hypothesis:
            parts.append(f"[missing: {pair.reference}]")
        elif not pair.reference:
            parts.append(f"[too many: {pair.hypothesis}]")
        else:
            parts.append(f"[{pair.hypothesis}, not {pair.reference}]")
    return " ".join(parts)
