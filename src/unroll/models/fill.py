"""Many-to-one from both sides: which token stands in a gap.

Shapes: T tokens of a row, B rows, N gaps, V vocabulary, I embedding size, H encoder's output size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from unroll.ids import FIRST_ID
from unroll.layers import LockedDropout
from unroll.models.both_ways import BothWays


class GapModel(nn.Module):
    """Scores every token for every position of a row from what stands left and right of it.

    The forwards layers end before the position and the backwards layers begin behind it, so the token itself is masked
    for both by construction and every position of a row is an example in one pass.

    Source: Melamud, Goldberger, Dagan 2016, "context2vec: learning generic context embedding with bidirectional LSTM",
    section 2.2; there with negative sampling, here with the whole softmax, which shares the embedding's weights.

    Example:
        >>> import torch
        >>> from unroll import LSTMCell
        >>> from unroll.models.both_ways import BothWays, one_way
        >>> from unroll.models.fill import GapModel
        >>> encoder = BothWays(one_way(LSTMCell, [4, 6]), one_way(LSTMCell, [4, 6], reverse=True))
        >>> model = GapModel(11, encoder)
        >>> tuple(model.contexts(torch.full((2, 5), 3), torch.tensor([5, 2])).shape)
        (2, 5, 4)

    Args:
        vocabulary: V, padding and unknown included.
        encoder: reads the rows; without its backwards half the model knows only what stands left of a gap.
        dropout: probability that a feature of the embedding, or of a context, is hidden for a whole row.
    """

    def __init__(self, vocabulary: int, encoder: BothWays, *, dropout: float = 0.0) -> None:
        super().__init__()
        size = encoder.input_size
        self.embedding = nn.Embedding(vocabulary, size)
        nn.init.normal_(self.embedding.weight, std=size**-0.5)
        self.drop_input = LockedDropout(dropout)
        self.encoder = encoder
        self.drop_output = LockedDropout(dropout)
        self.project = nn.Linear(encoder.output_size, size)
        self.bias = nn.Parameter(torch.zeros(vocabulary - FIRST_ID))

    def contexts(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """What stands around every position.

        Args:
            ids: (B, T) ids, 0 past a row's end.
            lengths: (B,) tokens of each row.

        Returns:
            (B, T, I), which does not depend on the token at the position itself; past a row's end it means nothing.
        """
        framed = functional.pad(ids, (1, 1))
        before, behind = self.encoder.ways(self.drop_input(self.embedding(framed)), lengths + 2)
        parts = [before[:, :-2]] if behind is None else [before[:, :-2], behind[:, 2:]]
        found: Tensor = self.drop_output(torch.tanh(self.project(torch.cat(parts, dim=-1))))
        return found

    def scores(self, contexts: Tensor) -> Tensor:
        """(N, V - 2) scores of the tokens from id 2 on, of (N, I) contexts."""
        return functional.linear(contexts, self.embedding.weight[FIRST_ID:], self.bias)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """The sum of -log p over all known tokens of (B, T) rows; arguments as `contexts`."""
        known = ids >= FIRST_ID
        scores = self.scores(self.contexts(ids, lengths)[known])
        return functional.cross_entropy(scores, ids[known] - FIRST_ID, reduction="sum")


class GapModels(nn.Module):
    """The model, and beside it the same one that knows only the left side: trained on the same batches, by itself.

    Args:
        both: knows both sides.
        left: knows the left side; None for no comparison.
    """

    def __init__(self, both: GapModel, left: GapModel | None) -> None:
        super().__init__()
        self.both = both
        self.left = left

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """The sum of both losses; they share no weights, so neither moves the other's."""
        total: Tensor = self.both(ids, lengths)
        return total if self.left is None else total + self.left(ids, lengths)
