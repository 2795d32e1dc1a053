"""Recurrent networks as plain loops in float64 whose every state is a node of autograd, to hold measures against."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], State]


def lstm_step(w: dict[str, Tensor]) -> Step:
    def step(x: Tensor, state: State) -> State:
        h, c = state
        i, f, g, o = (x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T + w["bias_hh"]).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    return step


def gru_step(w: dict[str, Tensor]) -> Step:
    def step(x: Tensor, state: State) -> State:
        (h,) = state
        r_x, z_x, n_x = (x @ w["weight_ih"].T + w["bias_ih"]).chunk(3, dim=-1)
        r_h, z_h, n_h = (h @ w["weight_hh"].T + w["bias_hh"]).chunk(3, dim=-1)
        z = (z_x + z_h).sigmoid()
        return ((1 - z) * (n_x + (r_x + r_h).sigmoid() * n_h).tanh() + z * h,)

    return step


def rnn_step(w: dict[str, Tensor]) -> Step:
    def step(x: Tensor, state: State) -> State:
        return ((x @ w["weight_ih"].T + w["bias_ih"] + state[0] @ w["weight_hh"].T + w["bias_hh"]).tanh(),)

    return step


STEPS = {"LSTM": (lstm_step, 2), "GRU": (gru_step, 1), "RNN": (rnn_step, 1)}


def weights(layer: nn.Module, index: int, reverse: bool) -> dict[str, Tensor]:
    end = f"_l{index}" + ("_reverse" if reverse else "")
    return {
        name: getattr(layer, name + end).detach().double() for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }


def run(layer: nn.Module, x: Tensor) -> tuple[Tensor, list[list[State]]]:
    """The output of a layer of torch.nn's form on (T, B, I), and the states after every step of the input, of every
    layer and direction."""
    make, states = STEPS[type(layer).__name__]
    seen = []
    x = x.double()
    for index in range(layer.num_layers):
        outputs = []
        for reverse in (False, True)[: 2 if layer.bidirectional else 1]:
            step = make(weights(layer, index, reverse))
            state = tuple(x.new_zeros(x.shape[1], layer.hidden_size, requires_grad=True) for _ in range(states))
            found: list[State] = [()] * len(x)
            for t in reversed(range(len(x))) if reverse else range(len(x)):
                state = step(x[t], state)
                found[t] = state
            seen.append(found)
            outputs.append(torch.stack([state[0] for state in found]))
        x = torch.cat(outputs, dim=-1)
    return x, seen
