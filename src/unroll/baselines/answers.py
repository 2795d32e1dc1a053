"""Answers without a model: the most frequent one, and the one that stands where the question's words are near.

Shapes: T words of a text.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from unroll.data.text.split import split_words, word_spans

#: Words that a text holds in at least this share of all texts carry no meaning and begin no answer.
_COMMON = 0.25
#: Words of a span, at most, and to each side of it within which the question's words count.
_LONGEST, _REACH = 5, 10


def most_frequent(answers: Iterable[str]) -> str:
    """The answer that comes most often; of several, the first in the alphabet."""
    counts = Counter(answers)
    return min(counts, key=lambda answer: (-counts[answer], answer)) if counts else ""


class SlidingWindow:
    """The answer whose words, with those of the question, are densest in some window of the text.

    Source: Richardson, Burges, Renshaw 2013, "MCTest: a challenge dataset for the open-domain machine comprehension of
    text", section 4.1, algorithm 1, without its distance part: a window has as many words as answer and question
    together, and a word counts log(1 + 1/C), C its number in the text.

    Args:
        answers: of training; those are chosen from, the most frequent first where windows are equal.
    """

    def __init__(self, answers: Iterable[str]) -> None:
        counts = Counter(answers)
        ordered = sorted(counts, key=lambda answer: (-counts[answer], answer))
        self._candidates = [(answer, frozenset(_words(answer))) for answer in ordered]

    def answer(self, text: str, question: str) -> str:
        """The best of the answers."""
        words = _words(text)
        counts = Counter(words)
        weights = np.array([math.log1p(1 / counts[word]) for word in words])
        asked = frozenset(_words(question))
        best, reached, strange = "", -1.0, False
        for answer, own in self._candidates:
            known = bool(own & counts.keys())
            # Of answers that are not in the text one is enough: they are all the same to the window.
            if strange and not known:
                continue
            strange = strange or not known
            wanted = own | asked
            score = _densest(weights * np.array([word in wanted for word in words]), len(wanted))
            if score > reached + 1e-12:
                best, reached = answer, score
        return best


def _densest(weights: np.ndarray, size: int) -> float:
    """The greatest sum of so many neighbours."""
    total = np.concatenate([[0.0], np.cumsum(weights)])
    size = min(size, len(weights))
    return float((total[size:] - total[: len(total) - size]).max()) if len(weights) else 0.0


class WindowSpan:
    """The span of a text about which most of the question's words stand.

    Spans are runs of words that are not in the question and not common. The question's words count as above, the less
    the further they stand from the span.

    Args:
        texts: of training, by which it is told which words are common.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        different = set(texts)
        holding = Counter(word for text in different for word in set(_words(text)))
        self._common = {word for word, count in holding.items() if count >= max(2, _COMMON * len(different))}

    def answer(self, text: str, question: str) -> str:
        """The best span, as it stands in the text; empty where there is none."""
        places = word_spans(text)
        words = [text[start:end].lower() for start, end in places]
        counts = Counter(words)
        asked = {word for word in _words(question) if word not in self._common}
        weights = np.array([math.log1p(1 / counts[word]) if word in asked else 0.0 for word in words])
        at = np.arange(len(words))
        best, reached = "", -1.0
        for start, end in self._spans(words, asked):
            distance = np.maximum(np.maximum(start - at, at - end + 1), 0)
            score = float((weights * np.maximum(1 - distance / (_REACH + 1), 0)).sum())
            if score > reached:
                best, reached = text[places[start][0] : places[end - 1][1]], score
        return best

    def _spans(self, words: Sequence[str], asked: set[str]) -> list[tuple[int, int]]:
        found, start = [], None
        for at, word in enumerate([*words, ""]):
            inside = any(map(str.isalnum, word)) and word not in self._common and word not in asked
            if inside and start is None:
                start = at
            if start is not None and (not inside or at - start == _LONGEST):
                found.append((start, at))
                start = at if inside else None
        return found


def _words(text: str) -> list[str]:
    return [word.lower() for word in split_words(text) if any(map(str.isalnum, word))]
