"""Two stacks that read the same rows from both ends and meet only at the top.

In `Bidirectional` layers every second layer sees both directions, so that each step's output depends on the step
itself; in two stacks the forwards half of a step depends on what stands up to it and the backwards half on what
stands from it on. That is what a language model of either direction needs.

Shapes: T time, B batch, I input size, H output size.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from unroll.cells import Cell
from unroll.errors import ConfigError
from unroll.layers import Recurrent, Stack
from unroll.models.encoders import Encoded


def one_way(
    cell: Callable[[int, int], Cell],
    sizes: Sequence[int],
    *,
    reverse: bool = False,
    dropout: float = 0.0,
    engine: str = "auto",
) -> Stack:
    """Batch-first layers in one direction.

    Args:
        cell: makes a cell of an input size and a state size.
        sizes: the input size of the lowest layer, then the state size of every layer.
        reverse: read each row from its own last step.
        dropout: between layers.
        engine: what runs them.
    """
    layers = [
        Recurrent(cell(below, size), reverse=reverse, batch_first=True, engine=engine)
        for below, size in itertools.pairwise(sizes)
    ]
    return Stack(layers, dropout=dropout if len(layers) > 1 else 0.0)


class BothWays(nn.Module):
    """A forwards stack, and beside it a backwards stack or none. Satisfies what a classifier asks of an encoder.

    Source: Peters et al. 2018, "Deep contextualized word representations", section 3.1 (two language models side by
    side).

    Example:
        >>> import torch
        >>> from unroll import GRUCell
        >>> from unroll.models.both_ways import BothWays, one_way
        >>> encoder = BothWays(one_way(GRUCell, [3, 5]), one_way(GRUCell, [3, 5], reverse=True))
        >>> encoded = encoder(torch.zeros(2, 7, 3), torch.tensor([7, 4]))
        >>> tuple(encoded.y.shape), tuple(encoded.last.shape)
        ((2, 7, 10), (2, 10))

    Args:
        forwards: reads from the first step on; batch-first.
        backwards: reads from each row's own last step; of the same input size. None: only forwards.

    Raises:
        ConfigError: the stacks do not fit together.
    """

    def __init__(self, forwards: Stack, backwards: Stack | None) -> None:
        super().__init__()
        for stack in (forwards, *(() if backwards is None else (backwards,))):
            if not stack.batch_first or stack.input_size != forwards.input_size:
                raise ConfigError(
                    f"BothWays: expected batch-first stacks of input size {forwards.input_size}, got"
                    f" batch_first={stack.batch_first}, input size {stack.input_size}"
                )
        self.forwards = forwards
        self.backwards = backwards
        self.input_size = forwards.input_size
        self.output_size = forwards.output_size + (0 if backwards is None else backwards.output_size)

    def ways(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, T, H) of each direction by itself, zero past a row's end."""
        y, _ = self.forwards(x, lengths=lengths)
        return y, None if self.backwards is None else self.backwards(x, lengths=lengths)[0]

    def forward(self, x: Tensor, lengths: Tensor) -> Encoded:
        """Encode (B, T, I)."""
        y, states = self.forwards(x, lengths=lengths)
        if self.backwards is None:
            return Encoded(y, lengths, _h(states[-1]))
        back, behind = self.backwards(x, lengths=lengths)
        return Encoded(torch.cat((y, back), dim=-1), lengths, torch.cat((_h(states[-1]), _h(behind[-1])), dim=-1))


def _h(state: Any) -> Tensor:
    h: Tensor = state.h
    return h
