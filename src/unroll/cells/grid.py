"""The cell of the two-dimensional Grid LSTM: all blocks of depth at one step of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from unroll.cells.base import Cell, Noise, Parameters, ParameterSpec, Role, Step
from unroll.cells.lstm import LSTMState
from unroll.cells.parts import check_sizes


class GridLSTMState(NamedTuple):
    """h and c of the time dimension in every block, those of block 0 first: (B, L * H) each."""

    h: Tensor
    c: Tensor


def transform(joined: Tensor, c: Tensor, weight: Tensor, bias: Tensor) -> LSTMState:
    """The LSTM of one dimension of a grid: Kalchbrenner et al. 2015, equations 1 and 2.

    The joined hidden vectors of a block hold the dimension's own h, so there is no recurrent product beside them;
    h' = tanh(o c'), not o tanh(c') as in the usual LSTM.

    Args:
        joined: (B, ·), the hidden vectors of all dimensions of a block.
        c: (B, H), the dimension's own memory.
        weight: (4 H, ·), rows in the gate order i f g o.
        bias: (4 H,).
    """
    i, f, g, o = functional.linear(joined, weight, bias).chunk(4, dim=-1)
    memory = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return LSTMState(torch.tanh(torch.sigmoid(o) * memory), memory)


@dataclass(frozen=True)
class GridLSTMCell(Cell):
    r"""All blocks of a two-dimensional Grid LSTM at one step: memory along time and along depth.

    Equation:
        The input enters the depth dimension: (h_d, c_d) = W_enter x + b_enter. In every block, with H = [h_t; h_d]:
        (h_t', c_t') = LSTM_time(H, c_t), which the same block has at the next step;
        (h_d', c_d') = LSTM_depth(H, c_d), which the next block has at this step.
        With `priority` LSTM_depth sees [h_t'; h_d]. The output is h_d' of the last block.

    Source:
        Kalchbrenner, Danihelka, Graves 2015, "Grid long short-term memory", sections 2.1, 3.1, 3.2 (priority) and 3.5
        (tied weights), there "2-LSTM".

    Gate order:
        i f g o, in the weights of both dimensions.

    States:
        h (B, L * H), c (B, L * H): those of the time dimension, block 0 first.

    Differs from torch.nn:
        torch.nn has no Grid LSTM.

    Example:
        >>> import torch
        >>> from unroll import Recurrent
        >>> from unroll.cells import GridLSTMCell
        >>> y, state = Recurrent(GridLSTMCell(3, 5, blocks=2))(torch.zeros(7, 4, 3))
        >>> tuple(y.shape), tuple(state.h.shape)
        ((7, 4, 5), (4, 10))

    Args:
        input_size: I.
        hidden_size: H.
        blocks: L.
        tied: all blocks share their weights.
        priority: depth comes after time and sees its new hidden vector.

    Raises:
        ConfigError: a size is below 1.
    """

    State: ClassVar[type[GridLSTMState]] = GridLSTMState
    gates: ClassVar[tuple[str, ...]] = ()

    blocks: int = 1
    tied: bool = False
    priority: bool = False

    def __post_init__(self) -> None:
        check_sizes("GridLSTMCell", input_size=self.input_size, hidden_size=self.hidden_size, blocks=self.blocks)

    @property
    def output_size(self) -> int:
        """H: the last block's hidden vector of depth alone."""
        return self.hidden_size

    def state_sizes(self) -> dict[str, int]:
        return dict.fromkeys(self.State._fields, self.blocks * self.hidden_size)

    def block_names(self) -> tuple[str, ...]:
        """Of every block the number that its parameters' names end in: one for all if their weights are tied."""
        return ("0",) * self.blocks if self.tied else tuple(map(str, range(self.blocks)))

    def parameters(self) -> dict[str, ParameterSpec]:
        size = self.hidden_size
        specs = {
            "weight_enter": ParameterSpec((2 * size, self.input_size), Role.INPUT),
            "bias_enter": ParameterSpec((2 * size,), Role.BIAS),
        }
        for dimension in ("time", "depth"):
            for block in dict.fromkeys(self.block_names()):
                specs[f"weight_{dimension}_{block}"] = ParameterSpec((4 * size, 2 * size), Role.INPUT)
                specs[f"bias_{dimension}_{block}"] = ParameterSpec((4 * size,), Role.BIAS)
        return specs

    def project(self, params: Parameters, x: Tensor) -> Tensor:
        return functional.linear(x, params["weight_enter"], params["bias_enter"])

    def step(self, params: Parameters, x: Tensor, state: GridLSTMState, noise: Noise) -> Step:
        h_depth, c_depth = x.chunk(2, dim=-1)
        after: list[LSTMState] = []
        blocks = zip(
            self.block_names(), state.h.chunk(self.blocks, dim=-1), state.c.chunk(self.blocks, dim=-1), strict=True
        )
        for block, h, c in blocks:
            joined = torch.cat((h, h_depth), dim=-1)
            after.append(transform(joined, c, params[f"weight_time_{block}"], params[f"bias_time_{block}"]))
            if self.priority:
                joined = torch.cat((after[-1].h, h_depth), dim=-1)
            h_depth, c_depth = transform(
                joined, c_depth, params[f"weight_depth_{block}"], params[f"bias_depth_{block}"]
            )
        h, c = (torch.cat(parts, dim=-1) for parts in zip(*after, strict=True))
        return Step(h_depth, GridLSTMState(h, c), {})
