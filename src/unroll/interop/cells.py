"""The family with any activation: the equations of Keras and ONNX where they go beyond unroll's own cells.

No kernel knows these, so the reference scan runs them. With the usual activations and without the masks they are
`unroll.RNNCell`, `LSTMCell` and `GRUCell`, with the same parameters.

Shapes: B batch, I input size, H hidden size, G gates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from unroll.cells import (
    Cell,
    HiddenState,
    LSTMState,
    Noise,
    Parameters,
    ParameterSpec,
    Role,
    Step,
)


@dataclass(frozen=True)
class Activation:
    """An elementwise function and its name."""

    name: str
    function: Callable[[Tensor], Tensor] = field(repr=False)

    def __call__(self, x: Tensor) -> Tensor:
        return self.function(x)


SIGMOID = Activation("sigmoid", torch.sigmoid)
TANH = Activation("tanh", torch.tanh)
RELU = Activation("relu", torch.relu)


def _stacked(cell: OpenRNNCell | OpenLSTMCell | OpenGRUCell, blocks: int) -> dict[str, ParameterSpec]:
    rows = blocks * cell.hidden_size
    specs = {
        "weight_ih": ParameterSpec((rows, cell.input_size), Role.INPUT),
        "weight_hh": ParameterSpec((rows, cell.hidden_size), Role.RECURRENT),
    }
    if cell.bias:
        specs["bias_ih"] = specs["bias_hh"] = ParameterSpec((rows,), Role.BIAS)
    return specs


def _linear(params: Parameters, kind: str, x: Tensor, masks: list[Tensor | None], size: int) -> list[Tensor]:
    """The products of x, (B, H) for each gate, each with its own mask of x if there is one."""
    weight, bias = params[f"weight_{kind}"], params.get(f"bias_{kind}")
    if all(mask is None for mask in masks):
        return list(torch.split(functional.linear(x, weight, bias), size, dim=-1))
    biases = [None] * len(masks) if bias is None else torch.split(bias, size)
    parts = zip(torch.split(weight, size), biases, masks, strict=True)
    return [functional.linear(x if mask is None else x * mask, one, b) for one, b, mask in parts]


def _masks(noise: Noise, kind: str, gates: str) -> list[Tensor | None]:
    return [noise.get(f"{kind}_{gate}") for gate in gates]


def _clipped(x: Tensor, clip: float | None) -> Tensor:
    return x if clip is None else x.clamp(-clip, clip)


@dataclass(frozen=True)
class OpenRNNCell(Cell):
    """h' = activation(clip(W_ih x + b_ih + W_hh h + b_hh)).

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether the two bias vectors are there.
        activation: of the new state.
        clip: bound of what enters the activation, or None.
    """

    State: ClassVar[type[HiddenState]] = HiddenState
    gates: ClassVar[tuple[str, ...]] = ()

    bias: bool = True
    activation: Activation = TANH
    clip: float | None = None

    def parameters(self) -> dict[str, ParameterSpec]:
        return _stacked(self, 1)

    def project(self, params: Parameters, x: Tensor) -> Tensor:
        return functional.linear(x, params["weight_ih"], params.get("bias_ih"))

    def step(self, params: Parameters, x: Tensor, state: HiddenState, noise: Noise) -> Step:
        (recurrent,) = _linear(params, "hh", state.h, _masks(noise, "recurrent", "h"), self.hidden_size)
        h = self.activation(_clipped(x + recurrent, self.clip))
        return Step(h, HiddenState(h), {})


@dataclass(frozen=True)
class OpenLSTMCell(Cell):
    """i, f, o = gate(clip(W x + b + W h + b [+ p c])); c' = f c + i inner(clip(...)); h' = o outer(c').

    The output gate's peephole sees the new memory. With `coupled` f = 1 - i. With `gate_inputs` each gate sees x under
    a mask of its own, which the noise `input_i` ... brings; `recurrent_i` ... are those of h.

    Source: ONNX operators, LSTM, "Equations"; keras.layers.LSTM.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether the two bias vectors are there.
        gate: activation of the gates.
        inner: activation of the candidate g.
        outer: activation of the memory on its way out.
        peephole: whether the gates see the memory through diagonal weights.
        coupled: whether the forget gate is one minus the input gate.
        clip: bound of what enters the activations of gates and candidate, or None.
        gate_inputs: whether x is multiplied by a mask for each gate.
    """

    State: ClassVar[type[LSTMState]] = LSTMState
    gates: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")

    bias: bool = True
    gate: Activation = SIGMOID
    inner: Activation = TANH
    outer: Activation = TANH
    peephole: bool = False
    coupled: bool = False
    clip: float | None = None
    gate_inputs: bool = False

    @property
    def _blocks(self) -> str:
        return "igo" if self.coupled else "ifgo"

    def parameters(self) -> dict[str, ParameterSpec]:
        specs = _stacked(self, len(self._blocks))
        if self.peephole:
            specs["weight_peephole"] = ParameterSpec(((len(self._blocks) - 1) * self.hidden_size,), Role.PEEPHOLE)
        return specs

    def project(self, params: Parameters, x: Tensor) -> Tensor:
        return x if self.gate_inputs else functional.linear(x, params["weight_ih"], params.get("bias_ih"))

    def step(self, params: Parameters, x: Tensor, state: LSTMState, noise: Noise) -> Step:
        size, blocks = self.hidden_size, self._blocks
        if self.gate_inputs:
            inputs = _linear(params, "ih", x, _masks(noise, "input", blocks), size)
        else:
            inputs = list(torch.split(x, size, dim=-1))
        recurrent = _linear(params, "hh", state.h, _masks(noise, "recurrent", blocks), size)
        sums = {gate: a + b for gate, a, b in zip(blocks, inputs, recurrent, strict=True)}
        if self.peephole:
            diagonal = torch.split(params["weight_peephole"], size)
            sums["i"] = sums["i"] + diagonal[0] * state.c
            if not self.coupled:
                sums["f"] = sums["f"] + diagonal[1] * state.c
        i = self.gate(_clipped(sums["i"], self.clip))
        f = 1.0 - i if self.coupled else self.gate(_clipped(sums["f"], self.clip))
        g = self.inner(_clipped(sums["g"], self.clip))
        c = f * state.c + i * g
        o = self.gate(_clipped(sums["o"] + diagonal[-1] * c if self.peephole else sums["o"], self.clip))
        h = o * self.outer(c)
        return Step(h, LSTMState(h, c), {"i": i, "f": f, "g": g, "o": o})


@dataclass(frozen=True)
class OpenGRUCell(Cell):
    """r, z = gate(clip(W x + b + W h + b)); n = inner(clip(...)); h' = (1 - z) n + z h.

    Where the reset gate acts is as in `unroll.GRUCell`; masks are as in `OpenLSTMCell`.

    Source: ONNX operators, GRU, "Equations"; keras.layers.GRU.

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether the two bias vectors are there.
        gate: activation of the gates.
        inner: activation of the candidate n.
        reset_after: whether the reset gate acts after the recurrent product or before it.
        clip: bound of what enters the activations, or None.
        gate_inputs: whether x is multiplied by a mask for each gate.
    """

    State: ClassVar[type[HiddenState]] = HiddenState
    gates: ClassVar[tuple[str, ...]] = ("r", "z", "n")

    bias: bool = True
    gate: Activation = SIGMOID
    inner: Activation = TANH
    reset_after: bool = True
    clip: float | None = None
    gate_inputs: bool = False

    def parameters(self) -> dict[str, ParameterSpec]:
        return _stacked(self, 3)

    def project(self, params: Parameters, x: Tensor) -> Tensor:
        return x if self.gate_inputs else functional.linear(x, params["weight_ih"], params.get("bias_ih"))

    def step(self, params: Parameters, x: Tensor, state: HiddenState, noise: Noise) -> Step:
        size, h = self.hidden_size, state.h
        if self.gate_inputs:
            x_r, x_z, x_n = _linear(params, "ih", x, _masks(noise, "input", "rzn"), size)
        else:
            x_r, x_z, x_n = torch.split(x, size, dim=-1)
        masks = _masks(noise, "recurrent", "rzn")
        gates = {name: value[: 2 * size] for name, value in params.items()}
        candidate = {name: value[2 * size :] for name, value in params.items()}
        h_r, h_z = _linear(gates, "hh", h, masks[:2], size)
        r = self.gate(_clipped(x_r + h_r, self.clip))
        z = self.gate(_clipped(x_z + h_z, self.clip))
        if self.reset_after:
            (product,) = _linear(candidate, "hh", h, masks[2:], size)
            product = r * product
        else:
            seen = r * h
            (product,) = _linear(candidate, "hh", seen, masks[2:], size)
        n = self.inner(_clipped(x_n + product, self.clip))
        new = z * h + (1.0 - z) * n
        return Step(new, HiddenState(new), {"r": r, "z": z, "n": n})
