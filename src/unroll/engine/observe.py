"""Who looks on while scans run.

Shapes: T time, B batch, I input size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from torch import Tensor

from unroll.cells import Cell


class Observation(NamedTuple):
    """One scan as it ran.

    Attributes:
        cell: the equation.
        params: its parameters by name.
        x: (T, B, I), as the scan got it.
        first: the state before the first step, the cell's named tuple of (B, ·), or None for zeros.
        lengths: (B,) or None if every row has T steps.
        reset: (T, B) bool or None; where true the state is zero before that step, in the order in which steps are
            taken.
        reverse: each row ran from its own last step to its first.
        noise: the random factors of the pass by name.
        engine: the name of the engine that gave all of this.
        layer: which layer of the call it was, lowest first, from 0.
        output: (T, B, output size), part of the graph of autograd: gradients may be asked for it.
        last: the state after each row's last step, likewise.
        trace: every state and then every gate by name, (T, B, ·), zero past a row's end; detached.
    """

    cell: Cell
    params: Mapping[str, Tensor]
    x: Tensor
    first: Any
    lengths: Tensor | None
    reset: Tensor | None
    reverse: bool
    noise: Mapping[str, Tensor]
    engine: str
    layer: int
    output: Tensor
    last: Any
    trace: Mapping[str, Tensor]


#: Called with every scan, in the order in which they run.
Observer = Callable[[Observation], object]

_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


def observer() -> Observer | None:
    """Who looks on now, if anyone does."""
    return _observer.get()


@contextmanager
def observed(tell: Observer) -> Iterator[None]:
    """Show every scan inside the block to `tell`.

    Layers that would run in one call are run one after the other, each with its trace. Where an engine is forced that
    has no trace, the fastest one that has takes its place, and `Observation.engine` says so.
    """
    token = _observer.set(tell)
    try:
        yield
    finally:
        _observer.reset(token)
