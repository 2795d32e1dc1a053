"""The linear model beside a classifier's network: what it counts, and how it is fitted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from unroll.data.text.features import CHARACTER, JAMO, WORD, StepFeatures
from unroll.models.wide import GramScores

#: What the run folder calls the vocabulary.
GRAMS = "wide_tokenizer.json"

#: The longest n-gram by unit: for Hangul the letters of three syllables.
_LONGEST = {WORD: 5, CHARACTER: 5, JAMO: 9}
#: Features kept at most, the most frequent first, and weights of all classes; bound memory.
_FEATURES = 400_000
_WEIGHTS = 20_000_000
#: Rows from which an n-gram must be met in three texts, not two, to be kept.
_LARGE = 20_000


def train_grams(texts: Sequence[str], unit: str, classes: int) -> StepFeatures:
    """The n-grams of the train part; of words also the pairs.

    Args:
        texts: the train part.
        unit: "word", "character" or "jamo".
        classes: for which each has a weight.
    """
    return StepFeatures.train(
        texts,
        unit=unit,
        longest=_LONGEST[unit],
        pairs=unit == WORD,
        least=2 if len(texts) < _LARGE else 3,
        most=max(1, min(_FEATURES, _WEIGHTS // classes)),
    )


def fit_grams(
    scores: GramScores,
    texts: Sequence[str],
    features: StepFeatures,
    truth_NK: np.ndarray,
    *,
    exclusive: bool,
    class_weights: Tensor | None,
) -> None:
    """Fit the linear model on the train part.

    Args:
        scores: the model.
        texts: the train part.
        features: its vocabulary.
        truth_NK: (N, K) bool, the classes or labels of the texts.
        exclusive: one class per row; otherwise any number of labels.
        class_weights: (K,) as the network's loss takes them.
    """
    encoded = [features.encode_whole(text) for text in texts]
    scores.fit(
        torch.from_numpy(np.concatenate([steps.ids for steps in encoded]).astype(np.int64)),
        torch.from_numpy(np.concatenate([steps.counts for steps in encoded]).astype(np.int64)),
        torch.from_numpy(truth_NK),
        exclusive=exclusive,
        class_weights=class_weights,
    )
