"""The schedule: everything about time. Knows no cell by name and holds no equation."""

from unroll.engine.observe import Observation, Observer, observed
from unroll.engine.scan import AUTO, Choice, choose, engines, note, recorded_choices, scan, scan_layers
from unroll.kernels import Layer, LayersResult, Run
from unroll.kernels.torch_nn import reversal, turned

__all__ = [
    "AUTO",
    "Choice",
    "Layer",
    "LayersResult",
    "Observation",
    "Observer",
    "Run",
    "choose",
    "engines",
    "note",
    "observed",
    "recorded_choices",
    "reversal",
    "scan",
    "scan_layers",
    "turned",
]
