"""Dropouts that are made for recurrent networks.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from unroll.errors import ConfigError


def _check(name: str, rate: float) -> None:
    if not 0.0 <= rate < 1.0:
        raise ConfigError(f"{name}: the rate is a probability in [0, 1), got {rate}")


class LockedDropout(nn.Module):
    """Hide the same features at every step of a row.

    Source: Gal, Ghahramani 2016, "A theoretically grounded application of dropout in recurrent neural networks",
    section 4.1.

    Example:
        >>> import torch
        >>> from unroll.layers import LockedDropout
        >>> y = LockedDropout(0.5)(torch.ones(2, 7, 3))
        >>> bool((y == y[:, :1]).all())
        True

    Args:
        rate: probability that a feature of a row is hidden.

    Raises:
        ConfigError: the rate is not in [0, 1).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        _check("LockedDropout", rate)
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Hide features of (B, T, I), batch-first."""
        if not self.training or self.rate == 0.0:
            return x
        return x * functional.dropout(x.new_ones(x.shape[0], 1, x.shape[2]), self.rate)

    def extra_repr(self) -> str:
        return f"{self.rate}"


class TokenDropout(nn.Module):
    """Replace whole tokens by one that stands for the unknown, so that the model learns to do without them.

    Source: Iyyer et al. 2015, "Deep unordered composition rivals syntactic methods", section 2.2 (word dropout).

    Args:
        rate: probability that a token is replaced.
        unknown: the id that takes its place.

    Raises:
        ConfigError: the rate is not in [0, 1).
    """

    def __init__(self, rate: float, unknown: int) -> None:
        super().__init__()
        _check("TokenDropout", rate)
        self.rate = rate
        self.unknown = unknown

    def forward(self, ids: Tensor) -> Tensor:
        """Replace ids of any shape."""
        if not self.training or self.rate == 0.0:
            return ids
        return ids.masked_fill(torch.rand(ids.shape, device=ids.device) < self.rate, self.unknown)

    def extra_repr(self) -> str:
        return f"{self.rate}, unknown={self.unknown}"


class _DropWeights(nn.Module):
    """One mask over a weight for the whole of a forward pass."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, weight: Tensor) -> Tensor:
        return functional.dropout(weight, self.rate, training=self.training)


def weight_drop(layer: nn.Module, rate: float, name: str = "weight_hh") -> None:
    """Let a layer drop entries of its recurrent weight in training, anew for every forward pass and the same at every
    step of it.

    Source: Merity, Keskar, Socher 2018, "Regularizing and optimizing LSTM language models", section 2 (DropConnect on
    the hidden-to-hidden weights). Every engine can be used, since the masked weight is an ordinary one to it.

    Example:
        >>> import torch
        >>> from unroll import GRUCell, Recurrent
        >>> from unroll.layers import weight_drop
        >>> layer = Recurrent(GRUCell(3, 5))
        >>> weight_drop(layer, 0.5)
        >>> bool((layer.weight_hh == 0).any()), bool((layer.eval().weight_hh == 0).any())
        (True, False)

    Args:
        layer: a layer with that parameter. Its key in the state_dict becomes "parametrizations.<name>.original".
        rate: probability that an entry is dropped. 0 changes nothing.
        name: the parameter.

    Raises:
        ConfigError: the rate is not in [0, 1), or the layer has no such parameter.
    """
    _check("weight_drop", rate)
    if not isinstance(getattr(layer, name, None), nn.Parameter):
        raise ConfigError(f"weight_drop: {type(layer).__name__} has no parameter '{name}'")
    if rate > 0.0:
        parametrize.register_parametrization(layer, name, _DropWeights(rate))
