"""Gated recurrent unit."""

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
class GRUCell(Cell):
    r"""Gated recurrent unit.

    Equation:
        r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
        z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
        n = tanh(W_in x + b_in + r (W_hn h + b_hn)), or tanh(W_in x + b_in + W_hn (r h) + b_hn) if not `reset_after`
        h' = (1 - z) n + z h
        With `layer_norm`, W_i x is normalised over its G*H features and scaled by gain_ih; W_h h likewise by gain_hh,
        over the rows of r and z together and over those of n alone, so that both places of the reset gate have the same
        form.

    Source:
        Cho et al. 2014, "Learning phrase representations", section 2.3, equations 5 to 8 (`reset_after=False`, with z
        and 1 - z exchanged as in torch.nn); `reset_after=True`: the variant of the cuDNN guide, first in Chung et al.
        2015's code, ONNX linear_before_reset=1. Layer norm: Ba, Kiros, Hinton 2016, supplement, equations 26 to 29.
        Zoneout: Krueger et al. 2017, section 3.2. Recurrent dropout: Gal, Ghahramani 2016, equation 7, on h where it
        enters the recurrent products.

    Gate order:
        r z n.

    States:
        h (B, H).

    Differs from torch.nn:
        Not at all with the default options. torch.nn has only `reset_after=True`.

    Example:
        >>> import torch
        >>> from unroll import GRUCell, Recurrent
        >>> y, state = Recurrent(GRUCell(3, 5, reset_after=False))(torch.zeros(7, 2, 3))
        >>> tuple(y.shape), tuple(state.h.shape)
        ((7, 2, 5), (2, 5))

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether the two bias vectors are there.
        reset_after: whether the reset gate acts after the recurrent product (torch, cuDNN) or before it (the paper).
        layer_norm: whether both products are normalised.
        zoneout: probability that a unit stays as it was.
        recurrent_dropout: probability that a unit of h is hidden from the recurrent products.
        dropout_per_step: a new mask for every step instead of one for the sequence.

    Raises:
        ConfigError: a size or rate is out of range.
    """

    State: ClassVar[type[HiddenState]] = HiddenState
    gates: ClassVar[tuple[str, ...]] = ("r", "z", "n")

    bias: bool = True
    reset_after: bool = True
    layer_norm: bool = False
    zoneout: float = 0.0
    recurrent_dropout: float = 0.0
    dropout_per_step: bool = False

    def __post_init__(self) -> None:
        check_sizes("GRUCell", input_size=self.input_size, hidden_size=self.hidden_size)
        check_rate("GRUCell", "zoneout", self.zoneout)
        check_rate("GRUCell", "recurrent_dropout", self.recurrent_dropout)

    def parameters(self) -> dict[str, ParameterSpec]:
        return stacked_parameters(
            3, self.input_size, self.hidden_size, self.hidden_size, self.bias, gains=self.layer_norm
        )

    def noise(self, steps: int, batch: int, *, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
        return hidden_noise(self, steps, batch, device=device, dtype=dtype)

    def project(self, params: Parameters, x: Tensor) -> Tensor:
        return input_product(params, x, layer_norm=self.layer_norm)

    def _recurrent(self, params: Parameters, h: Tensor, rows: slice) -> Tensor:
        product = functional.linear(h, params["weight_hh"][rows])
        if self.layer_norm:
            product = normalise(product, params["gain_hh"][rows])
        return product + params["bias_hh"][rows] if self.bias else product

    def step(self, params: Parameters, x: Tensor, state: HiddenState, noise: Noise) -> Step:
        size = self.hidden_size
        h = state.h
        seen = dropped(h, noise)
        x_r, x_z, x_n = torch.split(x, size, dim=-1)
        h_r, h_z = torch.split(self._recurrent(params, seen, slice(0, 2 * size)), size, dim=-1)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        candidate = slice(2 * size, 3 * size)
        if self.reset_after:
            n = torch.tanh(x_n + r * self._recurrent(params, seen, candidate))
        else:
            n = torch.tanh(x_n + self._recurrent(params, r * seen, candidate))
        new = n + z * (h - n)
        new = zone(new, h, self.zoneout, noise, "zoneout_h")
        return Step(new, HiddenState(new), {"r": r, "z": z, "n": n})
