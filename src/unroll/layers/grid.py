"""Grid LSTM: memory along every dimension of a grid, depth among them.

Shapes: T time, B batch, I input size, H hidden size, L blocks in depth.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from unroll.cells import GridLSTMCell, GridLSTMState, LSTMCell, LSTMState
from unroll.cells.grid import transform
from unroll.cells.init import Initialiser, keras_default
from unroll.engine import AUTO, scan
from unroll.errors import ConfigError


class GridState(NamedTuple):
    """What passes from one step to the next: h and c of the time dimension in every block, (L, B, H) each."""

    h: Tensor
    c: Tensor


class _Transform(nn.Module):
    """The weights of the LSTM of one dimension of a grid; see `cells.grid.transform`."""

    def __init__(self, joined: int, hidden_size: int, init: Initialiser) -> None:
        super().__init__()
        cell = LSTMCell(joined, hidden_size)
        filled = {name: torch.empty(spec.shape) for name, spec in cell.parameters().items()}
        init(cell, filled)
        self.weight = nn.Parameter(filled["weight_ih"])
        self.bias = nn.Parameter(filled["bias_ih"] + filled["bias_hh"])

    def forward(self, joined: Tensor, c: Tensor) -> LSTMState:
        return transform(joined, c, self.weight, self.bias)


def _check(name: str, input_size: int, hidden_size: int, blocks: int) -> None:
    if min(input_size, hidden_size, blocks) < 1:
        raise ConfigError(f"{name}: sizes and blocks must be positive, got {input_size}, {hidden_size} and {blocks}")


class GridLSTM1d(nn.Module):
    """A feed-forward network whose depth is an LSTM: the one-dimensional grid.

    Source: Kalchbrenner, Danihelka, Graves 2015, "Grid long short-term memory", section 3 and 4.1 (there "1-LSTM").

    Example:
        >>> import torch
        >>> from unroll.layers import GridLSTM1d
        >>> tuple(GridLSTM1d(50, 16, blocks=4)(torch.zeros(2, 50)).shape)
        (2, 16)

    Args:
        input_size: I.
        hidden_size: H.
        blocks: L.
        tied: all blocks share their weights (section 3.5).
        init: fills the weights, as those of an LSTM's input.

    Raises:
        ConfigError: a size is below 1.
    """

    def __init__(
        self, input_size: int, hidden_size: int, blocks: int, *, tied: bool = True, init: Initialiser = keras_default
    ) -> None:
        super().__init__()
        _check("GridLSTM1d", input_size, hidden_size, blocks)
        self.input_size = input_size
        self.output_size = hidden_size
        self.enter = nn.Linear(input_size, 2 * hidden_size)
        self.depth = nn.ModuleList(_Transform(hidden_size, hidden_size, init) for _ in range(1 if tied else blocks))
        self.blocks = blocks

    def forward(self, x: Tensor) -> Tensor:
        """(..., I) to (..., H)."""
        h, c = self.enter(x).chunk(2, dim=-1)
        for block in range(self.blocks):
            h, c = self.depth[block % len(self.depth)](h, c)
        y: Tensor = h
        return y


class GridLSTM(nn.Module):
    """The two-dimensional grid of time and depth: a stack of LSTM layers that has memory from layer to layer, too.

    Equation and source: those of `GridLSTMCell`.

    Example:
        >>> import torch
        >>> from unroll.layers import GridLSTM
        >>> y, state = GridLSTM(3, 5, blocks=2)(torch.zeros(7, 2, 3))
        >>> tuple(y.shape), tuple(state.h.shape)
        ((7, 2, 5), (2, 2, 5))

    Args:
        input_size: I.
        hidden_size: H.
        blocks: L.
        tied: all blocks share their weights.
        priority: depth comes after time and sees its new hidden vector.
        reverse: run each row from its own last step to its first.
        batch_first: x and y are (B, T, ·).
        engine: "auto" or the name of one engine.
        init: fills the weights, as those of an LSTM's input.

    Raises:
        ConfigError: a size is below 1.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        blocks: int,
        *,
        tied: bool = False,
        priority: bool = False,
        reverse: bool = False,
        batch_first: bool = False,
        engine: str = AUTO,
        init: Initialiser = keras_default,
    ) -> None:
        super().__init__()
        _check("GridLSTM", input_size, hidden_size, blocks)
        self.cell = GridLSTMCell(input_size, hidden_size, blocks=blocks, tied=tied, priority=priority)
        self.input_size = input_size
        self.output_size = hidden_size
        self.batch_first = batch_first
        self.blocks = blocks
        self.priority = priority
        self.reverse = reverse
        self.engine = engine
        self.enter = nn.Linear(input_size, 2 * hidden_size)
        kinds = 1 if tied else blocks
        self.time = nn.ModuleList(_Transform(2 * hidden_size, hidden_size, init) for _ in range(kinds))
        self.depth = nn.ModuleList(_Transform(2 * hidden_size, hidden_size, init) for _ in range(kinds))

    def forward(
        self, x: Tensor, state: GridState | None = None, *, lengths: Tensor | None = None, reset: Tensor | None = None
    ) -> tuple[Tensor, GridState]:
        """Run over time: arguments and results as `Recurrent.forward`, with one state for all blocks.

        Raises:
            ValueError: a shape, dtype or length is wrong.
            EngineError: a forced engine cannot do the job.
        """
        if self.batch_first and x.dim() == 3:
            x = x.transpose(0, 1)
            reset = None if reset is None else reset.transpose(0, 1)
        y, last, _ = scan(
            self.cell,
            self._parameters_of_the_cell(),
            x,
            None if state is None else GridLSTMState(*map(_joined, state)),
            lengths=lengths,
            reset=reset,
            reverse=self.reverse,
            engine=self.engine,
        )
        return (y.transpose(0, 1) if self.batch_first else y), GridState(*(self._by_block(part) for part in last))

    def _parameters_of_the_cell(self) -> dict[str, Tensor]:
        params = {"weight_enter": self.enter.weight, "bias_enter": self.enter.bias}
        for dimension, kinds in (("time", self.time), ("depth", self.depth)):
            for block, kind in enumerate(kinds):
                for name in ("weight", "bias"):
                    params[f"{name}_{dimension}_{block}"] = getattr(kind, name)
        return params

    def _by_block(self, part_B: Tensor) -> Tensor:
        """(B, L * H) to (L, B, H)."""
        return part_B.reshape(-1, self.blocks, self.output_size).transpose(0, 1)


def _joined(part_LBH: Tensor) -> Tensor:
    """(L, B, H) to (B, L * H)."""
    return part_LBH.transpose(0, 1).flatten(1)
