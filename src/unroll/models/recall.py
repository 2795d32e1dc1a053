"""A network that is asked about what it read: an answer at every step, or one number at the end.

Shapes: B batch, T time, I input size, H hidden size, V vocabulary.
"""

from __future__ import annotations

from torch import Tensor, nn

from unroll.layers import Recurrent


class Recall(nn.Module):
    """Tokens or numbers in, a recurrent layer, answers out.

    Args:
        layer: batch-first.
        vocabulary: V, tokens that are read and answered; 0: numbers are read, and one number is answered.
    """

    def __init__(self, layer: Recurrent, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, layer.input_size) if vocabulary else None
        self.layer = layer
        self.output = nn.Linear(layer.output_size, vocabulary or 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, T) tokens to (B, T, V) scores; (B, T, I) numbers to (B,) numbers."""
        if self.embedding is None:
            y, _ = self.layer(inputs)
            answer: Tensor = self.output(y[:, -1]).squeeze(1)
            return answer
        y, _ = self.layer(self.embedding(inputs))
        scores: Tensor = self.output(y)
        return scores
