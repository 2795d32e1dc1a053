"""The networks whose memories are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from unroll.cells import CELLS, Cell, RNNCell
from unroll.cells.init import Initialiser, chrono, irnn, torch_default
from unroll.layers import GridLSTM, GridLSTM1d, Recurrent, Stack
from unroll.models.recall import DepthRecall, Recall
from unroll.tasks.memory.data import MemoryTask
from unroll.tasks.memory.settings import Settings

#: Standard deviations at the start where all is read at once: of the weights that every bit enters with, which are the
#: same for all bits, and of the biases, which put the thresholds of the units at different numbers of ones.
_EQUAL_WEIGHT, _EQUAL_BIAS = 0.25, 1.0


class Shape(NamedTuple):
    """What a network is built for: I, H, layers, the lag, and what runs it."""

    input_size: int
    hidden_size: int
    num_layers: int
    lag: int
    engine: str


class Kind(NamedTuple):
    """A network that can be compared.

    Attributes:
        build: its layers over time.
        learning_rate: of Adam, that suits it.
        deep: what stands for it where all is read at once; None: the same layers, for one step.
    """

    build: Callable[[Shape], Stack | GridLSTM]
    learning_rate: float = 2e-3
    deep: Callable[[Shape], GridLSTM1d] | None = None


def _relu(input_size: int, hidden_size: int) -> Cell:
    return RNNCell(input_size, hidden_size, nonlinearity="relu")


def _recurrent(cell: Callable[[int, int], Cell], init: Callable[[int], Initialiser]) -> Callable[[Shape], Stack]:
    """Layers of one cell; `init` takes the lag."""

    def build(shape: Shape) -> Stack:
        sizes = [shape.input_size, *[shape.hidden_size] * (shape.num_layers - 1)]
        return Stack(
            [
                Recurrent(cell(size, shape.hidden_size), batch_first=True, engine=shape.engine, init=init(shape.lag))
                for size in sizes
            ]
        )

    return build


def _grid(shape: Shape) -> GridLSTM:
    return GridLSTM(shape.input_size, shape.hidden_size, shape.num_layers, batch_first=True)


def _deep_grid(shape: Shape) -> GridLSTM1d:
    return GridLSTM1d(shape.input_size, shape.hidden_size, shape.num_layers)


#: What can be compared: every cell by its name, with torch's initialisation; the ReLU network that starts as the
#: identity (Le, Jaitly, Hinton 2015, section 2); gated cells that start with memories up to the lag (Tallec, Ollivier
#: 2018); the grid.
KINDS: dict[str, Kind] = {
    **{name: Kind(_recurrent(cell, lambda _: torch_default)) for name, cell in CELLS.items()},
    "irnn": Kind(_recurrent(_relu, lambda _: irnn), 1e-5),
    **{f"chrono-{name}": Kind(_recurrent(CELLS[name], lambda lag: chrono(max(lag, 3)))) for name in ("lstm", "gru")},
    "grid": Kind(_grid, deep=_deep_grid),
}


def build_network(task: MemoryTask, kind: Kind, lag: int, settings: Settings, features: int) -> Recall | DepthRecall:
    """The untrained network for inputs of so many features."""
    shape = Shape(features, settings.hidden_size, settings.num_layers, lag, settings.engine)
    if not task.whole:
        return Recall(kind.build(shape), task.answers, vocabulary=len(task.tokens))
    model: Recall | DepthRecall
    weight: Tensor
    bias: Tensor
    if kind.deep is None:
        stack = kind.build(shape)
        first = stack.get_submodule("layers.0") if isinstance(stack, Stack) else stack
        weight, bias = first.get_parameter("weight_ih"), first.get_parameter("bias_ih")
        model = Recall(stack, task.answers)
    else:
        grid = kind.deep(shape)
        weight, bias = grid.enter.weight, grid.enter.bias
        model = DepthRecall(grid, task.answers)
    # Every bit starts with the same weights: from unequal ones, no gradient leads to a function of their number.
    with torch.no_grad():
        weight.copy_(torch.randn(len(weight), 1).mul(_EQUAL_WEIGHT).expand_as(weight))
        bias.normal_(0.0, _EQUAL_BIAS)
    return model
