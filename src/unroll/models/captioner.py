"""A picture in, a text out that looks at the picture's cells while it is written.

Shapes: B batch, S cells, C features of a cell, T tokens of a text, H and W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from unroll.errors import ConfigError
from unroll.models.attention_decoder import AttentionDecoder, Writing
from unroll.models.softmax import softmax_cost

#: Numbers beside the features of a cell that say where it is.
PLACE = 2


class Cost(NamedTuple):
    """What texts cost.

    Attributes:
        tokens: the summed cross-entropy of all tokens and ends.
        looks: the doubly stochastic term, summed over texts: how far the looks at each cell are from the same sum.
    """

    tokens: Tensor
    looks: Tensor


class SmallPictures(nn.Module):
    """Convolutions for small pictures: each halves both sides, normalises and doubles the channels.

    Args:
        channels: of each convolution.
    """

    def __init__(self, channels: Sequence[int] = (32, 64, 128)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for below, size in zip((3, *channels), channels, strict=False):
            layers += [
                nn.Conv2d(below, size, 3, padding=1, bias=False),
                nn.BatchNorm2d(size),
                nn.ReLU(),
                nn.MaxPool2d(2, ceil_mode=True),
            ]
        self.layers = nn.Sequential(*layers)
        self.halvings = len(channels)
        self.output_size = channels[-1]

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, S, C) from (B, 3, H, W) pixels from 0 to 255."""
        x = pixels.to(next(self.parameters()).dtype) / 127.5 - 1
        y: Tensor = self.layers(x)
        return y.flatten(2).transpose(1, 2)

    def cells(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of cells of a picture."""
        for _ in range(self.halvings):
            height, width = -(-height // 2), -(-width // 2)
        return height, width


class Captioner(nn.Module):
    """Cells of a picture as the memory of a decoder, with where each of them is.

    Source: Xu et al. 2015, "Show, attend and tell: neural image caption generation with visual attention": features of
    cells (section 3.1.1), first states from their mean (3.1.2), soft attention with the doubly stochastic term (4.2.1,
    equation 14). Different here: the decoder is Luong's, which looks after its recurrent step and, with input feeding,
    reads what it saw in the next one; and a cell also has its place.

    Args:
        encoder: from pixels to cells, trained along; None where cells are given.
        features: C of what is given or comes from the encoder.
        grid: rows and columns of cells.
        decoder: whose memory and summary have as many features as `size`.
        size: features that a cell has after one linear map.
        dropout: of the features of cells.

    Raises:
        ConfigError: the decoder does not look at cells of `size`.
    """

    def __init__(
        self,
        encoder: nn.Module | None,
        features: int,
        grid: tuple[int, int],
        decoder: AttentionDecoder,
        *,
        size: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if decoder.attention.memory_size != size:
            raise ConfigError(
                f"Captioner: the decoder looks at {decoder.attention.memory_size} features, the cells have {size}"
            )
        self.encoder = encoder
        self.project = nn.Linear(features + PLACE, size)
        self.decoder = decoder
        self.dropout = nn.Dropout(dropout)
        self.grid = grid
        rows, columns = (torch.linspace(-1, 1, count) if count > 1 else torch.zeros(1) for count in grid)
        place = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1).flatten(0, 1)
        self._place: Tensor
        self.register_buffer("_place", place, persistent=False)

    def read(self, picture: Tensor) -> Writing:
        """The decoder's state before the first token.

        Args:
            picture: (B, S, C) cells, or (B, 3, H, W) pixels where an encoder makes cells of them.
        """
        cells_BSC = picture if self.encoder is None else self.encoder(picture)
        place = self._place.to(cells_BSC).expand(cells_BSC.shape[0], -1, -1)
        known = self.project(torch.cat((self.dropout(cells_BSC), place), dim=-1)).relu()
        return self.decoder.start(known, known.mean(dim=1))

    def forward(self, picture: Tensor, target_BT: Tensor, lengths: Tensor, smoothing: float = 0.0) -> Cost:
        """What texts cost, given their pictures.

        Args:
            picture: as `read` takes it, one for each text.
            target_BT: (B, T) tokens; 0, which begins and ends every text, past a row's end.
            lengths: (B,) tokens of each text.
            smoothing: of the labels.
        """
        decoder = self.decoder
        steps = decoder(functional.pad(target_BT, (1, 0)), self.read(picture), lengths=lengths + 1)
        wanted_BT = functional.pad(target_BT, (0, 1))
        real_BT = torch.arange(wanted_BT.shape[1], device=wanted_BT.device) <= lengths.to(wanted_BT.device).unsqueeze(1)
        tokens = softmax_cost(steps.features[real_BT], decoder.weight, decoder.bias, wanted_BT[real_BT], smoothing)
        looked_BS = (steps.weights * real_BT.unsqueeze(-1)).sum(dim=1)
        # Every cell is to get its share of all looks; the published term has shares of one for texts of any length.
        share = (lengths + 1).to(looked_BS).unsqueeze(1) / looked_BS.shape[1]
        return Cost(tokens, (looked_BS - share).square().sum())
