"""How near captions come to those of people: BLEU of one to four words, and CIDEr-D.

Both compare words in small letters without punctuation.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

#: Words of the longest n-gram.
LONGEST = 4
#: Spread of the penalty for another length, in words, and what a score is multiplied by (Vedantam et al. 2015,
#: section 5.1).
_SIGMA, _SCALE = 6.0, 10.0

#: Letters and digits of any script, with apostrophes between them.
_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")

Grams = Counter[tuple[str, ...]]


def caption_words(text: str) -> list[str]:
    """The words of a caption.

    >>> caption_words("A dog, running!")
    ['a', 'dog', 'running']
    """
    return _WORD.findall(text.lower())


def _grams(words: Sequence[str], n: int) -> Grams:
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))


def bleu(captions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """BLEU-1 to BLEU-4 of a whole set, 0 to 1.

    Source: Papineni, Roukos, Ward, Zhu 2002, "BLEU: a method for automatic evaluation of machine translation", section
    2.3, unsmoothed; the reference length is that of the reference nearest in length, the shorter one of two.

    Args:
        captions: one per picture.
        references: of the same picture, at least one.

    Raises:
        ValueError: there are not as many lists of references as captions, or one is empty.
    """
    _check(captions, references)
    met, total = np.zeros(LONGEST), np.zeros(LONGEST)
    length = wanted = 0
    for caption, own in zip(captions, references, strict=True):
        words, others = caption_words(caption), [caption_words(text) for text in own]
        length += len(words)
        wanted += min((abs(len(other) - len(words)), len(other)) for other in others)[1]
        for n in range(1, LONGEST + 1):
            most: Grams = Counter()
            for other in others:
                most |= _grams(other, n)
            counts = _grams(words, n)
            met[n - 1] += (counts & most).total()
            total[n - 1] += counts.total()
    brevity = 1.0 if length > wanted else math.exp(1 - wanted / max(length, 1)) if length else 0.0
    scores = []
    for n in range(1, LONGEST + 1):
        if not met[:n].all():
            scores.append(0.0)
            continue
        scores.append(float(brevity * np.exp(np.log(met[:n] / total[:n]).mean())))
    return scores


class CiderD:
    """CIDEr-D of captions, with n-grams weighed by how few of a set of pictures have them in a reference.

    Source: Vedantam, Zitnick, Parikh 2015, "CIDEr: consensus-based image description evaluation", sections 3 and 5.1:
    clipped counts, a Gaussian penalty on the difference of lengths (sigma 6), the mean over one to four words,
    times 10.
    Without the stemming that the authors do in words; the common implementation leaves it out, too.

    Args:
        references: the captions of every picture of the set, at least one each.
        words: cuts a caption.

    Raises:
        ValueError: there is no picture.
    """

    def __init__(
        self, references: Sequence[Sequence[str]], words: Callable[[str], Sequence[str]] = caption_words
    ) -> None:
        if not references:
            raise ValueError("CIDEr-D needs references of at least one picture")
        self._words = words
        self._holding: Grams = Counter()
        for own in references:
            cut = [words(text) for text in own]
            self._holding.update({gram for text in cut for n in range(1, LONGEST + 1) for gram in _grams(text, n)})
        self._pictures = math.log(len(references))

    def scores(self, captions: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
        """(N,): the score of each caption against the references of its picture; the score of a set is their mean.

        Raises:
            ValueError: there are not as many lists of references as captions, or one is empty.
        """
        _check(captions, references)
        found = []
        for caption, own in zip(captions, references, strict=True):
            words, others = self._words(caption), [self._words(text) for text in own]
            total = 0.0
            for n in range(1, LONGEST + 1):
                vector = self._vector(words, n)
                for other in others:
                    penalty = math.exp(-((len(words) - len(other)) ** 2) / (2 * _SIGMA**2))
                    total += penalty * self._likeness(vector, self._vector(other, n))
            found.append(_SCALE * total / (LONGEST * len(others)))
        return np.array(found)

    def _vector(self, words: Sequence[str], n: int) -> dict[tuple[str, ...], float]:
        """Counts of n-grams, weighed: what every picture has counts nothing, what none has counts most."""
        return {
            gram: count * (self._pictures - math.log(max(1, self._holding[gram])))
            for gram, count in _grams(words, n).items()
        }

    def _likeness(self, caption: dict[tuple[str, ...], float], other: dict[tuple[str, ...], float]) -> float:
        norm = math.sqrt(sum(v * v for v in caption.values()) * sum(v * v for v in other.values()))
        clipped = sum(min(value, other[gram]) * other[gram] for gram, value in caption.items() if gram in other)
        return clipped / norm if norm else 0.0


def _check(captions: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    if len(captions) != len(references) or not all(references):
        raise ValueError(
            f"expected references for each of {len(captions)} captions, got {len(references)} lists, of which"
            f" {sum(not own for own in references)} are empty"
        )
