"""What a kernel is: a drop-in for the whole scan over time.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from unroll.cells import Cell

V = TypeVar("V")


class ScanRequest(NamedTuple):
    """One scan, checked and normalised by the engine.

    Attributes:
        cell: the equation.
        params: the cell's parameters by name, on the device and in the dtype of `x`.
        x: (T, B, I), any strides. Values past a row's length may be anything, NaN included.
        state: the cell's named tuple of (B, ·), or None for zeros.
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


class JointResult(NamedTuple):
    """What two scans of the same input give.

    Attributes:
        output: (T, B, sum of the output sizes), the first scan's features first.
        states: as `ScanResult.state`, of each.
    """

    output: Tensor
    states: tuple[Any, Any]


class KnownCells(Generic[V]):
    """Something about each cell seen so far, found by identity: a cell is dear to hash and to ask.

    Models have a handful of cells; the bound is for a program that makes them without end.
    """

    _MOST = 1024

    def __init__(self) -> None:
        # The cell is held, so its id stays its own.
        self._found: dict[tuple[Any, ...], tuple[Cell, V]] = {}

    def get(self, cell: Cell, *rest: Any) -> V | None:
        """What is known of this very cell under these further keys, or None."""
        found = self._found.get((id(cell), *rest))
        return None if found is None else found[1]

    def put(self, value: V, cell: Cell, *rest: Any) -> V:
        """Keep it, and give it back."""
        if len(self._found) >= self._MOST:
            self._found.clear()
        self._found[id(cell), *rest] = (cell, value)
        return value


class Kernel(Protocol):
    """One row of the table of kernels."""

    @property
    def name(self) -> str:
        """The name that `engine=` takes."""

    def refuse(self, request: ScanRequest) -> str | None:
        """Why this kernel cannot do the job, in words a user can act on; None if it can."""

    def run(self, request: ScanRequest) -> ScanResult:
        """Do the job. Only called when `refuse` returned None."""

    def run_both(self, first: ScanRequest, second: ScanRequest) -> JointResult:
        """Do two jobs on the same x, lengths and recompute, neither with a trace; `joined` unless side by side is
        better."""


def first_state(request: ScanRequest) -> Any:
    """The state before the first step, (B, ·) each."""
    if request.state is not None:
        return request.state
    return request.cell.zeros(request.x.shape[1], device=request.x.device, dtype=request.x.dtype)


def joined(a: ScanResult, b: ScanResult) -> JointResult:
    """Two results of the same input as one."""
    return JointResult(torch.cat((a.output, b.output), dim=-1), (a.state, b.state))
