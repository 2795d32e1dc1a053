"""Answers that are spans of a text.

Shapes: B batch, T tokens of the text, Q tokens of the question, F features of a token, X numbers beside them.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from unroll.cells import CELLS
from unroll.data.text.split import split_words, word_spans
from unroll.data.text.tokens import TokenFeatures
from unroll.models.encoders import RecurrentEncoder, recurrent_stack
from unroll.models.span import SpanReader, Spans, best_spans
from unroll.tasks.answer.questions import Question
from unroll.tasks.answer.reading import Answer
from unroll.tasks.answer.settings import AnswerSettings
from unroll.tasks.parts import NetworkParts, ids, lengths, numbers
from unroll.training import Loss

#: Features of a token, each with a vector; all but the word's are this share of the word's size.
_FEATURES = ("word", "shape", "prefix3", "suffix3")
_SMALL = 4
#: Letters by which two forms of a word are taken for the same.
_STEM = 5
#: Tokens to each side within which it is counted what of the question stands near.
_NEAR = (3, 8, 20)
#: Numbers beside a token: is it in the question, or a form of it; how rare it is; what stands near.
NUMBERS = 3 + len(_NEAR)
#: Tokens of a text that are read, at most.
MAX_TOKENS = 5000


class Passage(NamedTuple):
    """A question about a text as numbers.

    Attributes:
        features: (T, F) of the text.
        numbers: (T, X).
        places: (T, 2), start and end of every token in characters.
        question: (Q, F).
        start: the first token of the answer; -1 where none is known, or it is past what is read.
        end: the last.
    """

    features: np.ndarray
    numbers: np.ndarray
    places: np.ndarray
    question: np.ndarray
    start: int
    end: int

    @property
    def steps(self) -> int:
        """Tokens of the text."""
        return len(self.features)


def _places(question: Question) -> list[tuple[int, int]]:
    return word_spans(question.text)[:MAX_TOKENS] or [(0, 0)]


def _tokens(question: Question, places: Sequence[tuple[int, int]]) -> list[str]:
    return [question.text[start:end] for start, end in places]


class SpanReading:
    """Answers that are spans of a text. Satisfies `Reading`.

    Args:
        features: of tokens.
        rarity: -log of the share of training's texts that hold a word in small letters.
        settings: of the run.
    """

    def __init__(self, features: TokenFeatures, rarity: Mapping[str, float], settings: AnswerSettings) -> None:
        self.features = features
        self.rarity = dict(rarity)
        self._settings = settings
        self._rarest = max(self.rarity.values(), default=1.0)

    @classmethod
    def fitted(cls, questions: Iterable[Question], settings: AnswerSettings) -> SpanReading:
        """Learn the tokens of training."""
        rows = list(questions)
        texts = [split_words(text) for text in sorted({question.text for question in rows})]
        asked = [split_words(question.question) for question in rows]
        features = TokenFeatures.train([*texts, *asked], _FEATURES, min_count=max(2, settings.min_count))
        holding = Counter(word for text in texts for word in {word.lower() for word in text})
        # A word of one text may come in one more that is still to be seen.
        rarity = {word: math.log((1 + len(texts)) / count) for word, count in sorted(holding.items())}
        return cls(features, rarity, settings)

    def network(self) -> SpanReader:
        """A span reader."""
        settings = self._settings
        size = settings.embedding_size
        sizes = [size, *[max(1, size // _SMALL)] * (len(_FEATURES) - 1)]

        def encoder(input_size: int) -> RecurrentEncoder:
            cell, widths = CELLS[settings.encoder], [input_size]
            widths += [2 * settings.hidden_size] * (settings.num_layers - 1)
            pairs = [(cell(width, settings.hidden_size), cell(width, settings.hidden_size)) for width in widths]
            return RecurrentEncoder(recurrent_stack(pairs, dropout=settings.dropout, engine=settings.engine))

        return SpanReader(
            self.features.sizes(),
            sizes,
            NUMBERS,
            encoder(2 * sum(sizes) + NUMBERS),
            encoder(sum(sizes)),
            dropout=settings.dropout,
        )

    def encode(self, question: Question) -> Passage:
        """Its tokens; a text without any has one that is empty."""
        places = _places(question)
        tokens = _tokens(question, places)
        asked = split_words(question.question) or [""]
        start = end = -1
        if question.start >= 0:
            last = question.start + len(question.answers[0])
            covered = [index for index, (a, b) in enumerate(places) if a < last and b > question.start]
            start, end = (covered[0], covered[-1]) if covered else (-1, -1)
        return Passage(
            self.features.encode(tokens).features.astype(np.int64),
            self._numbers(tokens, asked),
            np.array(places, dtype=np.int64),
            self.features.encode(asked).features.astype(np.int64),
            start,
            end,
        )

    def steps(self, question: Question) -> list[str]:
        """The tokens of its text."""
        return _tokens(question, _places(question))

    def _numbers(self, tokens: Sequence[str], asked: Sequence[str]) -> np.ndarray:
        words = [token.lower() for token in tokens]
        wanted = {word.lower() for word in asked if any(map(str.isalnum, word))}
        stems = {word[:_STEM] for word in wanted}
        rare = np.array([self.rarity.get(word, self._rarest) for word in words]) / max(self._rarest, 1.0)
        same = np.array([word in wanted for word in words], dtype=float)
        alike = np.array([word[:_STEM] in stems and any(map(str.isalnum, word)) for word in words], dtype=float)
        total = np.concatenate([[0.0], np.cumsum(rare * alike)])
        at = np.arange(len(words))
        near = [
            total[np.minimum(at + reach + 1, len(words))] - total[np.maximum(at - reach, 0)] - rare * alike
            for reach in _NEAR
        ]
        return np.stack([same, alike, rare, *near], axis=1).astype(np.float32)

    def batch(self, encoded: Sequence[Passage]) -> tuple[Tensor, ...]:
        """(B, T, F), (B, T, X), (B,), (B, Q, F), (B,)."""
        features, lengths = _padded([passage.features for passage in encoded])
        numbers, _ = _padded([passage.numbers for passage in encoded])
        asked, counts = _padded([passage.question for passage in encoded])
        return features, numbers, lengths, asked, counts

    def loss(self, model: nn.Module, encoded: Sequence[Passage], batch: Sequence[Tensor], device: torch.device) -> Loss:
        """Cross-entropy of the first and of the last token, of those whose answer is read."""
        spans = model(*(tensor.to(device) for tensor in batch))
        rows = [row for row, passage in enumerate(encoded) if passage.start >= 0]
        first = [encoded[row].start for row in rows]
        last = [encoded[row].end for row in rows]
        total = -(spans.start[rows, first].sum() + spans.end[rows, last].sum())
        return Loss(total, len(rows), sum(passage.steps for passage in encoded))

    def likeliest(self, said: Spans) -> Tensor:
        """(B,) log-probabilities of the likeliest ends together."""
        return said.start.amax(dim=1) + said.end.amax(dim=1)

    @torch.no_grad()
    def answers(self, network: nn.Module, questions: Sequence[Question], encoded: Sequence[Passage]) -> list[Answer]:
        """The likeliest span of each text, as it stands there."""
        device = next(network.parameters()).device
        spans = network(*(tensor.to(device) for tensor in self.batch(encoded)))
        found = []
        best = best_spans(spans, self._settings.longest)
        for question, passage, start, end, score in zip(
            questions, encoded, best.start.tolist(), best.end.tolist(), best.score.tolist(), strict=True
        ):
            first, last = int(passage.places[start, 0]), int(passage.places[end, 1])
            text = question.text[first:last]
            found.append(Answer(text, {text: math.exp(score)}, first))
        return found

    def network_parts(self, network: nn.Module) -> NetworkParts:
        """From features of tokens to the log-probabilities of where an answer begins and ends, and what of the question
        counts."""
        features = len(_FEATURES)
        known = min(self.features.sizes())
        inputs = {
            "text": ids(known, "batch", "time", features),
            "numbers": numbers("batch", "time", NUMBERS),
            "lengths": lengths("time", "batch"),
            "question": ids(known, "batch", "asked", features),
            "asked_lengths": lengths("asked", "batch"),
        }
        metadata = {
            "unroll.features": self.to_json(),
            "unroll.rarity": json.dumps(self.rarity, ensure_ascii=False),
            "unroll.longest": json.dumps(self._settings.longest),
        }
        return NetworkParts(network, inputs, ("start", "end", "attention"), metadata)

    def to_json(self) -> str:
        """The features of tokens."""
        return self.features.to_json()


def _padded(rows: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(row) for row in rows])
    whole = np.zeros((len(rows), int(lengths.max()), rows[0].shape[1]), dtype=rows[0].dtype)
    for target, row in zip(whole, rows, strict=True):
        target[: len(row)] = row
    return torch.from_numpy(whole), lengths
