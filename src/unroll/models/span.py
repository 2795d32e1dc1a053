"""A question about a text, answered by a span of it.

Shapes: B batch, T tokens of the text, Q tokens of the question, F features of a token, X numbers beside them, E size of
a token's vector, H features after the encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.models.encoders import RecurrentEncoder


class Spans(NamedTuple):
    """Scores of where an answer begins and ends.

    Attributes:
        start: (B, T) log probabilities; minus the greatest number in the padding.
        end: (B, T), of its last token.
        attention: (B, Q), how much each token of the question counts.
    """

    start: Tensor
    end: Tensor
    attention: Tensor


class Best(NamedTuple):
    """The best spans of some rows.

    Attributes:
        start: (B,).
        end: (B,), the last token.
        score: (B,), its log probability.
    """

    start: Tensor
    end: Tensor
    score: Tensor


class SpanReader(nn.Module):
    """The text read with its likeness to the question beside every token; the question as one weighted mean; two
    bilinear scores.

    Source: Chen, Fisch, Weston, Bordes 2017, "Reading Wikipedia to answer open-domain questions", section 3.2, without
    vectors that were trained elsewhere: every feature of a token (its word, its shape, its affixes) has a vector.

    Args:
        features: how many ids each of the F features has.
        sizes: the size of each feature's vector; they stand side by side.
        numbers: X.
        text: the encoder of the text, batch-first, from 2 E + X features: the tokens, what of the question each is
            like, and the numbers.
        question: the encoder of the question, batch-first, from E features.
        dropout: of vectors and features.

    Raises:
        ConfigError: an encoder does not fit the sizes.
    """

    def __init__(
        self,
        features: Sequence[int],
        sizes: Sequence[int],
        numbers: int,
        text: RecurrentEncoder,
        question: RecurrentEncoder,
        *,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        size = sum(sizes)
        expected = (2 * size + numbers, size)
        if (text.stack.input_size, question.stack.input_size) != expected:
            raise ConfigError(
                f"SpanReader: the encoders must take {expected[0]} and {expected[1]} features, got"
                f" {text.stack.input_size} and {question.stack.input_size}"
            )
        self.tables = nn.ModuleList(
            nn.Embedding(count, width, padding_idx=0) for count, width in zip(features, sizes, strict=True)
        )
        self.alike = nn.Linear(size, size)
        self.text = text
        self.question = question
        self.weigh = nn.Linear(question.output_size, 1)
        self.start = nn.Linear(text.output_size, question.output_size, bias=False)
        self.end = nn.Linear(text.output_size, question.output_size, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, text_BTF: Tensor, numbers_BTX: Tensor, lengths_B: Tensor, question_BQF: Tensor, asked_B: Tensor
    ) -> Spans:
        """Score every place.

        Args:
            text_BTF: feature ids.
            numbers_BTX: float, such as whether the token is in the question.
            lengths_B: tokens of every text, at least 1.
            question_BQF: feature ids.
            asked_B: tokens of every question, at least 1.
        """
        text_BTE, question_BQE = self._vectors(text_BTF), self._vectors(question_BQF)
        seen = torch.arange(question_BQE.shape[1], device=asked_B.device) < asked_B.unsqueeze(1)
        # The aligned question: of all its tokens the mean by likeness to the token of the text (their section 3.2).
        likeness_BTQ = self.alike(text_BTE).relu() @ self.alike(question_BQE).relu().transpose(1, 2)
        least = torch.finfo(likeness_BTQ.dtype).min
        aligned_BTE = likeness_BTQ.masked_fill(~seen.unsqueeze(1), least).softmax(dim=-1) @ question_BQE
        y_BTH = self.dropout(self.text(torch.cat((text_BTE, aligned_BTE, numbers_BTX), dim=-1), lengths_B).y)
        asked_BQH = self.dropout(self.question(question_BQE, asked_B).y)
        weights_BQ = self.weigh(asked_BQH).squeeze(-1).masked_fill(~seen, least).softmax(dim=-1)
        wanted_BH = (weights_BQ.unsqueeze(1) @ asked_BQH).squeeze(1)
        inside = torch.arange(y_BTH.shape[1], device=lengths_B.device) < lengths_B.unsqueeze(1)
        scores = [
            (look(y_BTH) @ wanted_BH.unsqueeze(-1)).squeeze(-1).masked_fill(~inside, least).log_softmax(dim=-1)
            for look in (self.start, self.end)
        ]
        return Spans(scores[0], scores[1], weights_BQ)

    def _vectors(self, ids: Tensor) -> Tensor:
        found = torch.cat([table(ids[..., index]) for index, table in enumerate(self.tables)], dim=-1)
        dropped: Tensor = self.dropout(found)
        return dropped


def best_spans(spans: Spans, longest: int) -> Best:
    """The likeliest span of every row, of at most so many tokens.

    Args:
        spans: of the rows.
        longest: tokens, at least 1.
    """
    steps = spans.start.shape[1]
    t = torch.arange(steps, device=spans.start.device)
    allowed = (t.unsqueeze(0) >= t.unsqueeze(1)) & (t.unsqueeze(0) < t.unsqueeze(1) + longest)
    scores = spans.start.unsqueeze(2) + spans.end.unsqueeze(1)
    score, place = scores.masked_fill(~allowed, -torch.inf).flatten(1).max(dim=1)
    return Best(place // steps, place % steps, score)
