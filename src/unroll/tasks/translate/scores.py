"""What a translator is worth, and what shows it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unroll.metrics.translation import RESAMPLES, TextScore, text_scores
from unroll.report import Section, words
from unroll.report.charts import Chart
from unroll.tasks.base import Score, Scores
from unroll.tasks.pair_data import Pairs
from unroll.tasks.pair_writer import Forced, PairWriter, Written

#: Translations that the report shows, and maps of attention; words of a text whose map is drawn.
_SHOWN, _MAPS, _DRAWN = 15, 6, 22
#: Bounds of the groups of lengths, in words of the source.
_LENGTHS = (0, 5, 10, 15, 20, 30, 50)
#: Rows of a group below which a score says nothing.
_FEW = 10


class Translated(NamedTuple):
    """Pairs and what a translator makes of them.

    Attributes:
        pairs: sources and references.
        written: its translation of each source.
        forced: the same with the true words before every step.
        tokenize: how BLEU cuts texts into words.
    """

    pairs: Pairs
    written: Sequence[Written]
    forced: Forced
    tokenize: str

    def score(self, writer: PairWriter) -> Scores:
        """Metrics with intervals, and the sections that show them."""
        texts = [one.text for one in self.written]
        reached = text_scores(texts, self.pairs.targets, tokenize=self.tokenize, resamples=RESAMPLES)
        metrics = {name: Score(score.value, score.interval) for name, score in reached.items()}
        metrics["perplexity"] = Score(math.exp(min(self.forced.nats / self.forced.tokens, 700.0)))
        sections = [
            self._examples(),
            self._maps(writer),
            self._by_length(),
            self._gap(reached),
            _signatures(reached),
        ]
        return Scores(metrics, [section for section in sections if section is not None])

    def _examples(self) -> Section:
        """Translations, evenly spread."""
        rows = []
        for number in np.linspace(0, len(self.written) - 1, min(_SHOWN, len(self.written))).astype(int).tolist():
            source, target = self.pairs.sources[number], self.pairs.targets[number]
            rows.append({"source": source, "reference": target, "translation": self.written[number].text})
        return Section("Translations", "Some of this part, evenly spread.", rows)

    def _maps(self, writer: PairWriter) -> Section | None:
        """Where the decoder looked while it wrote, for translations that are short enough to be seen."""
        short = [
            number
            for number, source in enumerate(self.pairs.sources)
            if 4 <= len(source.split()) <= _DRAWN and self.written[number].tokens
        ]
        if not short:
            return None
        chosen = [short[at] for at in np.linspace(0, len(short) - 1, min(_MAPS, len(short))).astype(int)]

        def draw() -> list[Chart]:
            maps = [writer.attention_map(self.pairs.sources[number], self.written[number]) for number in chosen]
            return [one for one in maps if one is not None]

        return Section(
            "Where it looked",
            "Each row is a word that was written; the darker a cell, the more the decoder looked at the word above it"
            " while it wrote. A dark diagonal is a translation word for word; what leaves it was moved.",
            charts=draw,
        )

    def _by_length(self) -> Section | None:
        """The scores of short and of long sources."""
        lengths = np.array([len(source.split()) for source in self.pairs.sources])
        rows = []
        for low, high in zip(_LENGTHS, (*_LENGTHS[1:], math.inf), strict=True):
            inside = np.flatnonzero((lengths > low) & (lengths <= high))
            if len(inside) >= _FEW:
                texts = [self.written[number].text for number in inside]
                reached = text_scores(texts, self.pairs.of(inside).targets, tokenize=self.tokenize)
                name = f"{low + 1} to {high}" if high < math.inf else f"over {low}"
                rows.append({"words": name, "pairs": len(inside), **_shown(reached)})
        if len(rows) < 2:
            return None
        return Section("Short and long texts", "By the words of the source.", rows)

    def _gap(self, reached: dict[str, TextScore]) -> Section:
        """What reading the true words instead of its own would change."""
        told = text_scores(self.forced.texts, self.pairs.targets, tokenize=self.tokenize)
        rows = [{"reads": "its own words", **_shown(reached)}, {"reads": "the true words", **_shown(told)}]
        right = words.percent(self.forced.right / self.forced.tokens)
        return Section(
            "Free-running and teacher forcing",
            "In training every step reads the true words before it; in use it reads its own, and a mistake leads to the"
            " next. Every other score on this page is of translations that were written freely. With the true words"
            f" before it, {right} of the next tokens are right.",
            rows,
        )


def _shown(scores: dict[str, TextScore]) -> dict[str, float]:
    return {words.metric_name(name): round(score.value, 1) for name, score in scores.items()}


def _signatures(scores: dict[str, TextScore]) -> Section:
    rows = [{"metric": words.metric_name(name), "signature": score.signature} for name, score in scores.items()]
    return Section("How it was scored", "What sacreBLEU needs to reach the same numbers.", rows)


def plain_scores(texts: Sequence[str], references: Sequence[str], tokenize: str) -> Scores:
    """The metrics of texts that were made without a network, with intervals."""
    reached = text_scores(texts, references, tokenize=tokenize, resamples=RESAMPLES)
    return Scores({name: Score(score.value, score.interval) for name, score in reached.items()})
