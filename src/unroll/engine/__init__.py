"""The schedule: everything about time. Knows no cell by name and holds no equation."""

from unroll.engine.scan import AUTO, Choice, choose, engines, recorded_choices, scan, scan_layers
from unroll.kernels import Layer, LayersResult, Run

__all__ = [
    "AUTO",
    "Choice",
    "Layer",
    "LayersResult",
    "Run",
    "choose",
    "engines",
    "recorded_choices",
    "scan",
    "scan_layers",
]
