"""What a kernel is: a drop-in for the whole scan over time.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from unroll.cells import Cell

V = TypeVar("V")
#: A scan that is asked for, checked or not.
R = TypeVar("R", "Run", "ScanRequest")


class Run(NamedTuple):
    """One scan as a layer asks for it, not yet checked.

    Attributes:
        cell: the equation.
        params: its parameters by name.
        state: the cell's named tuple of (B, ·), or None for zeros.
        reverse: each row runs from its own last step to its first.
        noise: what `Cell.noise` drew: (T, B, ·) or (1, B, ·) by name; empty in evaluation. Indexed by time, also in
            reverse.
    """

    cell: Cell
    params: Mapping[str, Tensor]
    state: Any
    reverse: bool
    noise: Mapping[str, Tensor]


class ScanRequest(NamedTuple):
    """One scan, checked and normalised by the engine. It begins with what a `Run` has.

    Attributes:
        params: on the device and in the dtype of `x`.
        x: (T, B, I), any strides. Values past a row's length may be anything, NaN included.
        lengths: (B,) int64 on the device of `x`, each in [0, T]; or None if every row has T steps.
        reset: (T, B) bool on the device of `x`, or None. Where true the state is set to zero before that step is taken,
            in the order in which the steps are taken (the engine has already translated it for `reverse`).
        trace: also return every state and gate of every step.
        recompute: keep the state every this many steps and recompute the rest in backward; 0 keeps everything.
    """

    cell: Cell
    params: Mapping[str, Tensor]
    state: Any
    reverse: bool
    noise: Mapping[str, Tensor]
    x: Tensor
    lengths: Tensor | None
    reset: Tensor | None
    trace: bool
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


class Layer(NamedTuple, Generic[R]):
    """One of several layers that run one after the other, each on the output of the one below.

    Attributes:
        runs: one, or two of the same input, such as the two directions: `Run` as a layer asks, `ScanRequest` once they
            are checked. The latter then have lengths and recompute in common, and no trace; `x` of a layer that is not
            the lowest is a stand-in of the right shape, dtype and device: its values mean nothing.
        factor: (T, B, I) or None: the layer's input is multiplied by it, as dropout does.
    """

    runs: tuple[R, ...]
    factor: Tensor | None = None


class LayersResult(NamedTuple):
    """What layers give.

    Attributes:
        output: (T, B, sum of the output sizes of the last layer's scans), the first scan's features first.
        states: as `ScanResult.state`, of every scan of every layer in turn, lowest first.
    """

    output: Tensor
    states: tuple[Any, ...]


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

    def run_layers(self, layers: Sequence[Layer[ScanRequest]]) -> LayersResult:
        """Do the jobs of all layers, of which none may be refused; `in_turn` unless the kernel knows a better way."""


def first_state(request: ScanRequest) -> Any:
    """The state before the first step, (B, ·) each."""
    if request.state is not None:
        return request.state
    return request.cell.zeros(request.x.shape[1], device=request.x.device, dtype=request.x.dtype)


def in_turn(run: Callable[[ScanRequest], ScanResult], layers: Sequence[Layer[ScanRequest]]) -> LayersResult:
    """Layers one after the other, scan by scan."""
    x = layers[0].runs[0].x
    states: list[Any] = []
    for runs, factor in layers:
        if factor is not None:
            x = x * factor
        results = [run(scan._replace(x=x)) for scan in runs]
        x = results[0].output if len(results) == 1 else torch.cat([result.output for result in results], dim=-1)
        states += [result.state for result in results]
    return LayersResult(x, tuple(states))


_reference: list[Callable[[ScanRequest], ScanResult]] = []


def set_reference(run: Callable[[ScanRequest], ScanResult]) -> None:
    """Say which scan defines what is correct. Called once, by the engine, which stands above the kernels."""
    _reference[:] = [run]


def reference(request: ScanRequest) -> ScanResult:
    """The scan that defines what is correct, for a kernel whose own gradient cannot be differentiated again.

    Raises:
        RuntimeError: the engine was never imported.
    """
    if not _reference:
        raise RuntimeError("the reference scan is not known; import unroll.engine first")
    return _reference[0](request)
