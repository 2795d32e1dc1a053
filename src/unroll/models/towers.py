"""Many-to-one from several readings of the same row, each with an encoder of its own: a text as tokens, read by layers
that were trained before, and beside it as words with their n-grams.

Shapes: T time, B batch, E features of one step before the encoder, P pooled features, K classes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from unroll.layers import LockedDropout
from unroll.models.classifier import Decision, ManyToOne, SeriesSteps, TextSteps
from unroll.models.ensemble import SeriesEnsemble
from unroll.models.pooling import JoinedPooling


class TokenSteps(nn.Module):
    """From token numbers to vectors.

    Args:
        embedding: the tokens' vectors.
        dropout: probability that a number of the vectors is hidden for a whole row.
    """

    def __init__(self, embedding: nn.Embedding, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = embedding
        self.dropout = LockedDropout(dropout)

    def forward(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) numbers and (B,) lengths to (B, T, E) and the lengths."""
        return self.dropout(self.embedding(ids)), lengths


class Tower(nn.Module):
    """Steps, encoder, pooling: one reading of a row.

    Args:
        steps: from a batch's tensors to (B, T, E) and lengths.
        encoder: (B, T, E), lengths -> `Encoded`.
        pooling: `Encoded` -> (B, P).
        inputs: how many tensors of a batch the steps take.
    """

    def __init__(
        self, steps: TokenSteps | TextSteps | SeriesSteps, encoder: nn.Module, pooling: JoinedPooling, inputs: int
    ) -> None:
        super().__init__()
        self.steps = steps
        self.encoder = encoder
        self.pooling = pooling
        self.inputs = inputs
        self.output_size = pooling.output_size

    def forward(self, *batch: Tensor) -> Tensor:
        """(B, P)."""
        pooled: Tensor = self.pooling(self.encoder(*self.steps(*batch)))
        return pooled


class TowersToOne(nn.Module):
    """Towers side by side, dropout, one linear layer.

    Args:
        towers: in the order of their tensors in a batch.
        decision: from scores to probabilities.
        classes: K.
        dropout: probability that a pooled feature is hidden in training.
    """

    def __init__(self, towers: Sequence[Tower], decision: Decision, classes: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.towers = nn.ModuleList(towers)
        self._inputs = [0, *itertools.accumulate(tower.inputs for tower in towers)]
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(sum(tower.output_size for tower in towers), classes)
        self.decision = decision

    def tower(self, index: int) -> Tower:
        """One of the towers."""
        return cast(Tower, self.towers[index])

    def forward(self, *batch: Tensor) -> Tensor:
        """(B, K) scores (logits) of a batch's tensors, those of the first tower first."""
        parts = [
            tower(*batch[start:end])
            for tower, (start, end) in zip(self.towers, itertools.pairwise(self._inputs), strict=True)
        ]
        scores: Tensor = self.head(self.dropout(torch.cat(parts, dim=-1)))
        return scores


#: What reads the steps of a classifier, without and with a run that it started from, and several side by side.
Deep = ManyToOne | TowersToOne | SeriesEnsemble
