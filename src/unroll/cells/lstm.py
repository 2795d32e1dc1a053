"""Long short-term memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from unroll.cells.base import Cell, Noise, Parameters, ParameterSpec, Role, Step
from unroll.cells.parts import (
    check_rate,
    check_sizes,
    dropout_mask,
    dropped,
    normalise,
    stacked_parameters,
    zone,
    zoneout_mask,
)
from unroll.errors import ConfigError


class LSTMState(NamedTuple):
    """h: (B, P or H) output; c: (B, H) memory."""

    h: Tensor
    c: Tensor


@dataclass(frozen=True)
class LSTMCell(Cell):
    r"""Long short-term memory with a forget gate.

    Equation:
        i = sigmoid(W_ii x + b_ii + W_hi h + b_hi [+ p_i c])
        f = sigmoid(W_if x + b_if + W_hf h + b_hf [+ p_f c]), or 1 - i if `coupled`
        g = tanh(W_ig x + b_ig + W_hg h + b_hg)
        c' = f c + i g, clipped to [-cell_clip, cell_clip] if given
        o = sigmoid(W_io x + b_io + W_ho h + b_ho [+ p_o c'])
        h' = o tanh(c'), times W_hr^T if `proj_size` > 0
        With `layer_norm`, W_i x and W_h h are each normalised over their G*H features and scaled by gain_ih and gain_hh
        before the biases are added, and h' = o tanh(gain_c norm(c') + shift_c); the memory that is carried stays as it
        is.

    Source:
        Hochreiter, Schmidhuber 1997, section 4; forget gate: Gers, Schmidhuber, Cummins 2000, equation 3; peephole:
        Gers, Schraudolph, Schmidhuber 2002, section 3 (the output gate sees the new memory); coupled gates: Greff et
        al. 2017, section 3, variant CIFG; projection: Sak, Senior, Beaufays 2014, section 2, without the non-
        recurrent projection; layer norm: Ba, Kiros, Hinton 2016, equations 20 to 22; zoneout: Krueger et al. 2017,
        equation 4 (on h and on c separately); recurrent dropout: Gal, Ghahramani 2016, equation 7, on h where it
        enters the recurrent product, the input and the output untouched.

    Gate order:
        i f g o; i g o if `coupled`. Peephole weights i f o; i o if `coupled`.

    States:
        h (B, H), or (B, P) with a projection; c (B, H).

    Differs from torch.nn:
        Not at all with the default options. torch.nn has none of the others but `proj_size`.

    Example:
        >>> import torch
        >>> from unroll import LSTMCell, Recurrent
        >>> layer = Recurrent(LSTMCell(3, 5, peephole=True))
        >>> y, state = layer(torch.zeros(7, 2, 3))
        >>> tuple(y.shape), tuple(state.c.shape)
        ((7, 2, 5), (2, 5))

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether the two bias vectors are there.
        proj_size: P, features of the projected output; 0 for none. Must be smaller than H.
        peephole: whether the gates see the memory through diagonal weights.
        coupled: whether the forget gate is one minus the input gate.
        layer_norm: whether gates and memory are normalised.
        cell_clip: bound of the memory's absolute value, or None. Its gradient is zero where the bound holds the value.
        zoneout_h: probability that a unit's output stays as it was. Not with a projection.
        zoneout_c: probability that a unit's memory stays as it was.
        recurrent_dropout: probability that a unit of h is hidden from the recurrent product.
        dropout_per_step: a new mask for every step instead of one for the sequence.

    Raises:
        ConfigError: a size or rate is out of range, or two options exclude each other.
    """

    State: ClassVar[type[LSTMState]] = LSTMState
    gates: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")

    bias: bool = True
    proj_size: int = 0
    peephole: bool = False
    coupled: bool = False
    layer_norm: bool = False
    cell_clip: float | None = None
    zoneout_h: float = 0.0
    zoneout_c: float = 0.0
    recurrent_dropout: float = 0.0
    dropout_per_step: bool = False

    def __post_init__(self) -> None:
        check_sizes("LSTMCell", input_size=self.input_size, hidden_size=self.hidden_size)
        for name in ("zoneout_h", "zoneout_c", "recurrent_dropout"):
            check_rate("LSTMCell", name, getattr(self, name))
        if not 0 <= self.proj_size < self.hidden_size:
            raise ConfigError(
                f"LSTMCell: proj_size must be 0 (none) or smaller than hidden_size = {self.hidden_size}, got "
                f"{self.proj_size}"
            )
        if self.cell_clip is not None and not self.cell_clip > 0.0:
            raise ConfigError(f"LSTMCell: cell_clip must be positive or None, got {self.cell_clip}")
        if self.proj_size and self.zoneout_h:
            raise ConfigError("LSTMCell: zoneout_h works on units and cannot be combined with proj_size; use zoneout_c")

    def state_sizes(self) -> dict[str, int]:
        return {"h": self.proj_size or self.hidden_size, "c": self.hidden_size}

    def parameters(self) -> dict[str, ParameterSpec]:
        size, stacked = self.hidden_size, 3 if self.coupled else 4
        specs = stacked_parameters(stacked, self.input_size, size, self.proj_size or size, self.bias)
        if self.proj_size:
            specs["weight_hr"] = ParameterSpec((self.proj_size, size), Role.PROJECTION)
        if self.peephole:
            specs["weight_peephole"] = ParameterSpec(((stacked - 1) * size,), Role.PEEPHOLE)
        if self.layer_norm:
            specs["gain_ih"] = ParameterSpec((stacked * size,), Role.GAIN)
            specs["gain_hh"] = ParameterSpec((stacked * size,), Role.GAIN)
            specs["gain_c"] = ParameterSpec((size,), Role.GAIN)
            specs["shift_c"] = ParameterSpec((size,), Role.SHIFT)
        return specs

    def noise(self, steps: int, batch: int, *, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
        drawn = {}
        if self.recurrent_dropout:
            shape = (steps if self.dropout_per_step else 1, batch, self.proj_size or self.hidden_size)
            drawn["dropout"] = dropout_mask(shape, self.recurrent_dropout, device=device, dtype=dtype)
        for name, rate in (("zoneout_h", self.zoneout_h), ("zoneout_c", self.zoneout_c)):
            if rate:
                drawn[name] = zoneout_mask((steps, batch, self.hidden_size), rate, device=device, dtype=dtype)
        return drawn

    def project(self, params: Parameters, x: Tensor) -> Tensor:
        if self.layer_norm:
            x = normalise(functional.linear(x, params["weight_ih"]), params["gain_ih"])
            return x + params["bias_ih"] if self.bias else x
        return functional.linear(x, params["weight_ih"], params.get("bias_ih"))

    def step(self, params: Parameters, x: Tensor, state: LSTMState, noise: Noise) -> Step:
        recurrent = functional.linear(dropped(state.h, noise), params["weight_hh"])
        if self.layer_norm:
            recurrent = normalise(recurrent, params["gain_hh"])
        if self.bias:
            recurrent = recurrent + params["bias_hh"]
        rows = torch.split(x + recurrent, self.hidden_size, dim=-1)
        a_i, a_g, a_o = rows[0], rows[-2], rows[-1]
        peephole: tuple[Tensor, ...] = ()
        if self.peephole:
            peephole = torch.split(params["weight_peephole"], self.hidden_size)
            a_i = a_i + peephole[0] * state.c
        i = torch.sigmoid(a_i)
        f = 1.0 - i if self.coupled else torch.sigmoid(rows[1] + peephole[1] * state.c if self.peephole else rows[1])
        g = torch.tanh(a_g)
        c = f * state.c + i * g
        if self.cell_clip is not None:
            c = c.clamp(-self.cell_clip, self.cell_clip)
        o = torch.sigmoid(a_o + peephole[-1] * c if self.peephole else a_o)
        seen = normalise(c, params["gain_c"]) + params["shift_c"] if self.layer_norm else c
        h = o * torch.tanh(seen)
        if self.proj_size:
            h = functional.linear(h, params["weight_hr"])
        h = zone(h, state.h, self.zoneout_h, noise, "zoneout_h")
        c = zone(c, state.c, self.zoneout_c, noise, "zoneout_c")
        return Step(h, LSTMState(h, c), {"i": i, "f": f, "g": g, "o": o})
