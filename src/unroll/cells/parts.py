"""Small equations that several cells share."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from unroll.cells.base import Noise, Parameters, ParameterSpec, Role
from unroll.errors import ConfigError

#: Added to the variance in layer normalisation; torch.nn.LayerNorm's own default.
LAYER_NORM_EPSILON = 1e-5


def stacked_parameters(
    gates: int, input_size: int, hidden_size: int, recurrent_size: int, bias: bool, *, gains: bool = False
) -> dict[str, ParameterSpec]:
    """The weights and biases that torch.nn's recurrent layers hold, G gates stacked by rows: (G*H, ·); with `gains`
    also those of layer normalisation of both products."""
    rows = gates * hidden_size
    specs = {
        "weight_ih": ParameterSpec((rows, input_size), Role.INPUT),
        "weight_hh": ParameterSpec((rows, recurrent_size), Role.RECURRENT),
    }
    if bias:
        specs["bias_ih"] = ParameterSpec((rows,), Role.BIAS)
        specs["bias_hh"] = ParameterSpec((rows,), Role.BIAS)
    if gains:
        specs["gain_ih"] = ParameterSpec((rows,), Role.GAIN)
        specs["gain_hh"] = ParameterSpec((rows,), Role.GAIN)
    return specs


def input_product(params: Parameters, x: Tensor, *, layer_norm: bool) -> Tensor:
    """W_ih x, normalised or not, with the bias where there is one."""
    if not layer_norm:
        return functional.linear(x, params["weight_ih"], params.get("bias_ih"))
    x = normalise(functional.linear(x, params["weight_ih"]), params["gain_ih"])
    return x + params["bias_ih"] if "bias_ih" in params else x


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


class Hidden(Protocol):
    """A cell whose state is h alone, and which may hide its units, or leave them as they were."""

    @property
    def hidden_size(self) -> int: ...

    @property
    def recurrent_dropout(self) -> float: ...

    @property
    def dropout_per_step(self) -> bool: ...

    @property
    def zoneout(self) -> float: ...


def hidden_noise(
    cell: Hidden, steps: int, batch: int, *, device: torch.device, dtype: torch.dtype
) -> dict[str, Tensor]:
    """The masks of a cell, (1 or T, B, H): of dropout, then of zoneout, as far as it has them.

    Args:
        cell: whose masks they are.
        steps: T.
        batch: B.
        device: of the masks.
        dtype: of the masks.
    """
    drawn, size = {}, cell.hidden_size
    if cell.recurrent_dropout:
        shape = (steps if cell.dropout_per_step else 1, batch, size)
        drawn["dropout"] = dropout_mask(shape, cell.recurrent_dropout, device=device, dtype=dtype)
    if cell.zoneout:
        drawn["zoneout_h"] = zoneout_mask((steps, batch, size), cell.zoneout, device=device, dtype=dtype)
    return drawn
