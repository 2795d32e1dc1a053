"""From the outputs of all steps to one vector per row.

Shapes: T time, B batch, H features of one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.models.encoders import Encoded


class PoolingLayer(Protocol):
    """What can be pooled with: says how many features one row has afterwards."""

    @property
    def output_size(self) -> int: ...


def valid_steps(y_BTH: Tensor, lengths: Tensor) -> Tensor:
    """(B, T) bool: true where a row has a step."""
    return torch.arange(y_BTH.shape[1], device=y_BTH.device) < lengths.to(y_BTH.device).unsqueeze(1)


class LastPooling(nn.Module):
    """What the encoder itself keeps of a row: a recurrent encoder's last state of every direction.

    Args:
        size: features of `Encoded.last`.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.output_size = size

    def forward(self, encoded: Encoded) -> Tensor:
        """(B, H)."""
        return encoded.last


class MeanPooling(nn.Module):
    """The mean over a row's own steps; zeros for a row without steps.

    Args:
        size: H.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.output_size = size

    def forward(self, encoded: Encoded) -> Tensor:
        """(B, H)."""
        valid = valid_steps(encoded.y, encoded.lengths).unsqueeze(-1)
        total = encoded.y.masked_fill(~valid, 0.0).sum(dim=1)
        return total / encoded.lengths.to(total.device).clamp(min=1).unsqueeze(-1)


class MaxPooling(nn.Module):
    """The greatest value of every feature over a row's own steps; zeros for a row without steps.

    Args:
        size: H.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.output_size = size

    def forward(self, encoded: Encoded) -> Tensor:
        """(B, H)."""
        y, lengths = encoded.y, encoded.lengths.to(encoded.y.device)
        if y.shape[1] == 0:
            return y.new_zeros(y.shape[0], y.shape[2])
        greatest = y.masked_fill(~valid_steps(y, lengths).unsqueeze(-1), -torch.inf).amax(dim=1)
        return greatest.masked_fill((lengths == 0).unsqueeze(-1), 0.0)


class AttentionPooling(nn.Module):
    """A weighted mean over a row's own steps; the weights come from one learnt query; zeros for a row without steps.

    Source: Yang et al. 2016, "Hierarchical attention networks for document classification", equations 5 to 7.

    Args:
        size: H.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.output_size = size
        self.project = nn.Linear(size, size)
        self.query = nn.Parameter(torch.zeros(size))

    def weights(self, encoded: Encoded) -> Tensor:
        """(B, T) weights that sum to one over a row's own steps, zero past its end and for a row without steps."""
        valid = valid_steps(encoded.y, encoded.lengths)
        # The projection sees zeros in the padding: whatever stands there must not reach a gradient either.
        y = encoded.y.masked_fill(~valid.unsqueeze(-1), 0.0)
        scores = torch.tanh(self.project(y)) @ self.query
        scores = scores.masked_fill(~valid, torch.finfo(scores.dtype).min)
        return scores.softmax(dim=1).masked_fill(~valid, 0.0)

    def forward(self, encoded: Encoded) -> Tensor:
        """(B, H)."""
        valid = valid_steps(encoded.y, encoded.lengths).unsqueeze(-1)
        weights = self.weights(encoded).unsqueeze(-1)
        return (weights * encoded.y.masked_fill(~valid, 0.0)).sum(dim=1)


class WithInput(nn.Module):
    """An encoder whose features of a step stand beside the step's own vector, so that pooling sees what a word is and
    what stands around it.

    Source: Lai et al. 2015, "Recurrent convolutional neural networks for text classification", section 3.1, equations 1
    to 3; the words' vectors beside the contexts of both sides.

    Args:
        encoder: (B, T, I), lengths -> `Encoded`; says H as `output_size`.
        input_size: I.
    """

    def __init__(self, encoder: nn.Module, input_size: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.output_size = cast(PoolingLayer, encoder).output_size + input_size

    def forward(self, x: Tensor, lengths: Tensor) -> Encoded:
        """Encode (B, T, I) to (B, T, H + I); `last` is the encoder's, beside the mean of the row's own inputs."""
        encoded: Encoded = self.encoder(x, lengths)
        x = x.masked_fill(~valid_steps(x, lengths).unsqueeze(-1), 0.0)
        mean = x.sum(dim=1) / lengths.to(x.device).clamp(min=1).unsqueeze(-1)
        return Encoded(torch.cat((encoded.y, x), dim=-1), lengths, torch.cat((encoded.last, mean), dim=-1))


class JoinedPooling(nn.Module):
    """Several poolings side by side.

    Args:
        parts: the poolings, in the order of their features.

    Raises:
        ConfigError: there is none.
    """

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        if not parts:
            raise ConfigError("JoinedPooling: at least one pooling is needed, got none")
        self.parts = nn.ModuleList(parts)
        self.output_size = sum(cast(PoolingLayer, part).output_size for part in parts)

    def forward(self, encoded: Encoded) -> Tensor:
        """(B, sum of the parts' features)."""
        return torch.cat([part(encoded) for part in self.parts], dim=-1)


#: Names of poolings at the edge (config) and the classes they stand for.
POOLINGS: dict[str, type[LastPooling] | type[MeanPooling] | type[MaxPooling] | type[AttentionPooling]] = {
    "last": LastPooling,
    "mean": MeanPooling,
    "max": MaxPooling,
    "attention": AttentionPooling,
}
