"""The loop of a Keras layer through `unroll.scan`.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
import torch
from torch import Tensor

from unroll.cells import GRUCell, LSTMCell, RNNCell
from unroll.engine import scan
from unroll.interop.keras import masks
from unroll.interop.keras.equations import KNOWN, equation_of

_ways: ContextVar[list[str] | None] = ContextVar("ways", default=None)


@contextmanager
def recorded_ways() -> Iterator[list[str]]:
    """Collect, of every layer that runs inside the block, which way it went."""
    found: list[str] = []
    token = _ways.set(found)
    try:
        yield found
    finally:
        _ways.reset(token)


def _say(layer: Any, way: str) -> None:
    if not torch.compiler.is_compiling():
        found = _ways.get()
        if found is not None:
            found.append(f"'{layer.name}' ({type(layer).__name__}): {way}")


def objection(layer: Any) -> str | None:
    """Why a Keras layer of this kind must run Keras's own loop, or None."""
    for cell in _cells(layer):
        if type(cell) not in KNOWN:
            names = ", ".join(known.__name__ for known in KNOWN)
            return f"its cell is {type(cell).__name__}, and unroll has {names}"
    return None


def run(layer: Any, sequences: Any, initial_state: Any, mask: Any, training: bool) -> tuple[Any, Any, Any] | None:
    """What `keras.layers.RNN.inner_loop` gives, or None where Keras's own must be asked.

    Args:
        layer: a layer of Keras with a `cell`.
        sequences: (B, T, I).
        initial_state: as Keras holds it: (B, H) tensors, nested as the cells are.
        mask: (B, T), or (B, T, 1), or a list that begins with one, or None.
        training: whether dropout acts.

    Returns:
        The last output (B, H), the outputs (B, T, H), or (B, 1, H) if only the last is asked for, and the states.
    """
    if keras.tree.is_nested(mask):
        mask = mask[0]
    x = keras.ops.convert_to_tensor(sequences)
    states = keras.tree.flatten(initial_state)
    mask = None if mask is None else keras.ops.convert_to_tensor(mask)
    if mask is not None and mask.dim() == 3 and mask.shape[2] == 1:
        mask = mask.squeeze(2)
    against = objection(layer) or _unusual(x, states, mask) or (_older(layer) if training else None)
    if against is not None:
        _say(layer, f"Keras's own loop: {against}")
        return None
    steps = masks.steps_of(mask)
    if steps.way:
        _say(layer, steps.way)
    x = masks.arranged(x, steps).transpose(0, 1)
    backwards, zero = layer.go_backwards, layer.zero_output_for_mask
    lasts: list[Tensor] = []
    for cell in _cells(layer):
        size = len(keras.tree.flatten(cell.state_size))
        own, states = states[:size], states[size:]
        if layer.stateful:
            # Keras writes the new states over the old ones, which the backward pass still needs.
            own = [part.clone() for part in own]
        x, after = _scanned(cell, x, own, steps.lengths, backwards, training)
        lasts += after
    h = lasts[-size]
    last = masks.last_output(h, steps, backwards=backwards, zero=zero)
    outputs = last.unsqueeze(1)
    if layer.return_sequences:
        outputs = masks.sequences(x.transpose(0, 1), steps, backwards=backwards, zero=zero)
    return last, outputs, keras.tree.pack_sequence_as(initial_state, lasts)


def _cells(layer: Any) -> Sequence[Any]:
    cell = layer.cell
    cells: Sequence[Any] = cell.cells if type(cell) is keras.layers.StackedRNNCells else [cell]
    return cells


def _unusual(x: Any, states: Sequence[Any], mask: Any) -> str | None:
    """What is out of the ordinary about a call, or None."""
    if x.dim() != 3:
        return f"x has {x.dim()} axes, not (B, T, I)"
    if x.is_meta:
        return "shapes are asked for, not values"
    if x.shape[1] == 0:
        return "there are no steps"
    if any(not isinstance(state, Tensor) or state.dim() != 2 for state in states):
        return "a state is not (B, H)"
    if mask is not None and mask.shape != x.shape[:2]:
        return f"the mask is {tuple(mask.shape)}, not (B, T) = {tuple(x.shape[:2])}"
    return None


def _older(layer: Any) -> str | None:
    """What this layer does in training in Keras before 3.8 and no more, or None."""
    for cell in _cells(layer):
        if (
            type(cell) is keras.layers.GRUCell
            and 0.0 < cell.recurrent_dropout < 1.0
            and not hasattr(cell, "dropout_mask_count")
        ):
            return "recurrent_dropout of a GRU also takes from the state that is carried on, before Keras 3.8"
    return None


def _scanned(
    cell: Any, x: Tensor, state: Sequence[Tensor], lengths: Tensor | None, reverse: bool, training: bool
) -> tuple[Tensor, list[Tensor]]:
    """One cell over (T, B, I): (T, B, H) and the last states."""
    equation = equation_of(cell)
    dtype = keras.ops.convert_to_tensor(cell.kernel).dtype
    x = x.to(dtype)
    state = [part.to(dtype) for part in state]
    noise: dict[str, Tensor] = {}
    # One mask for all gates, or a list of one for each.
    on_inputs: Any = cell.get_dropout_mask(x[0]) if training else None
    # Keras's gated cells do nothing at a rate of 1, and its simple one takes all of h away.
    drops_states = training and (cell.recurrent_dropout < 1.0 or type(cell) is keras.layers.SimpleRNNCell)
    on_states: Any = cell.get_recurrent_dropout_mask(state[0]) if drops_states else None
    gate_inputs, gate_states = isinstance(on_inputs, list), isinstance(on_states, list)
    if gate_inputs:
        noise |= _by_gate(cell, "input", on_inputs, dtype)
    elif on_inputs is not None:
        # A mask has the type of what it was drawn for, which need not be that of the weights.
        x = x * on_inputs.to(dtype)
    own = equation.cell(cell, x.shape[2], gate_inputs, gate_states)
    if gate_states:
        noise |= _by_gate(cell, "recurrent", on_states, dtype)
    elif on_states is not None and isinstance(own, RNNCell | LSTMCell | GRUCell):
        noise["dropout"] = on_states.unsqueeze(0).to(dtype)
    elif on_states is not None:
        noise |= {f"recurrent_{gate}": on_states.unsqueeze(0).to(dtype) for gate in own.gates or ("h",)}
    y, last, _ = scan(
        own, equation.parameters(cell, own), x, own.State(*state), lengths=lengths, reverse=reverse, noise=noise
    )
    return y, list(last)


def _by_gate(cell: Any, kind: str, drawn: Sequence[Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Masks that Keras drew for each gate, by the names that the cells of `unroll.interop` know."""
    gates = "ifgo" if type(cell) is keras.layers.LSTMCell else "zrn"
    return {f"{kind}_{gate}": mask.unsqueeze(0).to(dtype) for gate, mask in zip(gates, drawn, strict=True)}
