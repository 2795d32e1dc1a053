"""A network that is asked about what it read: an answer at every step, or one number at the end.

Shapes: B batch, T time, I input size, H hidden size, V vocabulary, K answers.
"""

from __future__ import annotations

from torch import Tensor, nn

from unroll.layers import GridLSTM, GridLSTM1d, Recurrent, Stack


class Recall(nn.Module):
    """Tokens or numbers in, layers over time, answers out.

    Args:
        layer: batch-first.
        answers: K, how many answers there are to choose from at every step; 1: one number is answered, at the end.
        vocabulary: V, tokens that are read; 0: numbers are read.
    """

    def __init__(self, layer: Recurrent | Stack | GridLSTM, answers: int, *, vocabulary: int = 0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, layer.input_size) if vocabulary else None
        self.layer = layer
        self.output = nn.Linear(layer.output_size, answers)
        self.answers = answers

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, T) tokens or (B, T, I) numbers to (B, T, K) scores, or with one answer to (B,) numbers."""
        y, _ = self.layer(inputs if self.embedding is None else self.embedding(inputs))
        if self.answers == 1:
            number: Tensor = self.output(y[:, -1]).squeeze(1)
            return number
        scores: Tensor = self.output(y)
        return scores


class DepthRecall(nn.Module):
    """The same for what has no time: everything is read at once, by a network that is deep.

    Args:
        layer: reads a whole row.
        answers: K.
    """

    def __init__(self, layer: GridLSTM1d, answers: int) -> None:
        super().__init__()
        self.layer = layer
        self.output = nn.Linear(layer.output_size, answers)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, 1, I) numbers to (B, 1, K) scores."""
        scores: Tensor = self.output(self.layer(inputs))
        return scores
