"""What a model that answers is worth, and what shows it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unroll.baselines.ngram import NGramModel
from unroll.data.text.split import split_words
from unroll.metrics.translation import distinct
from unroll.tasks.base import Score, Scores
from unroll.tasks.pair_data import Encoded
from unroll.tasks.pair_scores import Judged, as_scores, signatures
from unroll.tasks.pair_writer import PairWriter


def distinct_scores(texts: Sequence[str]) -> dict[str, Score]:
    """How varied answers are: the share of different words, and of different pairs of words."""
    words = [split_words(text) for text in texts]
    return {f"distinct_{size}": Score(distinct(words, size)) for size in (1, 2)}


def score_answers(judged: Judged, writer: PairWriter) -> Scores:
    """Metrics with intervals where there are any, and the sections that show them."""
    reached = judged.reached()
    sections = [
        judged.examples("Answers", names=("said", "true answer", "answer")),
        judged.maps(writer, "An answer repeats little of what was said, so do not expect a diagonal."),
        judged.gap(reached),
        signatures(reached),
    ]
    metrics = {"perplexity": Score(judged.perplexity), **as_scores(reached), **distinct_scores(judged.texts)}
    return Scores(metrics, [section for section in sections if section is not None])


def ngram_perplexity(model: NGramModel, encoded: Encoded) -> float:
    """Of texts that an n-gram model reads without what was said before: a token and end at a time, as the network's."""
    costs = [-model.log_probabilities(np.append(row, 0), np.zeros(1, np.int64)).sum() for row in encoded.targets]
    return float(np.exp(np.sum(costs) / sum(len(row) + 1 for row in encoded.targets)))
