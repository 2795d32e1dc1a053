"""Scores of a tagger, and the sections that show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unroll.metrics.entities import EntityScores, entity_scores
from unroll.metrics.intervals import bootstrap
from unroll.report import Section, words
from unroll.tasks.base import Score, Scores

_LISTED = 20


class Tagged(NamedTuple):
    """Sentences with their tags and what a tagger says.

    Attributes:
        tokens: of every sentence.
        gold: its tags.
        predicted: what the tagger says.
        known: the words of training; None if a run of an earlier version did not keep them.
    """

    tokens: Sequence[Sequence[str]]
    gold: Sequence[Sequence[str]]
    predicted: Sequence[Sequence[str]]
    known: frozenset[str] | None


def _right(tagged: Tagged) -> tuple[np.ndarray, np.ndarray]:
    """Right tags and tokens of every sentence."""
    right = [sum(map(str.__eq__, a, b)) for a, b in zip(tagged.gold, tagged.predicted, strict=True)]
    return np.array(right, dtype=np.int64), np.array([len(tags) for tags in tagged.gold], dtype=np.int64)


def validation_metrics(tagged: Tagged, *, entities: bool) -> dict[str, float]:
    """ "score", which is entity F1 or else token accuracy, and what it is made of; without intervals."""
    right, total = _right(tagged)
    accuracy = float(right.sum() / max(int(total.sum()), 1))
    if not entities:
        return {"score": accuracy, "token_accuracy": accuracy}
    overall = entity_scores(tagged.gold, tagged.predicted).overall
    return {
        "score": overall.f1,
        "entity_f1": overall.f1,
        "entity_precision": overall.precision,
        "entity_recall": overall.recall,
        "token_accuracy": accuracy,
    }


def score_tags(tagged: Tagged, *, entities: bool, seed: int) -> Scores:
    """Metrics with intervals over resampled sentences, and the sections that show them."""
    right, total = _right(tagged)
    values = validation_metrics(tagged, entities=entities)

    def accuracy(rows: np.ndarray) -> float:
        return float(right[rows].sum() / max(int(total[rows].sum()), 1))

    metrics = {name: Score(value) for name, value in values.items()}
    metrics["token_accuracy"] = Score(values["token_accuracy"], bootstrap(accuracy, len(right), seed=seed))
    sections = [_confusions(tagged)]
    if entities:
        found = entity_scores(tagged.gold, tagged.predicted)

        def f1(rows: np.ndarray) -> float:
            correct, predicted, gold = found.by_row[rows].sum(axis=0)
            return float(2 * correct / max(int(predicted + gold), 1))

        metrics["entity_f1"] = Score(values["entity_f1"], bootstrap(f1, len(right), seed=seed))
        metrics["score"] = metrics["entity_f1"]
        sections.insert(0, _by_type(found))
    else:
        metrics["score"] = metrics["token_accuracy"]
    unknown = _unknown_accuracy(tagged)
    if unknown is not None:
        metrics["unknown_word_accuracy"] = Score(unknown)
    return Scores(metrics, [*sections, _worst(tagged, right, total)])


def _unknown_accuracy(tagged: Tagged) -> float | None:
    """Share of right tags among tokens that training did not have."""
    known = tagged.known
    if known is None:
        return None
    cases = [
        gold == said
        for tokens, a, b in zip(tagged.tokens, tagged.gold, tagged.predicted, strict=True)
        for token, gold, said in zip(tokens, a, b, strict=True)
        if token not in known
    ]
    return sum(cases) / len(cases) if cases else None


def _by_type(found: EntityScores) -> Section:
    rows = [
        {
            "type": kind,
            "precision": words.percent(counts.precision),
            "recall": words.percent(counts.recall),
            "F1": words.percent(counts.f1),
            "entities": counts.gold,
            "predicted": counts.predicted,
        }
        for kind, counts in {**found.by_type, "all": found.overall}.items()
    ]
    return Section("Entities by type", "Exact: same first token, same last token, same type.", rows)


def _confusions(tagged: Tagged) -> Section:
    counts = Counter(
        (gold, said)
        for a, b in zip(tagged.gold, tagged.predicted, strict=True)
        for gold, said in zip(a, b, strict=True)
        if gold != said
    )
    rows = [{"tag": gold, "predicted": said, "tokens": count} for (gold, said), count in counts.most_common(_LISTED)]
    return Section("Most frequent confusions", "Tokens whose tag was predicted wrongly.", rows or None)


def _worst(tagged: Tagged, right: np.ndarray, total: np.ndarray) -> Section:
    wrong = total - right
    rows = []
    for row in np.argsort(-wrong, kind="stable")[:_LISTED]:
        if wrong[row]:
            marked = [
                token if gold == said else f"[{token}: {said}, not {gold}]"
                for token, gold, said in zip(tagged.tokens[row], tagged.gold[row], tagged.predicted[row], strict=True)
            ]
            rows.append({"wrong": int(wrong[row]), "of": int(total[row]), "sentence": " ".join(marked)})
    return Section("Sentences with the most wrong tags", "", rows or None)
