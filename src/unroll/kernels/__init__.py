"""Kernels: drop-ins for the reference scan, and the one table of them, fastest first.

A kernel holds no policy: it says what it cannot do and why, and the engine chooses.
"""

from unroll.kernels.base import JointResult, Kernel, ScanRequest, ScanResult
from unroll.kernels.fallback import set_reference
from unroll.kernels.native import NativeKernel
from unroll.kernels.torch_nn import TorchKernel

#: Fastest first. The reference scan of `unroll.engine` comes after the last of them.
KERNELS: tuple[Kernel, ...] = (NativeKernel(), TorchKernel())

__all__ = [
    "KERNELS",
    "JointResult",
    "Kernel",
    "NativeKernel",
    "ScanRequest",
    "ScanResult",
    "TorchKernel",
    "set_reference",
]
