"""Equations. One file per cell: the maths, its source, the gate order, the states and one step in plain torch.

A new cell is one file here plus one line in the imports and in `CELLS` below.
"""

from unroll.cells.base import Cell, HiddenState, Noise, Parameters, ParameterSpec, Role, Step
from unroll.cells.grid import GridLSTMCell, GridLSTMState
from unroll.cells.gru import GRUCell
from unroll.cells.ligru import LightGRUCell
from unroll.cells.lstm import LSTMCell, LSTMState
from unroll.cells.mingru import MinGRUCell
from unroll.cells.rnn import RNNCell

#: Names of cells at the edge (command line, config) and the classes they stand for.
CELLS: dict[str, type[Cell]] = {
    "rnn": RNNCell,
    "lstm": LSTMCell,
    "gru": GRUCell,
    "ligru": LightGRUCell,
    "mingru": MinGRUCell,
}

__all__ = [
    "CELLS",
    "Cell",
    "GRUCell",
    "GridLSTMCell",
    "GridLSTMState",
    "HiddenState",
    "LSTMCell",
    "LSTMState",
    "LightGRUCell",
    "MinGRUCell",
    "Noise",
    "ParameterSpec",
    "Parameters",
    "RNNCell",
    "Role",
    "Step",
]
