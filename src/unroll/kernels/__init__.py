"""Kernels: drop-ins for the reference scan, and the one table of them, fastest first.

A kernel holds no policy: it says what it cannot do and why, and the engine chooses.
"""

from unroll.kernels.base import (
    Kernel,
    KnownCells,
    Layer,
    LayersResult,
    Run,
    ScanRequest,
    ScanResult,
    in_turn,
    set_reference,
)
from unroll.kernels.native import NativeKernel
from unroll.kernels.torch_nn import TorchKernel

_NATIVE = NativeKernel()
#: The first kernel, asked with arguments as they came; see there.
PLAIN, run_plain = _NATIVE.name, _NATIVE.run_plain
#: Fastest first. The reference scan of `unroll.engine` comes after the last of them.
KERNELS: tuple[Kernel, ...] = (_NATIVE, TorchKernel())

__all__ = [
    "KERNELS",
    "PLAIN",
    "Kernel",
    "KnownCells",
    "Layer",
    "LayersResult",
    "NativeKernel",
    "Run",
    "ScanRequest",
    "ScanResult",
    "TorchKernel",
    "in_turn",
    "run_plain",
    "set_reference",
]
