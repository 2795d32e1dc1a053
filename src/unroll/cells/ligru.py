"""Light gated recurrent unit."""

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


@dataclass(frozen=True)
class LightGRUCell(Cell):
    r"""Light gated recurrent unit (Li-GRU): a GRU without the reset gate, its candidate a ReLU.

    Equation:
        z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
        n = relu(W_in x + b_in + W_hn h + b_hn)
        h' = (1 - z) n + z h
        With `layer_norm`, W_i x is normalised over its G*H features and scaled by gain_ih; W_h h likewise by gain_hh.

    Source:
        Ravanelli, Brakel, Omologo, Bengio 2018, "Light gated recurrent units for speech recognition", section III,
        equations 4 and 5. Layer norm: Ba, Kiros, Hinton 2016, section 3.1. Zoneout: Krueger et al. 2017, section 3.2.
        Recurrent dropout: Gal, Ghahramani 2016, equation 7.

    Gate order:
        z n.

    States:
        h (B, H).

    Differs from torch.nn:
        torch.nn has no such cell. The paper normalises W_i x over the batch; here both products may be normalised by
        `layer_norm`. Without any normalisation a ReLU state can grow without a bound.

    Example:
        >>> import torch
        >>> from unroll import LightGRUCell, Recurrent
        >>> y, state = Recurrent(LightGRUCell(3, 5))(torch.zeros(7, 2, 3))
        >>> tuple(y.shape), tuple(state.h.shape)
        ((7, 2, 5), (2, 5))

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether the two bias vectors are there.
        layer_norm: whether both products are normalised.
        zoneout: probability that a unit stays as it was.
        recurrent_dropout: probability that a unit of h is hidden from the recurrent products.
        dropout_per_step: a new mask for every step instead of one for the sequence.

    Raises:
        ConfigError: a size or rate is out of range.
    """

    State: ClassVar[type[HiddenState]] = HiddenState
    gates: ClassVar[tuple[str, ...]] = ("z", "n")

    bias: bool = True
    layer_norm: bool = False
    zoneout: float = 0.0
    recurrent_dropout: float = 0.0
    dropout_per_step: bool = False

    def __post_init__(self) -> None:
        check_sizes("LightGRUCell", input_size=self.input_size, hidden_size=self.hidden_size)
        check_rate("LightGRUCell", "zoneout", self.zoneout)
        check_rate("LightGRUCell", "recurrent_dropout", self.recurrent_dropout)

    def parameters(self) -> dict[str, ParameterSpec]:
        return stacked_parameters(
            2, self.input_size, self.hidden_size, self.hidden_size, self.bias, gains=self.layer_norm
        )

    def noise(self, steps: int, batch: int, *, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
        return hidden_noise(self, steps, batch, device=device, dtype=dtype)

    def project(self, params: Parameters, x: Tensor) -> Tensor:
        return input_product(params, x, layer_norm=self.layer_norm)

    def step(self, params: Parameters, x: Tensor, state: HiddenState, noise: Noise) -> Step:
        h = state.h
        product = functional.linear(dropped(h, noise), params["weight_hh"])
        if self.layer_norm:
            product = normalise(product, params["gain_hh"])
        if self.bias:
            product = product + params["bias_hh"]
        a_z, a_n = torch.split(x + product, self.hidden_size, dim=-1)
        z, n = torch.sigmoid(a_z), torch.relu(a_n)
        new = zone(n + z * (h - n), h, self.zoneout, noise, "zoneout_h")
        return Step(new, HiddenState(new), {"z": z, "n": n})
