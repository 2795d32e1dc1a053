"""What a transcriber must be better than: saying the same whatever it hears."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def most_frequent_transcript(texts: Iterable[str]) -> str:
    """The most frequent of some transcripts; of several, the first in order.

    Example:
        >>> most_frequent_transcript(["yes", "no", "no"])
        'no'
    """
    counts = Counter(texts)
    return min(counts, key=lambda text: (-counts[text], text)) if counts else ""
