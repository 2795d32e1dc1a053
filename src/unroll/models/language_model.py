"""A recurrent language model: each token from those before it.

Shapes: T time, B batch, V vocabulary, I embedding size, H hidden size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from unroll.errors import ConfigError
from unroll.layers import LockedDropout, Stack


class LanguageModel(nn.Module):
    """Embedding, recurrent layers, and a softmax over the vocabulary that may share the embedding.

    Source: Zaremba, Sutskever, Vinyals 2014, "Recurrent neural network regularization"; tied softmax: Press, Wolf
    2017, "Using the output embedding to improve language models", section 3 (with a projection where H differs from
    I).

    Example:
        >>> import torch
        >>> from unroll import LSTMCell
        >>> from unroll.models.encoders import recurrent_stack
        >>> from unroll.models.language_model import LanguageModel
        >>> model = LanguageModel(11, recurrent_stack([(LSTMCell(4, 6),)]))
        >>> logits, state = model(torch.zeros(2, 5, dtype=torch.int64))
        >>> tuple(logits.shape)
        (2, 5, 11)

    Args:
        vocabulary: V, number of tokens.
        body: recurrent layers, batch-first, in one direction.
        tied: whether the softmax uses the embedding's weights.
        dropout_input: probability that a feature of the embedding is hidden for a whole row.
        dropout_output: the same, for the features that enter the softmax.

    Raises:
        ConfigError: the layers are not batch-first.
    """

    def __init__(
        self,
        vocabulary: int,
        body: Stack,
        *,
        tied: bool = True,
        dropout_input: float = 0.0,
        dropout_output: float = 0.0,
    ) -> None:
        super().__init__()
        if not body.batch_first:
            raise ConfigError("LanguageModel: the layers must have batch_first=True")
        size = body.input_size
        self.embedding = nn.Embedding(vocabulary, size)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.drop_input = LockedDropout(dropout_input)
        self.body = body
        self.drop_output = LockedDropout(dropout_output)
        self.tied = tied
        if tied:
            self.project = nn.Identity() if body.output_size == size else nn.Linear(body.output_size, size, bias=False)
            self.bias = nn.Parameter(self.embedding.weight.new_zeros(vocabulary))
        else:
            self.output = nn.Linear(body.output_size, vocabulary)

    def features(self, ids: Tensor, state: Any = None, *, lengths: Tensor | None = None) -> tuple[Tensor, Any]:
        """What the layers make of (B, T) ids: (B, T, H) and the state after each row's last step."""
        y, after = self.body(self.drop_input(self.embedding(ids)), state, lengths=lengths)
        return y, after

    def forward(self, ids: Tensor, state: Any = None, *, lengths: Tensor | None = None) -> tuple[Tensor, Any]:
        """Logits of the token after each.

        Args:
            ids: (B, T) integers in [0, V).
            state: what an earlier call returned, or None for the start of a text.
            lengths: (B,) steps of each row, or None if all have T.

        Returns:
            (B, T, V) logits, and the state after each row's last step.
        """
        y, after = self.features(ids, state, lengths=lengths)
        y = self.drop_output(y)
        if self.tied:
            return functional.linear(self.project(y), self.embedding.weight, self.bias), after
        return self.output(y), after

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.embedding.weight.device

    def step(self, ids_BT: Tensor, state: Any) -> tuple[Tensor, Any]:
        """(B, V) logits of the token after (B, T) ids, and the state after them: what `unroll.decoding` asks for."""
        logits, after = self(ids_BT, state)
        return logits[:, -1], after

    def first_state(self, batch: int) -> Any:
        """The state at the start of a text: zeros, (B, ·) each."""
        return self.body(self.embedding.weight.new_zeros(batch, 0, self.body.input_size))[1]
