"""What a kernel is: a drop-in for the whole scan over time.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from unroll.cells import Cell


class ScanRequest(NamedTuple):
    """One scan, checked and normalised by the engine.

    Attributes:
        cell: the equation.
        params: the cell's parameters by name, on the device and in the dtype of `x`.
        x: (T, B, I), any strides. Values past a row's length may be anything, NaN included.
        state: the cell's named tuple of (B, ·), never None.
        lengths: (B,) int64 on the device of `x`, each in [0, T]; or None if every row has T steps.
        reset: (T, B) bool on the device of `x`, or None. Where true the state is set to zero before that step is taken,
            in the order in which the steps are taken (the engine has already translated it for `reverse`).
        reverse: each row runs from its own last step to its first.
        trace: also return every state and gate of every step.
        noise: what `Cell.noise` drew: (T, B, ·) or (1, B, ·) by name; empty in evaluation. Indexed by time, also in
            reverse.
        recompute: keep the state every this many steps and recompute the rest in backward; 0 keeps everything.
    """

    cell: Cell
    params: Mapping[str, Tensor]
    x: Tensor
    state: Any
    lengths: Tensor | None
    reset: Tensor | None
    reverse: bool
    trace: bool
    noise: Mapping[str, Tensor]
    recompute: int


class ScanResult(NamedTuple):
    """What a scan gives.

    Attributes:
        output: (T, B, output size); zero past a row's end.
        state: the cell's named tuple of (B, ·): each row's state after its own last step.
        trace: by name, every state in the order of the named tuple and then every gate, (T, B, ·), zero past a row's
            end; or None.
    """

    output: Tensor
    state: Any
    trace: Mapping[str, Tensor] | None


class Kernel(Protocol):
    """One row of the table of kernels."""

    @property
    def name(self) -> str:
        """The name that `engine=` takes."""

    def refuse(self, request: ScanRequest) -> str | None:
        """Why this kernel cannot do the job, in words a user can act on; None if it can."""

    def run(self, request: ScanRequest) -> ScanResult:
        """Do the job. Only called when `refuse` returned None."""
