"""What texts that were written are worth, and the sections of a report that show it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unroll.metrics.intervals import RESAMPLES, wilson
from unroll.metrics.translation import TextScore, text_scores
from unroll.report import Section, words
from unroll.report.charts import Chart
from unroll.tasks.base import Score
from unroll.tasks.pair_data import Pairs
from unroll.tasks.pair_writer import Forced, PairWriter, Written

#: Texts that the report shows, maps of attention, and words of a text whose map is drawn, at least and at most.
_SHOWN, _MAPS, _DRAWN = 15, 6, (3, 16)
#: Bounds of the groups of lengths, in words of the source.
_LENGTHS = (0, 5, 10, 15, 20, 30, 50)
#: Rows of a group below which a score says nothing.
_FEW = 10


class Judged(NamedTuple):
    """Pairs and what a model makes of them.

    Attributes:
        pairs: sources and references.
        written: the text for each source.
        forced: the same with the true words before every step.
        tokenize: how BLEU cuts texts into words.
    """

    pairs: Pairs
    written: Sequence[Written]
    forced: Forced
    tokenize: str

    def reached(self) -> dict[str, TextScore]:
        """BLEU and chrF, with intervals."""
        return text_scores(self.texts, self.pairs.targets, tokenize=self.tokenize, resamples=RESAMPLES)

    @property
    def texts(self) -> list[str]:
        """What was written."""
        return [one.text for one in self.written]

    @property
    def perplexity(self) -> float:
        """Of the references, with the true words before every step."""
        return perplexity(self.forced)

    def examples(self, title: str, *, names: tuple[str, str, str]) -> Section:
        """Some texts, evenly spread; `names` are those of source, reference and text."""
        rows = []
        for number in np.linspace(0, len(self.written) - 1, min(_SHOWN, len(self.written))).astype(int).tolist():
            texts = self.pairs.sources[number], self.pairs.targets[number], self.written[number].text
            rows.append(dict(zip(names, texts, strict=True)))
        return Section(title, "Some of this part, evenly spread.", rows)

    def maps(self, writer: PairWriter, text: str) -> Section | None:
        """Where the decoder looked while it wrote, for texts that are short enough to be seen."""
        low, high = _DRAWN
        short = [
            number
            for number, source in enumerate(self.pairs.sources)
            if low <= len(source.split()) <= high and self.written[number].tokens
        ]
        if not short:
            return None
        # One of each text: a model that says little has few.
        different = list({self.written[number].text: number for number in reversed(short)}.values())[::-1]
        chosen = [different[at] for at in np.linspace(0, len(different) - 1, min(_MAPS, len(different))).astype(int)]

        def draw() -> list[Chart]:
            found = [writer.attention_map(self.pairs.sources[number], self.written[number]) for number in chosen]
            return [one for one in found if one is not None]

        what = (
            "Each row is a word that was written; the darker a cell, the more the decoder looked at the word above it"
            " while it wrote."
        )
        return Section("Where it looked", f"{what} {text}", charts=draw)

    def by_length(self) -> Section | None:
        """The scores of short and of long sources."""
        lengths = np.array([len(source.split()) for source in self.pairs.sources])
        rows = []
        for low, high in zip(_LENGTHS, (*_LENGTHS[1:], math.inf), strict=True):
            inside = np.flatnonzero((lengths > low) & (lengths <= high))
            if len(inside) >= _FEW:
                texts = [self.written[number].text for number in inside.tolist()]
                reached = text_scores(texts, self.pairs.of(inside).targets, tokenize=self.tokenize)
                name = f"{low + 1} to {high}" if high < math.inf else f"over {low}"
                rows.append({"words": name, "pairs": len(inside), **_shown(reached)})
        if len(rows) < 2:
            return None
        return Section("Short and long texts", "By the words of the source.", rows)

    def gap(self, reached: dict[str, TextScore]) -> Section:
        """What reading the true words instead of its own would change."""
        told = text_scores(self.forced.texts, self.pairs.targets, tokenize=self.tokenize)
        rows = [{"reads": "its own words", **_shown(reached)}, {"reads": "the true words", **_shown(told)}]
        right = words.percent(self.forced.right / self.forced.tokens)
        return Section(
            "Free-running and teacher forcing",
            "In training every step reads the true words before it; in use it reads its own, and a mistake leads to the"
            f" next. With the true words before it, {right} of the next tokens are right, and the texts would be"
            " scored as below; BLEU and chrF everywhere else on this page are of texts that were written freely.",
            rows,
        )


def perplexity(forced: Forced) -> float:
    """Of the true texts, a token and end at a time."""
    return math.exp(min(forced.nats / max(forced.tokens, 1), 700.0))


def signatures(scores: dict[str, TextScore]) -> Section:
    """What another must know to get the same numbers."""
    rows = [{"metric": words.metric_name(name), "signature": score.signature} for name, score in scores.items()]
    return Section("How it was scored", "What sacreBLEU needs to reach the same numbers.", rows)


def exact_match(texts: Sequence[str], references: Sequence[str]) -> Score:
    """The share of texts that are their reference, letter for letter."""
    right = sum(map(str.__eq__, texts, references))
    return Score(right / len(texts), wilson(right, len(texts)))


def as_scores(scores: dict[str, TextScore]) -> dict[str, Score]:
    """Scores as tasks hand them on."""
    return {name: Score(score.value, score.interval) for name, score in scores.items()}


def _shown(scores: dict[str, TextScore]) -> dict[str, float]:
    return {words.metric_name(name): round(score.value, 1) for name, score in scores.items()}
