"""An LSTM beside convolutions over time: the recurrent network of the field for classes of series.

Shapes: B batch, T time, I input size, C channels, S steps that the LSTM's view has, H features of one step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unroll.cells import Cell
from unroll.errors import ConfigError
from unroll.layers import Recurrent
from unroll.models.encoders import Encoded

#: The network's name at the edge (config).
LSTM_FCN = "lstm-fcn"
#: Widths of the convolutions and how many filters each has (Karim et al. 2018, section III-A).
WIDTHS = (8, 5, 3)
FILTERS = (128, 256, 128)
#: What a squeeze leaves of the channels (Hu et al. 2018, section 6.1; taken by MLSTM-FCN).
_REDUCTION = 16
#: How much of the running statistics a batch replaces.
_MOMENTUM = 0.1
_EPSILON = 1e-5


class StepNorm(nn.Module):
    """Batch normalisation over the rows' own steps: padding has no part in the statistics.

    Source: Ioffe, Szegedy 2015, "Batch normalization", section 3.2, algorithm 2.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.running_mean: Tensor
        self.running_variance: Tensor
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_variance", torch.ones(channels))

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """(B, C, T) normalised; what stands in the padding means nothing.

        Args:
            x: (B, C, T).
            valid: (B, 1, T) bool, the rows' own steps.
        """
        if not self.training:
            return nn.functional.batch_norm(
                x, self.running_mean, self.running_variance, self.weight, self.bias, False, 0.0, _EPSILON
            )
        count = int(valid.sum())
        if count == valid.numel() and count > 1:
            return nn.functional.batch_norm(
                x, self.running_mean, self.running_variance, self.weight, self.bias, True, _MOMENTUM, _EPSILON
            )
        mean, variance = self._statistics(x, valid, max(count, 1))
        scale = self.weight * (variance + _EPSILON).rsqrt()
        return x * scale[:, None] + (self.bias - mean * scale)[:, None]

    def _statistics(self, x: Tensor, valid: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Mean and variance (C,) of the rows' own steps; the running ones move towards them."""
        mean = x.masked_fill(~valid, 0.0).sum(dim=(0, 2)) / count
        variance = (x - mean[:, None]).masked_fill(~valid, 0.0).square().sum(dim=(0, 2)) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, _MOMENTUM)
            self.running_variance.lerp_(variance * (count / max(count - 1, 1)), _MOMENTUM)
        return mean, variance


class SqueezeExcite(nn.Module):
    """Weighs the channels of a row by what they hold on average over its steps.

    Source: Hu et al. 2018, "Squeeze-and-excitation networks", section 3, equations 2 to 4.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = max(1, channels // _REDUCTION)
        self.weigh = nn.Sequential(
            nn.Linear(channels, narrow, bias=False), nn.ReLU(), nn.Linear(narrow, channels, bias=False), nn.Sigmoid()
        )

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, C, T) as x, which is zero past a row's end."""
        mean = x.sum(dim=2) / lengths.clamp(min=1).unsqueeze(1)
        weights: Tensor = self.weigh(mean)
        return x * weights.unsqueeze(2)


class ConvolutionBlock(nn.Module):
    """Convolution over time, batch normalisation, ReLU, and perhaps squeeze-and-excite.

    Args:
        input_size: I.
        channels: C.
        width: steps that a filter sees.
        stride: steps between two places of a filter.
        squeeze: whether channels are weighed.
    """

    def __init__(self, input_size: int, channels: int, width: int, *, stride: int = 1, squeeze: bool = False) -> None:
        super().__init__()
        self.stride = stride
        self.left = (width - 1) // 2
        self.right = width - 1 - self.left
        self.filters = nn.Conv1d(input_size, channels, width, stride=stride, bias=False)
        nn.init.kaiming_uniform_(self.filters.weight, nonlinearity="relu")
        self.norm = StepNorm(channels)
        self.squeeze = SqueezeExcite(channels) if squeeze else None

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, I, T), zero past a row's end, and (B,), to (B, C, T / stride rounded up), likewise, and (B,)."""
        y = self.filters(nn.functional.pad(x, (self.left, self.right)))
        lengths = (lengths + self.stride - 1) // self.stride
        valid = (torch.arange(y.shape[2], device=y.device) < lengths.unsqueeze(1)).unsqueeze(1)
        y = self.norm(y, valid).relu().masked_fill(~valid, 0.0)
        return (y if self.squeeze is None else self.squeeze(y, lengths)), lengths


