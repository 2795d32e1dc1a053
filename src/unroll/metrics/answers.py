"""How near an answer comes to what counts as right: exact match and F1 of words, as SQuAD measures them."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_MARKS = str.maketrans("", "", string.punctuation)


def normalised(answer: str) -> str:
    """An answer in small letters, without punctuation and articles, with single spaces.

    Source: Rajpurkar, Zhang, Lopyrev, Liang 2016, "SQuAD: 100,000+ questions for machine comprehension of text",
    section 6.1; the steps and their order are those of its evaluation script.

    >>> normalised("The  Eiffel-Tower!")
    'eiffeltower'
    """
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_MARKS)).split())


def exact_match(answer: str, truths: Sequence[str]) -> bool:
    """Whether it is one of those that count as right, normalised; not without any."""
    return normalised(answer) in {normalised(truth) for truth in truths}


def word_f1(answer: str, truths: Sequence[str]) -> float:
    """The harmonic mean of the share of its words that are right and that of the right ones that it has: of the best
    of those that count as right; 0 without any.

    >>> word_f1("in the garden", ["garden", "the park"])
    0.6666666666666666
    """
    words = normalised(answer).split()
    return max((_f1(words, normalised(truth).split()) for truth in truths), default=0.0)


def _f1(words: Sequence[str], truth: Sequence[str]) -> float:
    common = (Counter(words) & Counter(truth)).total()
    if not words or not truth:
        return float(words == truth)
    return 2 * common / (len(words) + len(truth))
