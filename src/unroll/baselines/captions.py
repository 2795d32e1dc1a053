"""Captions without a model: the most frequent one, and that of the picture that looks most alike.

Shapes: N pictures of training, M pictures, F features of a picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from unroll.data.text.split import split_words


def most_frequent_caption(captions: Sequence[str]) -> str:
    """The caption that comes most often; of several, the one whose words most captions have."""
    counts = Counter(captions)
    most = max(counts.values())
    words = {caption: set(split_words(caption.lower())) for caption in counts}
    holding = Counter(word for caption, own in words.items() for word in own for _ in range(counts[caption]))

    def common(caption: str) -> tuple[float, str]:
        own = words[caption]
        return (-sum(holding[word] for word in own) / max(len(own), 1), caption)

    return min((caption for caption, count in counts.items() if count == most), key=common)


def nearest_pictures(known_NF: np.ndarray, asked_MF: np.ndarray) -> np.ndarray:
    """(M,) the number of the picture of training with the greatest cosine to each; of equals the first."""
    known = known_NF / np.maximum(np.linalg.norm(known_NF, axis=1, keepdims=True), 1e-12)
    asked = asked_MF / np.maximum(np.linalg.norm(asked_MF, axis=1, keepdims=True), 1e-12)
    return np.asarray((asked @ known.T).argmax(axis=1))
