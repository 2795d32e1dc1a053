"""What every recurrent cell is: parameters, states, gates and one pure step.

Shapes: T time, B batch, I input size, H hidden size, G gates.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

Parameters = Mapping[str, Tensor]
Noise = Mapping[str, Tensor]


class Role(Enum):
    """What a parameter does in the equation. Initialisers go by it."""

    INPUT = "input weight"
    RECURRENT = "recurrent weight"
    PROJECTION = "projection weight"
    BIAS = "bias"
    PEEPHOLE = "peephole weight"
    GAIN = "gain of a normalisation"
    SHIFT = "shift of a normalisation"


class ParameterSpec(NamedTuple):
    """The shape of one parameter and its role in the equation."""

    shape: tuple[int, ...]
    role: Role


class HiddenState(NamedTuple):
    """The state of a cell that carries its output alone. h: (B, H)."""

    h: Tensor


class Step(NamedTuple):
    """What one step gives.

    Attributes:
        output: (B, output size).
        state: the cell's own named tuple, `h` first.
        gates: the gates by name, (B, H) each, in the order of `Cell.gates`; empty for a cell without gates.
    """

    output: Tensor
    state: Any
    gates: Mapping[str, Tensor]


@dataclass(frozen=True)
class Cell(abc.ABC):
    """An equation: the parameters, the states and one step of a recurrent network.

    A cell is a value: frozen, comparable, without tensors, loops, devices or batch order. Subclasses are frozen
    dataclasses whose fields are `input_size`, `hidden_size` and the options of the equation.

    Class attributes:
        State: the named tuple of the state, `h` first.
        gates: names of the gates in the order of their rows in the stacked weights; empty if there are none.
        replacing: those of them that the new value is multiplied by, and 1 minus them the old state.

    Args:
        input_size: I, features of one input step.
        hidden_size: H, units.
    """

    State: ClassVar[Any] = HiddenState
    gates: ClassVar[tuple[str, ...]] = ()
    replacing: ClassVar[tuple[str, ...]] = ()

    input_size: int
    hidden_size: int

    def __str__(self) -> str:
        options = [
            f"{field.name}={value!r}"
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default and field.default is not MISSING
        ]
        return f"{type(self).__name__}({', '.join([str(self.input_size), str(self.hidden_size), *options])})"

    @property
    def output_size(self) -> int:
        """Features of one output step, (B, output_size)."""
        return self.state_sizes()["h"]

    @abc.abstractmethod
    def parameters(self) -> dict[str, ParameterSpec]:
        """Every parameter by name, in the order in which a layer registers them."""

    @abc.abstractmethod
    def step(self, params: Parameters, x: Tensor, state: Any, noise: Noise) -> Step:
        """One step of time.

        Args:
            params: every name of `parameters()`.
            x: (B, ·), one step of what `project` returned.
            state: the cell's named tuple of (B, ·) tensors.
            noise: one step of what `noise` drew, (B, ·) each; empty in evaluation.
        """

    def state_sizes(self) -> dict[str, int]:
        """Features of every state by name, in the order of `State`."""
        return dict.fromkeys(self.State._fields, self.hidden_size)

    def project(self, params: Parameters, x: Tensor) -> Tensor:
        """The part of the equation that depends on the input alone, for all steps at once: (T, B, I) -> (T, B, ·)."""
        return x

    def noise(self, steps: int, batch: int, *, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
        """Draw the random factors of one training pass: (T, B, ·) or, one for a whole sequence, (1, B, ·). Empty if
        there are none."""
        return {}

    def zeros(self, batch: int, *, device: torch.device, dtype: torch.dtype) -> Any:
        """The state before the first step: zeros, (B, ·) each."""
        return self.State(*(torch.zeros(batch, n, device=device, dtype=dtype) for n in self.state_sizes().values()))
