"""Initialisers: functions that fill a cell's parameters in place.

Each takes the cell and its parameters by name and draws from torch's global generator, in the order of
`Cell.parameters()`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from unroll.cells.base import Cell, Role
from unroll.cells.gru import GRUCell
from unroll.cells.lstm import LSTMCell
from unroll.cells.rnn import RNNCell
from unroll.errors import ConfigError

Initialiser = Callable[[Cell, Mapping[str, Tensor]], None]


@torch.no_grad()
def torch_default(cell: Cell, params: Mapping[str, Tensor]) -> None:
    """torch.nn's: every weight and bias uniform in [-1/sqrt(H), 1/sqrt(H)]; gains 1, shifts 0.

    Source: torch.nn.RNNBase.reset_parameters. With the same seed the values are torch.nn's own.
    """
    bound = 1.0 / math.sqrt(cell.hidden_size)
    for name, spec in cell.parameters().items():
        if spec.role is Role.GAIN:
            params[name].fill_(1.0)
        elif spec.role is Role.SHIFT:
            params[name].zero_()
        else:
            params[name].uniform_(-bound, bound)


@torch.no_grad()
def keras_default(cell: Cell, params: Mapping[str, Tensor]) -> None:
    """Keras's: input weights Glorot uniform, recurrent weights orthogonal, biases 0, the forget gate's bias 1.

    Source: keras.layers.LSTM, `kernel_initializer`, `recurrent_initializer`, `unit_forget_bias` (Glorot, Bengio 2010,
        equation 16; Saxe,
    McClelland, Ganguli 2014; Jozefowicz, Zaremba, Sutskever 2015, section 2.2). As in Keras both draw for the matrix of
    all gates at once.
    """
    for name, spec in cell.parameters().items():
        if spec.role in (Role.INPUT, Role.PROJECTION):
            nn.init.xavier_uniform_(params[name])
        elif spec.role is Role.RECURRENT:
            nn.init.orthogonal_(params[name])
        elif spec.role is Role.PEEPHOLE:
            params[name].zero_()
        else:
            params[name].fill_(1.0 if spec.role is Role.GAIN else 0.0)
    if isinstance(cell, LSTMCell) and cell.bias and not cell.coupled:
        _gate(cell, params["bias_ih"], "f").fill_(1.0)


@torch.no_grad()
def irnn(cell: Cell, params: Mapping[str, Tensor]) -> None:
    """Identity recurrent weights, biases 0, input weights normal with standard deviation 0.001; for an RNN with ReLU.

    Source: Le, Jaitly, Hinton 2015, "A simple way to initialize recurrent networks of rectified linear units",
        section 2 and 4.

    Raises:
        ConfigError: the cell is not an RNN with ReLU.
    """
    if not (isinstance(cell, RNNCell) and cell.nonlinearity == "relu"):
        raise ConfigError(
            f"irnn initialises RNNCell(nonlinearity='relu'), got {cell}; use keras_default or chrono for gated cells"
        )
    for name, spec in cell.parameters().items():
        if spec.role is Role.RECURRENT:
            nn.init.eye_(params[name])
        elif spec.role is Role.INPUT:
            params[name].normal_(0.0, 0.001)
        else:
            params[name].fill_(1.0 if spec.role is Role.GAIN else 0.0)


def chrono(longest: int) -> Initialiser:
    """Chrono initialisation: keras_default, then gate biases that make the units remember from 1 to about `longest`
    steps.

    Source: Tallec, Ollivier 2018, "Can recurrent neural networks warp time?", section 2 and equation 16: for LSTM b_f
    = log(u), b_i = -b_f with u uniform in [1, longest - 1]; for GRU, whose update gate z keeps the state, b_z = log(u).

    Args:
        longest: the longest dependency, in steps.

    Raises:
        ConfigError: `longest` is below 3 steps or, when applied, the cell has no such gate.
    """
    if longest < 3:
        raise ConfigError(f"chrono: the longest dependency must be at least 3 steps, got {longest}")

    @torch.no_grad()
    def initialise(cell: Cell, params: Mapping[str, Tensor]) -> None:
        keras_default(cell, params)
        if not isinstance(cell, LSTMCell | GRUCell) or not cell.bias:
            raise ConfigError(f"chrono initialises LSTMCell and GRUCell with a bias, got {cell}")
        kept = torch.empty_like(params["bias_ih"][: cell.hidden_size]).uniform_(1.0, longest - 1.0).log_()
        if isinstance(cell, GRUCell):
            _gate(cell, params["bias_ih"], "z").copy_(kept)
            return
        _gate(cell, params["bias_ih"], "i").copy_(-kept)
        if not cell.coupled:
            _gate(cell, params["bias_ih"], "f").copy_(kept)

    return initialise


def _gate(cell: LSTMCell | GRUCell, stacked: Tensor, gate: str) -> Tensor:
    """The rows of one gate, a view."""
    order = [name for name in cell.gates if not (isinstance(cell, LSTMCell) and cell.coupled and name == "f")]
    start = order.index(gate) * cell.hidden_size
    return stacked[start : start + cell.hidden_size]
