"""The network of captions, from its settings.

Shapes: B batch, S cells, C features of a cell.
"""

from __future__ import annotations

from torch import Tensor, nn

from unroll.cells import CELLS
from unroll.layers import Attention, Recurrent, Score, Stack
from unroll.models.attention_decoder import AttentionDecoder, Writing
from unroll.models.captioner import Captioner, SmallPictures
from unroll.models.efficientnet import FEATURES, EfficientNetLite0, cells_of
from unroll.tasks.caption.settings import CaptionSettings, Saved


class CaptionNetwork(nn.Module):
    """A captioner with the frozen network before it: what a run folder holds.

    Args:
        captioner: from cells, or from pixels.
        backbone: from pixels to cells; None where the captioner takes pixels.
    """

    def __init__(self, captioner: Captioner, backbone: EfficientNetLite0 | None) -> None:
        super().__init__()
        self.captioner = captioner
        self.backbone = backbone

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, S, C) the cells as the decoder sees them, from (B, 3, H, W) pixels from 0 to 255."""
        values: Tensor = self.read(pixels).memory.values
        return values

    def read(self, pixels: Tensor) -> Writing:
        """The decoder's state before the first word; arguments as `forward`."""
        return self.captioner.read(pixels if self.backbone is None else self.backbone(pixels))


def build_captioner(vocabulary: int, saved: Saved, settings: CaptionSettings) -> Captioner:
    """The untrained network.

    Args:
        vocabulary: V.
        saved: the size of its pictures.
        settings: its sizes.
    """
    size = settings.embedding_size
    encoder = None if saved.backbone is not None else SmallPictures()
    grid = cells_of(saved.height, saved.width) if encoder is None else encoder.cells(saved.height, saved.width)
    below = size * (2 if settings.input_feeding else 1)
    layers = []
    for _ in range(settings.num_layers):
        cell = CELLS[settings.encoder](below, settings.hidden_size)
        layers.append(Recurrent(cell, batch_first=True, engine=settings.engine))
        below = settings.hidden_size
    body = Stack(layers, dropout=settings.dropout if len(layers) > 1 else 0.0)
    attention = Attention(settings.hidden_size, size, score=Score.ADDITIVE, size=size)
    decoder = AttentionDecoder(
        vocabulary,
        body,
        attention,
        summary_size=size,
        input_feeding=settings.input_feeding,
        dropout=settings.dropout,
    )
    features = FEATURES if encoder is None else encoder.output_size
    return Captioner(encoder, features, grid, decoder, size=size, dropout=settings.dropout)
