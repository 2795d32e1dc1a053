"""Layers one above the other, one step at a time: on the native engine, or on torch where that does not know a cell.

Shapes: I input size, H features of one output step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from unroll.errors import EngineError
from unroll.layers import Recurrent, Stack
from unroll.streaming.stepper import Stepper

#: The state of one layer: its parts by name, each (1, ·) float32.
LayerState = Mapping[str, np.ndarray]


class StackStepper(Protocol):
    """A stack that carries its state from step to step. One stream, float32."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Take one step: (I,) in, (H,) out; the result is overwritten by the next step."""

    def state(self) -> list[LayerState]:
        """A copy of the state, lowest layer first."""

    def set_state(self, state: Sequence[LayerState]) -> None:
        """Take up what `state` gave."""

    def reset(self) -> None:
        """Start afresh."""


def stack_stepper(stack: Stack) -> StackStepper:
    """The fastest stepper for these layers, which run forwards; weights are copied.

    Example:
        >>> import numpy as np, torch
        >>> from unroll import LSTMCell
        >>> from unroll.models.encoders import recurrent_stack
        >>> from unroll.streaming.stack import stack_stepper
        >>> stack_stepper(recurrent_stack([(LSTMCell(3, 5),)]))(np.zeros(3, np.float32)).shape
        (5,)
    """
    try:
        return _Native(stack)
    except EngineError:
        return _Torch(stack)


class _Native:
    """Steppers of the native engine, each writing where the next one reads."""

    def __init__(self, stack: Stack) -> None:
        self._steppers = [Stepper.of(layer) for layer in stack.layers]
        sizes = [layer.output_size for layer in stack.layers if isinstance(layer, Recurrent)]
        self._between = [np.zeros(size, np.float32) for size in sizes]
        self._pairs = list(zip(self._steppers, self._between, strict=True))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        for stepper, out in self._pairs:
            stepper(x, out)
            x = out
        return x

    def state(self) -> list[LayerState]:
        return [stepper.state() for stepper in self._steppers]

    def set_state(self, state: Sequence[LayerState]) -> None:
        for stepper, own in zip(self._steppers, state, strict=True):
            stepper.set_state(own)

    def reset(self) -> None:
        for stepper in self._steppers:
            stepper.reset()


class _Torch:
    """The layers themselves, called with one step."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._state: Any = None

    @torch.no_grad()
    def __call__(self, x: np.ndarray) -> np.ndarray:
        y, self._state = self._stack(torch.from_numpy(x).view(1, 1, -1), self._state)
        found: np.ndarray = y.view(-1).numpy()
        return found

    def state(self) -> list[LayerState]:
        if self._state is None:
            self._state = self._first()
        return [{name: part.numpy().copy() for name, part in own._asdict().items()} for own in self._state]

    def set_state(self, state: Sequence[LayerState]) -> None:
        kinds = [type(own) for own in self._first()]
        tensors = [{name: torch.from_numpy(np.array(part)) for name, part in own.items()} for own in state]
        self._state = [kind(**own) for kind, own in zip(kinds, tensors, strict=True)]

    def reset(self) -> None:
        self._state = None

    @torch.no_grad()
    def _first(self) -> Any:
        return self._stack(torch.zeros(1, 0, self._stack.input_size))[1]
