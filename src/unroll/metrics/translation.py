"""Scores of written texts against references, as sacreBLEU defines them, and how varied a text is."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from unroll.errors import MissingExtraError
from unroll.metrics.intervals import Interval, bootstrap

#: Texts that are looked at to find out how a language is written.
_LOOKED_AT = 500


#: How sacreBLEU cuts texts into words.
Words = Literal["13a", "zh", "char", "intl", "none"]


class TextScore(NamedTuple):
    """A score of sacreBLEU.

    Attributes:
        value: 0 to 100.
        interval: 95 %, from a bootstrap; None if none was asked for.
        signature: all that another must know to get the same number.
    """

    value: float
    interval: Interval | None
    signature: str


def text_scores(
    hypotheses: Sequence[str], references: Sequence[str], *, tokenize: str, resamples: int = 0
) -> dict[str, TextScore]:
    """BLEU and chrF of a corpus, by sacreBLEU.

    Source: Post 2018, "A call for clarity in reporting BLEU scores"; chrF: Popović 2015.

    Args:
        hypotheses: what was written.
        references: what should have been, one for each.
        tokenize: how BLEU cuts texts into words: "13a", "zh", "char", "intl" or "none".
        resamples: of the bootstrap behind the intervals (Koehn 2004); 0 for none.

    Raises:
        MissingExtraError: sacreBLEU is not installed.
        ValueError: there is nothing to score.
    """
    try:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF
    except ImportError:
        raise MissingExtraError("sacrebleu", "tasks", "scoring translations") from None
    if not hypotheses or len(hypotheses) != len(references):
        raise ValueError(f"text_scores: expected as many texts as references, got {len(hypotheses)}, {len(references)}")
    found = {}
    for name, metric in (("bleu", BLEU(tokenize=tokenize)), ("chrf", CHRF())):
        value = float(metric.corpus_score(list(hypotheses), [list(references)]).score)
        interval = _interval(metric, hypotheses, references, resamples) if resamples else None
        found[name] = TextScore(value, interval, str(metric.get_signature()))
    return found


def _interval(metric: Any, hypotheses: Sequence[str], references: Sequence[str], resamples: int) -> Interval | None:
    """Of a score of sacreBLEU over resampled texts. Its own bootstrap stops where a resample scores exactly zero."""
    counts = np.array(metric._extract_corpus_statistics(list(hypotheses), [list(references)]))

    def score(rows: np.ndarray) -> float:
        return float(metric._compute_score_from_stats(counts[rows].sum(axis=0).tolist()).score)

    return bootstrap(score, len(counts), resamples=resamples)


def word_tokenizer(texts: Sequence[str]) -> Words:
    """The tokenizer of sacreBLEU for a language: "zh" for Han, "char" for kana, "13a" for what is written in words."""
    letters = [unicodedata.name(letter, "").split(" ")[0] for text in texts[:_LOOKED_AT] for letter in text]
    counts = {name: letters.count(name) for name in ("CJK", "HIRAGANA", "KATAKANA")}
    if sum(counts.values()) <= len(letters) / 4:
        return "13a"
    return "char" if counts["HIRAGANA"] + counts["KATAKANA"] > counts["CJK"] / 10 else "zh"


def has_four_words(texts: Sequence[str], tokenize: Words) -> bool:
    """Whether texts are long enough for BLEU, which counts runs of four words: shorter ones score 0 however right."""
    if tokenize in ("zh", "char"):
        lengths = [len("".join(text.split())) for text in texts]
    else:
        lengths = [len(text.split()) for text in texts]
    return bool(lengths) and float(np.mean(lengths)) >= 4


def distinct(texts: Sequence[Sequence[str]], size: int) -> float:
    """The share of n-grams that are different ones: 1 where none comes twice, near 0 for always the same answer.

    Source: Li et al. 2016, "A diversity-promoting objective function for neural conversation models", section 5.2.

    Args:
        texts: each as words.
        size: n.

    Returns:
        0 where there is no n-gram.
    """
    grams = [tuple(words[at : at + size]) for words in texts for at in range(len(words) - size + 1)]
    return len(set(grams)) / len(grams) if grams else 0.0
