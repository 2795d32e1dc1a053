"""Small equations that several cells share."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from unroll.cells.base import Noise, ParameterSpec, Role
from unroll.errors import ConfigError

#: Added to the variance in layer normalisation; torch.nn.LayerNorm's own default.
LAYER_NORM_EPSILON = 1e-5


def stacked_parameters(
    gates: int, input_size: int, hidden_size: int, recurrent_size: int, bias: bool
) -> dict[str, ParameterSpec]:
    """The weights and biases that torch.nn's recurrent layers hold, G gates stacked by rows: (G*H, ·)."""
    rows = gates * hidden_size
    specs = {
        "weight_ih": ParameterSpec((rows, input_size), Role.INPUT),
        "weight_hh": ParameterSpec((rows, recurrent_size), Role.RECURRENT),
    }
    if bias:
        specs["bias_ih"] = ParameterSpec((rows,), Role.BIAS)
        specs["bias_hh"] = ParameterSpec((rows,), Role.BIAS)
    return specs


def check_sizes(cell: str, **sizes: int) -> None:
    """Raise ConfigError unless every size is a positive integer."""
    for name, value in sizes.items():
        if value < 1:
            raise ConfigError(f"{cell}: {name} must be a positive integer, got {value}")


def check_rate(cell: str, name: str, rate: float) -> None:
    """Raise ConfigError unless 0 <= rate < 1."""
    if not 0.0 <= rate < 1.0:
        raise ConfigError(f"{cell}: {name} is a probability in [0, 1), got {rate}")


def normalise(x: Tensor, gain: Tensor) -> Tensor:
    """Layer normalisation over the last axis, scaled by `gain`; Ba, Kiros, Hinton 2016, equation 4, without its
    bias."""
    return functional.layer_norm(x, x.shape[-1:], gain, None, LAYER_NORM_EPSILON)


def zone(new: Tensor, old: Tensor, rate: float, noise: Noise, name: str) -> Tensor:
    """Zoneout: keep the old value of a unit where its mask is 1; in evaluation the expectation.

    Source: Krueger et al. 2017, "Zoneout", section 3.1; at test time "we use the expectation of the random variables".
    """
    if rate == 0.0:
        return new
    keep = noise.get(name, rate)
    return keep * old + (1.0 - keep) * new


def dropped(h: Tensor, noise: Noise) -> Tensor:
    """The state as the recurrent product sees it: times the dropout mask, if one was drawn."""
    mask = noise.get("dropout")
    return h if mask is None else h * mask


def dropout_mask(shape: tuple[int, ...], rate: float, *, device: torch.device, dtype: torch.dtype) -> Tensor:
    """1 / (1 - rate) with probability 1 - rate, else 0."""
    return torch.empty(shape, device=device, dtype=dtype).bernoulli_(1.0 - rate).div_(1.0 - rate)


def zoneout_mask(shape: tuple[int, ...], rate: float, *, device: torch.device, dtype: torch.dtype) -> Tensor:
    """1 (the old value stays) with probability `rate`, else 0."""
    return torch.empty(shape, device=device, dtype=dtype).bernoulli_(rate)
