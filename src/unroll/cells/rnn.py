"""The simple recurrent network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from unroll.cells.base import Cell, HiddenState, Noise, Parameters, ParameterSpec, Step
from unroll.cells.parts import (
    check_rate,
    check_sizes,
    dropped,
    hidden_noise,
    input_product,
    normalise,
    stacked_parameters,
    zone,
)
from unroll.errors import ConfigError, nearest

NONLINEARITIES = {"tanh": torch.tanh, "relu": torch.relu}


@dataclass(frozen=True)
class RNNCell(Cell):
    r"""The simple recurrent network.

    Equation:
        h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu(...)
        With `layer_norm`, W_ih x and W_hh h are each normalised over their H features and scaled by gain_ih and
        gain_hh.

    Source:
        Elman 1990, "Finding structure in time", figure 2; ReLU with identity initialisation: Le, Jaitly, Hinton 2015,
        section 2. Layer norm: Ba, Kiros, Hinton 2016, equation 4, on the two products apart as in their equations 20
        to 22. Zoneout: Krueger et al. 2017, section 3.1. Recurrent dropout: Gal, Ghahramani 2016, section 4.

    Gate order:
        None: one row block.

    States:
        h (B, H).

    Differs from torch.nn:
        Not at all with the default options.

    Example:
        >>> import torch
        >>> from unroll import Recurrent, RNNCell
        >>> y, state = Recurrent(RNNCell(3, 5, nonlinearity="relu"))(torch.zeros(7, 2, 3))
        >>> tuple(y.shape), tuple(state.h.shape)
        ((7, 2, 5), (2, 5))

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether the two bias vectors are there.
        nonlinearity: "tanh" or "relu".
        layer_norm: whether both products are normalised.
        zoneout: probability that a unit stays as it was.
        recurrent_dropout: probability that a unit of h is hidden from the recurrent product.
        dropout_per_step: a new mask for every step instead of one for the sequence.

    Raises:
        ConfigError: a size or rate is out of range, or the nonlinearity is unknown.
    """

    State: ClassVar[type[HiddenState]] = HiddenState
    gates: ClassVar[tuple[str, ...]] = ()

    bias: bool = True
    nonlinearity: str = "tanh"
    layer_norm: bool = False
    zoneout: float = 0.0
    recurrent_dropout: float = 0.0
    dropout_per_step: bool = False

    def __post_init__(self) -> None:
        check_sizes("RNNCell", input_size=self.input_size, hidden_size=self.hidden_size)
        check_rate("RNNCell", "zoneout", self.zoneout)
        check_rate("RNNCell", "recurrent_dropout", self.recurrent_dropout)
        if self.nonlinearity not in NONLINEARITIES:
            raise ConfigError(
                f"RNNCell: nonlinearity must be one of {', '.join(NONLINEARITIES)}, got '{self.nonlinearity}'"
                + nearest(self.nonlinearity, NONLINEARITIES)
            )

    def parameters(self) -> dict[str, ParameterSpec]:
        return stacked_parameters(
            1, self.input_size, self.hidden_size, self.hidden_size, self.bias, gains=self.layer_norm
        )

    def noise(self, steps: int, batch: int, *, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
        return hidden_noise(self, steps, batch, device=device, dtype=dtype)

    def project(self, params: Parameters, x: Tensor) -> Tensor:
        return input_product(params, x, layer_norm=self.layer_norm)

    def step(self, params: Parameters, x: Tensor, state: HiddenState, noise: Noise) -> Step:
        recurrent = functional.linear(dropped(state.h, noise), params["weight_hh"])
        if self.layer_norm:
            recurrent = normalise(recurrent, params["gain_hh"])
        if self.bias:
            recurrent = recurrent + params["bias_hh"]
        h = NONLINEARITIES[self.nonlinearity](x + recurrent)
        h = zone(h, state.h, self.zoneout, noise, "zoneout_h")
        return Step(h, HiddenState(h), {})
