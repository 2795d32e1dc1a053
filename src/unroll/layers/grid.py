"""Grid LSTM: memory along every dimension of a grid, depth among them.

Shapes: T time, B batch, I input size, H hidden size, L blocks in depth.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from unroll.cells import LSTMCell, LSTMState
from unroll.cells.init import Initialiser, keras_default
from unroll.errors import ConfigError


class GridState(NamedTuple):
    """What passes from one step to the next: h and c of the time dimension in every block, (L, B, H) each."""

    h: Tensor
    c: Tensor


class _Transform(nn.Module):
    """The LSTM of one dimension, Kalchbrenner et al. 2015, equations 1 and 2.

    From the joined hidden vectors of a block and the dimension's own memory to its new hidden vector and memory. The
    joined vector holds the dimension's own h, so there is no recurrent product beside it; h' = tanh(o c'), not o
    tanh(c') as in the usual LSTM.
    """

    def __init__(self, joined: int, hidden_size: int, init: Initialiser) -> None:
        super().__init__()
        cell = LSTMCell(joined, hidden_size)
        filled = {name: torch.empty(spec.shape) for name, spec in cell.parameters().items()}
        init(cell, filled)
        self.weight = nn.Parameter(filled["weight_ih"])
        self.bias = nn.Parameter(filled["bias_ih"] + filled["bias_hh"])

    def forward(self, joined: Tensor, c: Tensor) -> LSTMState:
        i, f, g, o = functional.linear(joined, self.weight, self.bias).chunk(4, dim=-1)
        memory = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return LSTMState(torch.tanh(torch.sigmoid(o) * memory), memory)


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

    Equation:
        At step t the input enters the depth dimension: (h_d, c_d) = W x_t. In every block, with H = [h_t; h_d]:
        (h_t', c_t') = LSTM_time(H, c_t), which the same block has at step t + 1;
        (h_d', c_d') = LSTM_depth(H, c_d), which the next block has at step t.
        With `priority` LSTM_depth sees [h_t'; h_d] (section 3.2). y_t is h_d' of the last block.

    Source: Kalchbrenner, Danihelka, Graves 2015, "Grid long short-term memory", sections 2.1, 3.1, 3.2 and 3.5
    ("2-LSTM").

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
        init: Initialiser = keras_default,
    ) -> None:
        super().__init__()
        _check("GridLSTM", input_size, hidden_size, blocks)
        self.input_size = input_size
        self.output_size = hidden_size
        self.batch_first = batch_first
        self.blocks = blocks
        self.priority = priority
        self.reverse = reverse
        self.enter = nn.Linear(input_size, 2 * hidden_size)
        kinds = 1 if tied else blocks
        self.time = nn.ModuleList(_Transform(2 * hidden_size, hidden_size, init) for _ in range(kinds))
        self.depth = nn.ModuleList(_Transform(2 * hidden_size, hidden_size, init) for _ in range(kinds))

    def forward(
        self, x: Tensor, state: GridState | None = None, *, lengths: Tensor | None = None, reset: Tensor | None = None
    ) -> tuple[Tensor, GridState]:
        """Run over time: arguments and results as `Recurrent.forward`, with one state for all blocks.

        Raises:
            ValueError: x has another number of axes or of features.
        """
        if x.dim() != 3 or x.shape[2] != self.input_size:
            raise ValueError(f"GridLSTM: x must have shape (T, B, I) with I = {self.input_size}, got {tuple(x.shape)}")
        if self.batch_first:
            x = x.transpose(0, 1)
            reset = None if reset is None else reset.transpose(0, 1)
        steps, batch = x.shape[:2]
        h, c = x.new_zeros(2, self.blocks, batch, self.output_size) if state is None else state
        valid = None
        t_T1 = torch.arange(steps, device=x.device).unsqueeze(1)
        if lengths is not None:
            valid = t_T1 < lengths.to(x.device)
            x = x.masked_fill(~valid.unsqueeze(2), 0.0)
        # Backwards, step t of a row of n steps is what stands at n - 1 - t; the padding stays where it is.
        last = steps - 1 if lengths is None else lengths.to(x.device) - 1
        order_TB = torch.where(t_T1 <= last, last - t_T1, t_T1).expand(steps, batch) if self.reverse else None
        if order_TB is not None:
            x = x.gather(0, order_TB.unsqueeze(2).expand_as(x))
            reset = None if reset is None else reset.to(x.device).gather(0, order_TB)
        entered = self.enter(x)
        outputs = []
        for t in range(steps):
            if reset is not None:
                keep = ~reset[t].to(x.device).reshape(1, batch, 1)
                h, c = h * keep, c * keep
            y, after_h, after_c = self._step(entered[t], h, c)
            if valid is not None:
                now = valid[t].unsqueeze(1)
                y = y.masked_fill(~now, 0.0)
                after_h, after_c = torch.where(now, after_h, h), torch.where(now, after_c, c)
            h, c = after_h, after_c
            outputs.append(y)
        y_TBH = torch.stack(outputs) if outputs else x.new_zeros(0, batch, self.output_size)
        if order_TB is not None:
            y_TBH = y_TBH.gather(0, order_TB.unsqueeze(2).expand_as(y_TBH))
        return (y_TBH.transpose(0, 1) if self.batch_first else y_TBH), GridState(h, c)

    def _step(self, entered: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One step of time through all blocks."""
        h_depth, c_depth = entered.chunk(2, dim=-1)
        after: list[LSTMState] = []
        for block in range(self.blocks):
            joined = torch.cat((h[block], h_depth), dim=-1)
            after.append(self.time[block % len(self.time)](joined, c[block]))
            if self.priority:
                joined = torch.cat((after[-1].h, h_depth), dim=-1)
            h_depth, c_depth = self.depth[block % len(self.depth)](joined, c_depth)
        return h_depth, torch.stack([state.h for state in after]), torch.stack([state.c for state in after])
