"""A recurrent network that writes while it looks at a memory: states of an encoder, sentences, or cells of an image.

Shapes: B batch, T time, S places of the memory, M features of a place, E embedding size, H features of the layers, F
features before the softmax, V vocabulary, Z features of a summary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from unroll.cells import GRUCell, LSTMCell, RNNCell
from unroll.errors import ConfigError
from unroll.layers import Attention, Memory, Recurrent, Stack
from unroll.models.softmax import softmax_cost

#: A step of a loop with input feeding.
_Step = Callable[[Tensor, Tensor, Any], tuple[Tensor, Any]]


class Writing(NamedTuple):
    """Where a decoder stands, with everything it reads beside its own tokens.

    Attributes:
        memory: what it looks at.
        layers: the state of each layer.
        attended: (B, F), what the last step made of its output and of what it looked at.
        weights: (B, S), how the last step looked at the memory.
    """

    memory: Memory
    layers: tuple[Any, ...]
    attended: Tensor
    weights: Tensor


class Steps(NamedTuple):
    """What a decoder makes of some tokens.

    Attributes:
        features: (B, T, F), what enters the softmax.
        weights: (B, T, S), how every step looked at the memory.
        state: after each row's last step; past a row's end `attended` and `weights` mean nothing.
    """

    features: Tensor
    weights: Tensor
    state: Writing


class AttentionDecoder(nn.Module):
    """Embedding, recurrent layers, attention to a memory, softmax: each token from those before it and the memory.

    Source: Luong, Pham, Manning 2015, "Effective approaches to attention-based neural machine translation", section 3.1
    (equation 5 for the attentional state; the global approach) and 3.3 (input feeding); the first states from a summary
    of what is remembered: Bahdanau, Cho, Bengio 2015, appendix A.2.2.

    Example:
        >>> import torch
        >>> from unroll import LSTMCell
        >>> from unroll.layers import Attention
        >>> from unroll.models.attention_decoder import AttentionDecoder
        >>> from unroll.models.encoders import recurrent_stack
        >>> decoder = AttentionDecoder(11, recurrent_stack([(LSTMCell(4, 6),)]), Attention(6, 8), summary_size=8)
        >>> cells = torch.randn(2, 5, 8)
        >>> state = decoder.start(cells, cells.mean(1), torch.tensor([5, 3]))
        >>> steps = decoder(torch.zeros(2, 7, dtype=torch.int64), state)
        >>> tuple(steps.features.shape), tuple(steps.weights.shape)
        ((2, 7, 4), (2, 7, 5))

    Args:
        vocabulary: V.
        body: recurrent layers in one direction, batch-first, each a `Recurrent`. They take E features, with input
            feeding E + F; F = E.
        attention: from H to M features.
        summary_size: Z.
        carried_size: features that a place carries along, see `Attention.remember`.
        embedding: the tokens' vectors, which another part may share; new ones of E if None.
        input_feeding: whether a step also reads what the step before made of what it looked at.
        tied: whether the softmax uses the tokens' vectors.
        dropout: probability that a feature of the tokens' vectors, or one that enters the softmax, is hidden.

    Raises:
        ConfigError: the parts do not fit together.
    """

    def __init__(
        self,
        vocabulary: int,
        body: Stack,
        attention: Attention,
        *,
        summary_size: int,
        carried_size: int = 0,
        embedding: nn.Embedding | None = None,
        input_feeding: bool = False,
        tied: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        layers = list(body.layers)
        if not body.batch_first or not all(isinstance(layer, Recurrent) and not layer.reverse for layer in layers):
            raise ConfigError("AttentionDecoder: expected batch-first layers, each a Recurrent that runs forwards")
        if attention.query_size != body.output_size:
            raise ConfigError(
                f"AttentionDecoder: the attention takes queries of {attention.query_size} features and the layers give"
                f" {body.output_size}"
            )
        size = body.input_size // 2 if input_feeding else body.input_size
        if embedding is None:
            embedding = new_embedding(vocabulary, size)
        if embedding.weight.shape != (vocabulary, size) or (input_feeding and body.input_size != 2 * size):
            raise ConfigError(
                f"AttentionDecoder: with input_feeding={input_feeding}, layers that take {body.input_size} features"
                f" need vectors of {size} for {vocabulary} tokens, got {tuple(embedding.weight.shape)}"
            )
        self.embedding = embedding
        self.body = body
        self.attention = attention
        self.input_feeding = input_feeding
        self.first = nn.ModuleList(
            nn.Linear(summary_size, sum(layer.cell.state_sizes().values()))
            for layer in layers
            if isinstance(layer, Recurrent)
        )
        self.carried_size = carried_size
        self.mix = nn.Linear(body.output_size + attention.memory_size + carried_size, size)
        self.drop_input = nn.Dropout(dropout)
        self.drop_output = nn.Dropout(dropout)
        self.scale = vector_scale(size)
        self.weight = embedding.weight if tied else nn.Parameter(new_embedding(vocabulary, size).weight.detach())
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def _layers(self) -> list[Recurrent]:
        return [layer for layer in self.body.layers if isinstance(layer, Recurrent)]

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.bias.device

    def start(
        self,
        values: Tensor,
        summary: Tensor,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        carried: Tensor | None = None,
    ) -> Writing:
        """The state before the first token.

        Args:
            values: (B, S, M), what is to be looked at.
            summary: (B, Z), what the first states are made from.
            lengths: (B,), places of each row; None if all have S.
            mask: (B, S) bool, true where there is something to see; None for everywhere.
            carried: (B, S, `carried_size`), what comes with a place and is not compared; None where that size is 0.
        """
        memory = self.attention.remember(values, lengths, mask, carried=carried)
        states = []
        for layer, first in zip(self._layers(), self.first, strict=True):
            cell = layer.cell
            parts = torch.split(torch.tanh(first(summary)), list(cell.state_sizes().values()), dim=-1)
            states.append(cell.State(*parts))
        attended = summary.new_zeros(summary.shape[0], self.mix.out_features)
        return Writing(memory, tuple(states), attended, summary.new_zeros(memory.mask.shape))

    def forward(self, ids_BT: Tensor, state: Writing, *, lengths: Tensor | None = None) -> Steps:
        """Read tokens: all at once without input feeding, one after the other with it.

        Args:
            ids_BT: (B, T) integers in [0, V), T at least 1.
            state: what `start` or an earlier call returned.
            lengths: (B,) steps of each row, or None if all have T.
        """
        x_BTE = self.drop_input(self.embedding(ids_BT) * self.scale)
        memory, layers, attended, weights = state
        if not self.input_feeding:
            y_BTH, layers = self.body(x_BTE, layers, lengths=lengths)
            attended_BTF, weights_BTS = self._attend(y_BTH, memory)
            after = Writing(memory, layers, attended_BTF[:, -1], weights_BTS[:, -1])
            return Steps(self.drop_output(attended_BTF), weights_BTS, after)
        made, looked = [], []
        x_steps, step = self._fed(x_BTE)
        for x in x_steps.unbind(dim=1):
            y, layers = step(x, attended, layers)
            attended, weights = self._attend(y, memory)
            # What is fed is what the softmax sees.
            attended = self.drop_output(attended)
            made.append(attended)
            looked.append(weights)
        after = Writing(memory, layers, attended, weights)
        return Steps(torch.stack(made, dim=1), torch.stack(looked, dim=1), after)

    def _fed(self, x_BTE: Tensor) -> tuple[Tensor, _Step]:
        """What goes into a loop with input feeding, and its step: (B, ·), (B, F), states -> (B, H), states.

        Where the equation begins with a product of the input, that of the tokens' vectors is taken for all steps at
        once, and the loop runs the equation itself: a scan of a single step costs more than it saves.
        """
        layers = self._layers()
        cells = [layer.cell for layer in layers]
        plain = all(
            isinstance(cell, RNNCell) or (isinstance(cell, LSTMCell | GRUCell) and not cell.layer_norm)
            for cell in cells
        )
        noisy = any(layer.run(x_BTE[:, :1], None).noise for layer in layers)
        # Whoever captures the network for another program wants the layers as layers.
        if not plain or self.body.residual or noisy or torch.compiler.is_exporting():

            def whole(x: Tensor, attended: Tensor, states: Any) -> tuple[Tensor, Any]:
                y_B1H, after = self.body(torch.cat([x, attended], dim=-1).unsqueeze(1), states)
                return y_B1H.squeeze(1), after

            return x_BTE, whole
        params = [layer.own_parameters() for layer in layers]
        of_tokens, of_fed = torch.split(params[0]["weight_ih"], x_BTE.shape[2], dim=1)

        def step(x: Tensor, attended: Tensor, states: Any) -> tuple[Tensor, Any]:
            projected = torch.addmm(x, attended, of_fed.t())
            after = []
            for number, (cell, own, state) in enumerate(zip(cells, params, states, strict=True)):
                done = cell.step(own, projected, state, {})
                after.append(done.state)
                if number + 1 < len(cells):
                    projected = cells[number + 1].project(params[number + 1], self.body.dropout(done.output))
            return done.output, tuple(after)

        return cells[0].project({**params[0], "weight_ih": of_tokens}, x_BTE), step

    def _attend(self, y: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        mean, weights = self.attention(y, memory)
        return torch.tanh(self.mix(torch.cat([y, mean], dim=-1))), weights

    def logits(self, features: Tensor) -> Tensor:
        """(..., V) from (..., F)."""
        return functional.linear(features, self.weight, self.bias)

    def step(self, ids_BT: Tensor, state: Writing) -> tuple[Tensor, Writing]:
        """(B, V) logits of the token after (B, T) ids, and the state after them: what `unroll.decoding` asks for."""
        steps = self(ids_BT, state)
        return self.logits(steps.features[:, -1]), steps.state

    def cost(self, target_BT: Tensor, lengths: Tensor, state: Writing, *, smoothing: float = 0.0) -> Tensor:
        """The summed cost of texts and their ends, each token read by the step after it (teacher forcing).

        Args:
            target_BT: (B, T) tokens of the texts; 0, which begins and ends every text, past a row's end.
            lengths: (B,) tokens of each text, without its end.
            state: what `start` returned.
            smoothing: of the labels, see `softmax_cost`.
        """
        steps = self(functional.pad(target_BT, (1, 0)), state, lengths=lengths + 1)
        wanted_BT = functional.pad(target_BT, (0, 1))
        real_BT = torch.arange(wanted_BT.shape[1], device=wanted_BT.device) <= lengths.to(wanted_BT.device).unsqueeze(1)
        return softmax_cost(steps.features[real_BT], self.weight, self.bias, wanted_BT[real_BT], smoothing)


def watched(state: Writing) -> Tensor:
    """How the last step looked at the memory, (B, S): what `beam_search` asks for."""
    return state.weights


def vector_scale(size: int) -> float:
    """What tokens' vectors are multiplied by where they are read.

    Layers want features of about one, a tied softmax wants smaller ones, and what an optimiser changes in a step is the
    same for both; so the vectors begin half way between one and the inverse square root of their size, by factors
    (Vaswani et al. 2017, "Attention is all you need", section 3.4, begin at the latter).
    """
    return math.sqrt(math.sqrt(size))


def new_embedding(vocabulary: int, size: int) -> nn.Embedding:
    """Vectors of tokens that have features of about one after `vector_scale`."""
    embedding = nn.Embedding(vocabulary, size)
    nn.init.normal_(embedding.weight, std=1 / vector_scale(size))
    return embedding
