"""The network of a detector, from its settings."""

from __future__ import annotations

from unroll.cells import CELLS
from unroll.metrics.nab import PROFILES
from unroll.models.encoders import recurrent_stack
from unroll.models.next_step import NextStep
from unroll.tasks.detect.settings import DetectSettings, Saved


def build_network(saved: Saved, settings: DetectSettings) -> NextStep:
    """The untrained network for these channels."""
    cell, hidden = CELLS[settings.encoder], settings.hidden_size
    channels = len(saved.channels)
    sizes = [channels + 2 * len(saved.cycles), *[hidden] * (settings.num_layers - 1)]
    dropout = settings.dropout if settings.num_layers > 1 else 0.0
    body = recurrent_stack([(cell(size, hidden),) for size in sizes], dropout=dropout, engine=settings.engine)
    return NextStep(body, channels, thresholds=len(PROFILES))
