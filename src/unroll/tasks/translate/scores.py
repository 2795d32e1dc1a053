"""What a translator is worth, and what shows it."""

from __future__ import annotations

from unroll.tasks.base import Score, Scores
from unroll.tasks.pair_scores import Judged, as_scores, exact_match, signatures
from unroll.tasks.pair_writer import PairWriter


def with_score(metrics: dict[str, Score], judged_by: str) -> dict[str, Score]:
    """The same metrics after "score", the one that a run is judged by."""
    return {"score": metrics[judged_by], **metrics}


def score_translations(judged: Judged, writer: PairWriter, judged_by: str) -> Scores:
    """Metrics with intervals, and the sections that show them; "score" is the one that a run is judged by."""
    reached = judged.reached()
    sections = [
        judged.examples("Translations", names=("source", "reference", "translation")),
        judged.maps(writer, "A dark diagonal is a translation word for word; what leaves it was moved."),
        judged.by_length(),
        judged.gap(reached),
        signatures(reached),
    ]
    exact = exact_match(judged.texts, judged.pairs.targets)
    metrics = {**as_scores(reached), "exact_match": exact, "perplexity": Score(judged.perplexity)}
    return Scores(with_score(metrics, judged_by), [section for section in sections if section is not None])
