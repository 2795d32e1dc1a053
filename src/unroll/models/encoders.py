"""From a row of steps to features of every step: recurrent, and the plain networks a recurrent one is compared with.

Every encoder is batch-first and takes ragged rows; none lets the padding be seen.

Shapes: T time, B batch, I input size, H features of one step after the encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unroll.cells import Cell
from unroll.errors import ConfigError
from unroll.layers import Bidirectional, GridLSTM, GridState, Recurrent, Stack


class Encoded(NamedTuple):
    """What an encoder makes of a batch.

    Attributes:
        y: (B, T, H), features of every step; past a row's end they mean nothing.
        lengths: (B,), steps of every row.
        last: (B, H), what the encoder itself keeps of the whole row.
    """

    y: Tensor
    lengths: Tensor
    last: Tensor


class RecurrentEncoder(nn.Module):
    """A deep recurrent network. `last` is the highest layer's last state `h`, of both directions if there are two.

    Args:
        stack: the layers, batch-first.

    Raises:
        ConfigError: the layers are not batch-first.
    """

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        if not stack.batch_first:
            raise ConfigError("RecurrentEncoder: the layers must have batch_first=True")
        self.stack = stack
        self.output_size = stack.output_size

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Encoded:
        """Encode (B, T, I); without lengths every row has T steps, which engines do faster."""
        y, states = self.stack(x, lengths=lengths)
        if lengths is None:
            lengths = torch.full((x.shape[0],), x.shape[1], device=x.device)
        return Encoded(y, lengths, _last_h(states[-1]))


def _last_h(state: Any) -> Tensor:
    """The `h` of a state, or of both directions side by side."""
    if isinstance(state, GridState):
        highest: Tensor = state.h[-1]
        return highest
    if hasattr(state, "h"):
        h: Tensor = state.h
        return h
    return torch.cat([_last_h(part) for part in state], dim=-1)


def recurrent_stack(
    cells: Sequence[tuple[Cell, ...]], *, dropout: float = 0.0, residual: bool = False, engine: str = "auto"
) -> Stack:
    """Batch-first layers of one cell (forwards) or two (forwards, backwards) each, lowest first.

    Raises:
        ConfigError: a layer has neither one nor two cells, or two layers do not fit together.
    """
    layers: list[nn.Module] = []
    for parts in cells:
        if len(parts) not in (1, 2):
            raise ConfigError(f"recurrent_stack: a layer has one cell or two, got {len(parts)}")
        directions = [
            Recurrent(cell, reverse=index == 1, batch_first=True, engine=engine) for index, cell in enumerate(parts)
        ]
        layers.append(directions[0] if len(directions) == 1 else Bidirectional(*directions))
    return Stack(layers, dropout=dropout, residual=residual)


def grid_stack(input_size: int, hidden_size: int, blocks: int, *, bidirectional: bool = False) -> Stack:
    """A batch-first Grid LSTM of so many blocks in depth, or one for each direction.

    Raises:
        ConfigError: a size is below 1.
    """
    grids = [
        GridLSTM(input_size, hidden_size, blocks, reverse=reverse, batch_first=True)
        for reverse in (False, True)[: 2 if bidirectional else 1]
    ]
    return Stack([Bidirectional(*grids) if bidirectional else grids[0]])


class ConvolutionEncoder(nn.Module):
    """Convolutions of several widths over time, side by side. `last` is the greatest value over the row's steps.

    Source: Kim 2014, "Convolutional neural networks for sentence classification", section 2.

    Args:
        input_size: I.
        channels: features of each width.
        widths: steps that a filter sees.
    """

    def __init__(self, input_size: int, channels: int, widths: Sequence[int] = (3, 4, 5)) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.filters = nn.ModuleList(nn.Conv1d(input_size, channels, width) for width in widths)
        self.output_size = channels * len(self.widths)

    def forward(self, x: Tensor, lengths: Tensor) -> Encoded:
        """Encode (B, T, I)."""
        if x.shape[1] == 0:
            return Encoded(
                x.new_zeros(x.shape[0], 0, self.output_size), lengths, x.new_zeros(x.shape[0], self.output_size)
            )
        valid = (torch.arange(x.shape[1], device=x.device) < lengths.to(x.device).unsqueeze(1)).unsqueeze(1)
        x_BIT = x.transpose(1, 2).masked_fill(~valid, 0.0)
        parts = []
        for width, filters in zip(self.widths, self.filters, strict=True):
            left = (width - 1) // 2
            parts.append(filters(nn.functional.pad(x_BIT, (left, width - 1 - left))).relu())
        y_BHT = torch.cat(parts, dim=1).masked_fill(~valid, 0.0)
        # After ReLU nothing is below zero, so the zeros of the padding cannot win.
        return Encoded(y_BHT.transpose(1, 2), lengths, y_BHT.amax(dim=2))


class WindowEncoder(nn.Module):
    """A multilayer perceptron over the whole row: its steps are averaged into equal segments, laid side by side.

    It keeps the order of the segments and loses the order within one; a row of any length fits. It gives one step per
    row.

    Args:
        input_size: I.
        hidden_size: H.
        segments: how many segments a row is cut into.
        dropout: probability that a hidden feature is hidden in training.
    """

    def __init__(self, input_size: int, hidden_size: int, *, segments: int = 16, dropout: float = 0.0) -> None:
        super().__init__()
        self.segments = segments
        self.layers = nn.Sequential(
            nn.Linear(input_size * segments, hidden_size),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_size, hidden_size),
            nn.ReLU(),
        )
        self.output_size = hidden_size

    def forward(self, x: Tensor, lengths: Tensor) -> Encoded:
        """Encode (B, T, I)."""
        lengths = lengths.to(x.device)
        window = segment_means(x, lengths, self.segments).flatten(1)
        last = self.layers(window)
        return Encoded(last.unsqueeze(1), (lengths > 0).to(lengths.dtype), last)


def segment_means(x: Tensor, lengths: Tensor, segments: int) -> Tensor:
    """(B, K, I): each row's own steps averaged in K equal segments, a step shared by the segments it overlaps."""
    edges = torch.arange(segments + 1, device=x.device) / segments * lengths.unsqueeze(1)
    t = torch.arange(x.shape[1], device=x.device)
    start, end = edges[:, :-1, None], edges[:, 1:, None]
    overlap_BKT = (torch.minimum(end, t + 1) - torch.maximum(start, t)).clamp(min=0.0).to(x.dtype)
    share = overlap_BKT / (end - start).clamp(min=torch.finfo(torch.float32).tiny).to(x.dtype)
    valid = (t < lengths.unsqueeze(1)).unsqueeze(-1)
    return share @ x.masked_fill(~valid, 0.0)


class BagEncoder(nn.Module):
    """No network over time: every step is passed on as it is, and pooling mixes them without order. `last` is their
    mean.

    Args:
        input_size: I.
    """

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.output_size = input_size

    def forward(self, x: Tensor, lengths: Tensor) -> Encoded:
        """Encode (B, T, I)."""
        valid = (torch.arange(x.shape[1], device=x.device) < lengths.to(x.device).unsqueeze(1)).unsqueeze(-1)
        last = x.masked_fill(~valid, 0.0).sum(dim=1) / lengths.to(x.device).clamp(min=1).unsqueeze(-1)
        return Encoded(x, lengths, last)


#: The name of Grid LSTM at the edge (config): recurrent, but no cell that any engine could run.
GRID = "grid"
#: Encoders that are no recurrent network, by their name at the edge (config); recurrent ones go by the name of their
#: cell.
OTHER_ENCODERS: dict[str, type[ConvolutionEncoder] | type[WindowEncoder] | type[BagEncoder]] = {
    "cnn": ConvolutionEncoder,
    "mlp": WindowEncoder,
    "bag": BagEncoder,
}
