"""Kernels: drop-ins for the reference scan, and the one table of them, fastest first.

A kernel holds no policy: it says what it cannot do and why, and the engine chooses.
"""

from unroll.kernels.base import Kernel, ScanRequest, ScanResult
from unroll.kernels.torch_nn import TorchKernel

#: Fastest first. The reference scan of `unroll.engine` comes after the last of them.
KERNELS: tuple[Kernel, ...] = (TorchKernel(),)

__all__ = ["KERNELS", "Kernel", "ScanRequest", "ScanResult", "TorchKernel"]