def stretched(x: Tensor, lengths: Tensor, steps: int) -> Tensor:
    """(B, steps, I): every row's own steps brought to one number by linear interpolation; zeros for an empty row.

    Args:
        x: (B, T, I), T at least 1.
        lengths: (B,).
        steps: how many.
    """
    last = (lengths - 1).clamp(min=0).unsqueeze(1)
    at = torch.linspace(0, 1, steps, device=x.device, dtype=x.dtype) * last
    below = at.floor().long()
    share = (at - below).unsqueeze(-1)
    above = torch.minimum(below + 1, last)
    size = x.shape[-1]
    row = x.gather(1, below.unsqueeze(-1).expand(-1, -1, size))
    following = x.gather(1, above.unsqueeze(-1).expand(-1, -1, size))
    return torch.lerp(row, following, share).masked_fill((lengths == 0)[:, None, None], 0.0)


class ShuffledLSTM(nn.Module):
    """A recurrent layer over channels instead of time: a step is one channel, its features are that channel's steps.

    Source: Karim et al. 2018, "LSTM fully convolutional networks for time series classification", section III-A,
        "dimension shuffle". There all series are of one length; here rows are brought to it by interpolation.

    Args:
        cell: its input size is S.
        dropout: probability that one of its features is hidden in training.
        engine: what runs it.
    """

    def __init__(self, cell: Cell, *, dropout: float = 0.8, engine: str = "auto") -> None:
        super().__init__()
        self.steps = cell.input_size
        self.layer = Recurrent(cell, batch_first=True, engine=engine)
        self.dropout = nn.Dropout(dropout)
        self.output_size = self.layer.output_size

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, I), (B,) -> (B, H)."""
        _, state = self.layer(stretched(x, lengths, self.steps).transpose(1, 2))
        return self.dropout(state.h)  # type: ignore[no-any-return]


class LSTMFCN(nn.Module):
    """Three blocks of convolutions over time, and beside them a recurrent layer, which is `last`.

    Source: Karim et al. 2018, "LSTM fully convolutional networks for time series classification", figure 2; with
        squeeze-and-excite Karim et al. 2019, "Multivariate LSTM-FCNs for time series classification", figure 1.

    Args:
        input_size: I.
        recurrent: the recurrent layer.
        filters: how many each block has; the last is H.
        stride: steps between two places of the first block's filters, for long series.
        squeeze: whether the first two blocks weigh their channels.

    Raises:
        ConfigError: the number of blocks is not that of the widths, or the stride is below 1.
    """

    def __init__(
        self,
        input_size: int,
        recurrent: ShuffledLSTM,
        *,
        filters: Sequence[int] = FILTERS,
        stride: int = 1,
        squeeze: bool = False,
    ) -> None:
        super().__init__()
        if len(filters) != len(WIDTHS) or stride < 1:
            raise ConfigError(f"LSTMFCN: expected {len(WIDTHS)} filters and stride >= 1, got {filters} and {stride}")
        self.recurrent = recurrent
        # A filter of the first block must see every step between two of its places.
        widths = (max(WIDTHS[0], 2 * stride if stride > 1 else 0), *WIDTHS[1:])
        self.blocks = nn.ModuleList(
            ConvolutionBlock(
                below,
                size,
                width,
                stride=stride if number == 0 else 1,
                squeeze=squeeze and number < len(WIDTHS) - 1,
            )
            for number, (below, size, width) in enumerate(zip((input_size, *filters), filters, widths))  # noqa: B905
        )
        self.stride = stride
        self.output_size = filters[-1]
        self.last_size = recurrent.output_size

    def forward(self, x: Tensor, lengths: Tensor) -> Encoded:
        """Encode (B, T, I)."""
        lengths = lengths.to(x.device)
        if x.shape[1] == 0:
            x = x.new_zeros(x.shape[0], 1, x.shape[2])
        valid = (torch.arange(x.shape[1], device=x.device) < lengths.unsqueeze(1)).unsqueeze(-1)
        x = x.masked_fill(~valid, 0.0)
        last = self.recurrent(x, lengths)
        y = x.transpose(1, 2)
        for block in self.blocks:
            y, lengths = block(y, lengths)
        return Encoded(y.transpose(1, 2), lengths, last)
