"""Attention: a weighted mean of what is remembered, by how well each part fits a question.

Shapes: T queries, B batch, S places of the memory, H features of a query, M features of a place, A features in which
both are compared.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import torch
from torch import Tensor, nn

from unroll.errors import ConfigError


class Score(Enum):
    """How well a place of the memory fits a query.

    ADDITIVE: v . tanh(W q + U m), Bahdanau, Cho, Bengio 2015, appendix A.1.2.
    DOT: q . m, Luong, Pham, Manning 2015, equation 8; H = M.
    GENERAL: q . W m, the same equation.
    """

    ADDITIVE = "additive"
    DOT = "dot"
    GENERAL = "general"


class Memory(NamedTuple):
    """What is looked at, with everything that does not depend on the query computed once.

    Every part has the batch first, so that rows are chosen and repeated as those of any state.

    Attributes:
        values: (B, S, M), what is averaged; M and more where something was carried along.
        keys: (B, S, A), what queries are compared with.
        mask: (B, S) bool, true where there is something to see.
    """

    values: Tensor
    keys: Tensor
    mask: Tensor


class Attention(nn.Module):
    """Weights over the places of a memory that sum to one, and the mean of its values under them.

    A row without any place to see gives a mean of zeros under weights of zero.

    Example:
        >>> import torch
        >>> from unroll.layers import Attention, Score
        >>> attention = Attention(4, 6, score=Score.ADDITIVE, size=5)
        >>> memory = attention.remember(torch.randn(2, 7, 6), torch.tensor([7, 3]))
        >>> mean, weights = attention(torch.randn(2, 4), memory)
        >>> tuple(mean.shape), tuple(weights.shape), weights[1, 3:].tolist()
        ((2, 6), (2, 7), [0.0, 0.0, 0.0, 0.0])

    Args:
        query_size: H.
        memory_size: M.
        score: how a place is compared with a query.
        size: A, of the additive score; the others compare in H features.

    Raises:
        ConfigError: a size is below 1, or the sizes do not fit the score.
    """

    def __init__(
        self, query_size: int, memory_size: int, *, score: Score = Score.GENERAL, size: int | None = None
    ) -> None:
        super().__init__()
        if min(query_size, memory_size, 1 if size is None else size) < 1:
            raise ConfigError(f"Attention: sizes must be at least 1, got {query_size}, {memory_size} and {size}")
        if score is Score.DOT and query_size != memory_size:
            raise ConfigError(
                f"Attention: the dot score needs queries of the size of the memory, got {query_size} and"
                f" {memory_size}; use Score.GENERAL"
            )
        if size is not None and score is not Score.ADDITIVE:
            raise ConfigError(f"Attention: size belongs to the additive score, not to {score.value}; leave it out")
        self.query_size = query_size
        self.memory_size = memory_size
        self.score = score
        compared = (size or query_size) if score is Score.ADDITIVE else query_size
        self.key = nn.Identity() if score is Score.DOT else nn.Linear(memory_size, compared, bias=False)
        if score is Score.ADDITIVE:
            self.query = nn.Linear(query_size, compared)
            self.energy = nn.Parameter(torch.empty(compared).uniform_(-(compared**-0.5), compared**-0.5))

    def extra_repr(self) -> str:
        return f"{self.query_size}, {self.memory_size}, score={self.score.value}"

    def remember(
        self,
        values: Tensor,
        lengths: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        carried: Tensor | None = None,
    ) -> Memory:
        """What `forward` looks at.

        Args:
            values: (B, S, M).
            lengths: (B,) integers in [0, S], places that a row has; None if all have S.
            mask: (B, S) bool, true where there is something to see; None for everywhere. A place must be in both.
            carried: (B, S, ·), averaged with the values and not compared; None for nothing.

        Raises:
            ValueError: a shape is wrong.
        """
        if values.dim() != 3 or values.shape[2] != self.memory_size:
            raise ValueError(
                f"Attention: values must have shape (B, S, M) with M = {self.memory_size}, got {tuple(values.shape)}"
            )
        batch, places = values.shape[:2]
        seen = torch.ones(batch, places, dtype=torch.bool, device=values.device)
        if lengths is not None:
            if tuple(lengths.shape) != (batch,):
                raise ValueError(f"Attention: lengths must have shape (B,) = ({batch},), got {tuple(lengths.shape)}")
            seen = torch.arange(places, device=values.device) < lengths.to(values.device).unsqueeze(1)
        if mask is not None:
            if tuple(mask.shape) != (batch, places) or mask.dtype != torch.bool:
                raise ValueError(
                    f"Attention: mask must be bool of shape (B, S) = {(batch, places)}, got {mask.dtype} of"
                    f" {tuple(mask.shape)}"
                )
            seen = seen & mask
        # What is behind a row's end may be anything, NaN included, and must not reach the mean through a weight of 0.
        values = values.masked_fill(~seen.unsqueeze(-1), 0.0)
        keys = self.key(values)
        if carried is not None:
            values = torch.cat([values, carried.masked_fill(~seen.unsqueeze(-1), 0.0)], dim=-1)
        return Memory(values, keys, seen)

    def forward(self, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Look at a memory.

        Args:
            query: (B, H), or (B, T, H) for T queries of each row at once.
            memory: what `remember` made, of the same rows.

        Returns:
            The mean, (B, M) or (B, T, M) with what was carried behind it, and the weights, (B, S) or (B, T, S): zero
            where there is nothing to see.

        Raises:
            ValueError: a shape is wrong.
        """
        if query.dim() not in (2, 3) or query.shape[-1] != self.query_size or query.shape[0] != memory.mask.shape[0]:
            raise ValueError(
                f"Attention: the query must have shape (B, H) or (B, T, H) with B = {memory.mask.shape[0]} and"
                f" H = {self.query_size}, got {tuple(query.shape)}"
            )
        one = query.dim() == 2
        query_BTH = query.unsqueeze(1) if one else query
        if self.score is Score.ADDITIVE:
            compared_BTSA = torch.tanh(self.query(query_BTH).unsqueeze(2) + memory.keys.unsqueeze(1))
            scores_BTS = compared_BTSA @ self.energy
        else:
            scores_BTS = query_BTH @ memory.keys.transpose(1, 2)
        seen = memory.mask.unsqueeze(1)
        # The least finite number, not minus infinity: a row with nothing to see would be NaN, and so its gradient.
        weights = torch.softmax(scores_BTS.masked_fill(~seen, torch.finfo(scores_BTS.dtype).min), dim=-1) * seen
        mean = weights @ memory.values
        return (mean.squeeze(1), weights.squeeze(1)) if one else (mean, weights)
