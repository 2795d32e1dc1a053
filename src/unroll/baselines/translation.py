"""Translation without a network: word for word, by a dictionary learnt from the pairs.

Shapes: P pairs of words that stand in a pair of texts together, counted every time; U different ones.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from unroll.data.text.split import split_words

#: Words of a side that have a number of their own.
_WORDS = 50_000
#: Words of a text that are looked at: the pairs of a text grow with the product of its two lengths.
_LONGEST = 100
#: Marks that stand at the word before, and those that stand at the word after.
_CLOSING, _OPENING = re.compile(r" ([.,!?;:%)\]}»…])"), re.compile(r"([(\[{«¿¡]) ")


class WordDictionary:
    """IBM model 1, and each word's likeliest translation.

    Every word of a target text comes from one of the source text's words, or from none, each as likely as the other;
    t(target | source) is found by expectation maximisation (Brown et al. 1993, "The mathematics of statistical machine
    translation", section 4.1 and equation 20). A word is translated by the target word w with the largest t(w | word);
    words come in the order of the source, unknown ones stay as they are.

    Args:
        sources: texts to translate from.
        targets: their translations.
        rounds: of expectation and maximisation.
    """

    def __init__(self, sources: Sequence[str], targets: Sequence[str], *, rounds: int = 5) -> None:
        left = [[word.lower() for word in split_words(text)[:_LONGEST]] for text in sources]
        right = [split_words(text)[:_LONGEST] for text in targets]
        source_ids, target_ids = _numbers(left), _numbers(right)
        words = list(target_ids)
        pairs_of, source_U, target_U, position_P = _pairs(left, right, source_ids, target_ids)
        t_U = np.ones(len(source_U)) / max(1, len(words))
        for _ in range(rounds):
            # The share that each source word has in a target word's place ...
            t_P = t_U[pairs_of]
            share_P = t_P / np.bincount(position_P, t_P)[position_P]
            # ... is counted for the pair of words, and the counts of a source word are made to sum to one.
            count_U = np.bincount(pairs_of, share_P, minlength=len(source_U))
            t_U = count_U / np.bincount(source_U, count_U)[source_U]
        # Of equally likely ones the first in the order of frequency.
        best: dict[int, tuple[float, int]] = {}
        for source, target, t in zip(source_U.tolist(), target_U.tolist(), t_U.tolist(), strict=True):
            if source not in best or (t, -target) > (best[source][0], -best[source][1]):
                best[source] = (t, target)
        self.entries = {word: words[best[number][1]] for word, number in source_ids.items() if number in best}

    def translate(self, texts: Iterable[str]) -> list[str]:
        """Every text word for word."""
        return [join_words([self.entries.get(word.lower(), word) for word in split_words(text)]) for text in texts]


def _numbers(texts: Sequence[Sequence[str]]) -> dict[str, int]:
    counts = Counter(word for words in texts for word in words)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))[:_WORDS]
    return {word: number for number, word in enumerate(ordered)}


def _pairs(
    left: Sequence[Sequence[str]],
    right: Sequence[Sequence[str]],
    source_ids: dict[str, int],
    target_ids: dict[str, int],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every pair of words of a pair of texts.

    Returns:
        (P,) which of the U different pairs it is; (U,) their source words, the number after the last for none; (U,)
        their target words; (P,) the place of the target word among all places of all texts.
    """
    none, width = len(source_ids), max(1, len(target_ids))
    keys, positions, place = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], 0
    for source, target in zip(left, right, strict=True):
        from_S = np.array([none, *(source_ids[word] for word in source if word in source_ids)], np.int64)
        to_T = np.array([target_ids[word] for word in target if word in target_ids], np.int64)
        keys.append((from_S[:, None] * width + to_T).ravel())
        positions.append(np.tile(place + np.arange(len(to_T)), len(from_S)))
        place += len(to_T)
    different, pairs_of = np.unique(np.concatenate(keys), return_inverse=True)
    return pairs_of, different // width, different % width, np.concatenate(positions)


def join_words(words: Sequence[str]) -> str:
    """Words and marks as a text.

    >>> join_words(["Two", "men", "(", "both", "old", ")", "walk", "."])
    'Two men (both old) walk.'
    """
    return _OPENING.sub(r"\1", _CLOSING.sub(r"\1", " ".join(words)))
