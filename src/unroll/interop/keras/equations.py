"""Keras's cells as cells of unroll, and their weights turned once for as long as they stay the same.

Shapes: B batch, I input size, H hidden size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import keras
import torch
from torch import Tensor

from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.interop.cells import RELU, SIGMOID, TANH, Activation, OpenGRUCell, OpenLSTMCell, OpenRNNCell
from unroll.interop.weights import from_keras

#: Keras's own cells that have an equation here; a class derived from one may be another equation.
KNOWN = (keras.layers.SimpleRNNCell, keras.layers.LSTMCell, keras.layers.GRUCell)


class Equation:
    """What stands for one cell of Keras."""

    def __init__(self) -> None:
        self._cells: dict[tuple[Any, ...], Cell] = {}
        self._sources: list[tuple[Tensor, int]] = []
        self._turned: dict[str, Tensor] = {}
        #: How often weights were turned; tests look at it.
        self.times_turned = 0

    def cell(self, cell: Any, input_size: int, gate_inputs: bool, gate_states: bool) -> Cell:
        """The same equation; the same object each time, for what is known of a cell is found by identity.

        Args:
            cell: one of KNOWN.
            input_size: I.
            gate_inputs: each gate sees x under a mask of its own.
            gate_states: each gate sees h under a mask of its own.
        """
        inner, outer = cell.activation, getattr(cell, "recurrent_activation", None)
        after = getattr(cell, "reset_after", None)
        key = (input_size, cell.units, cell.use_bias, id(inner), id(outer), after, gate_inputs, gate_states)
        found = self._cells.get(key)
        if found is None:
            found = self._cells[key] = _equation(cell, input_size, gate_inputs, gate_states)
        return found

    def parameters(self, cell: Any, equation: Cell) -> Mapping[str, Tensor]:
        """The cell's weights in torch's layout: anew where a gradient goes through them, else once."""
        variables = [cell.kernel, cell.recurrent_kernel, *([] if cell.bias is None else [cell.bias])]
        values = [variable.value for variable in variables]
        # Anything but the variable's own tensor is made for this call: a cast, or a value set from outside.
        kept = all(value is variable._value for value, variable in zip(values, variables, strict=True))
        traced = torch.is_grad_enabled() and any(value.requires_grad for value in values)
        if traced or not kept or torch.compiler.is_compiling():
            self.times_turned += 1
            return from_keras(equation, values)
        if not self._same(values):
            self.times_turned += 1
            # An inference tensor could not be used in a later training step.
            with torch.inference_mode(False), torch.no_grad():
                # Copies: a kernel that needs no turning would otherwise share its memory with its source.
                turned = from_keras(equation, values)
                self._turned = {name: value.detach().clone() for name, value in turned.items()}
            self._sources = [(value, value._version) for value in values]
        return self._turned

    def _same(self, values: list[Tensor]) -> bool:
        return len(values) == len(self._sources) and all(
            value is source and value._version == version
            for value, (source, version) in zip(values, self._sources, strict=True)
        )


_EQUATIONS: WeakKeyDictionary[Any, Equation] = WeakKeyDictionary()


def equation_of(cell: Any) -> Equation:
    """What stands for this very cell; not kept on it, so that Keras neither tracks nor saves it."""
    found = _EQUATIONS.get(cell)
    if found is None:
        found = _EQUATIONS[cell] = Equation()
    return found


def _equation(cell: Any, input_size: int, gate_inputs: bool, gate_states: bool) -> Cell:
    units, bias = cell.units, cell.use_bias
    inner = _activation(cell.activation)
    if type(cell) is keras.layers.SimpleRNNCell:
        if inner in (TANH, RELU):
            return RNNCell(input_size, units, bias, inner.name)
        return OpenRNNCell(input_size, units, bias, inner)
    gate = _activation(cell.recurrent_activation)
    usual = inner == TANH and gate == SIGMOID and not gate_inputs and not gate_states
    if type(cell) is keras.layers.LSTMCell:
        if usual:
            return LSTMCell(input_size, units, bias)
        return OpenLSTMCell(input_size, units, bias, gate, inner, inner, gate_inputs=gate_inputs)
    if usual:
        return GRUCell(input_size, units, bias, cell.reset_after)
    return OpenGRUCell(input_size, units, bias, gate, inner, cell.reset_after, gate_inputs=gate_inputs)


def _activation(function: Any) -> Activation:
    for known in (TANH, RELU, SIGMOID):
        if function is getattr(keras.activations, known.name):
            return known
    return Activation(getattr(function, "__name__", type(function).__name__), function)
