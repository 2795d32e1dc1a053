"""One table of how libraries lay recurrent weights out, and the ways between them.

The letters are torch's: LSTM i f g o (Keras and ONNX write c for g), GRU r z n (h for n). Everything here is plain
tensor algebra, so gradients pass through it.

Shapes: I input size, H hidden size, G gates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from unroll.cells import Cell
from unroll.errors import ConfigError


class Layout(NamedTuple):
    """The order of gates in the stacked weights of one library.

    Attributes:
        lstm: of the weights and biases.
        gru: likewise.
        peephole: of an LSTM's diagonal weights; empty if the library has none.
    """

    lstm: str
    gru: str
    peephole: str


#: torch.nn, cuDNN and unroll itself.
TORCH = Layout("ifgo", "rzn", "ifo")
KERAS = Layout("ifgo", "zrn", "")
ONNX = Layout("iofg", "zrn", "iof")


def reorder(stacked: Tensor, source: str, target: str) -> Tensor:
    """Blocks of the first axis in another order; a letter of `target` that `source` lacks gives a block of zeros."""
    if source == target:
        return stacked
    blocks = dict(zip(source, stacked.chunk(len(source)), strict=True))
    none = torch.zeros_like(blocks[source[0]])
    return torch.cat([blocks.get(letter, none) for letter in target])


def order(cell: Cell, layout: Layout) -> str:
    """The gates of a cell in a library's order: one letter where there is a single block."""
    return {0: "h", 3: layout.gru, 4: layout.lstm}[len(cell.gates)]


def own_order(cell: Cell) -> str:
    """The gates of the blocks that a cell of unroll stacks; one that ties f to i holds no block for it."""
    letters = order(cell, TORCH)
    return letters.replace("f", "") if getattr(cell, "coupled", False) else letters


def from_keras(cell: Cell, weights: Sequence[Tensor]) -> dict[str, Tensor]:
    """A cell's parameters from Keras's.

    Args:
        cell: with a bias if there are three weights.
        weights: kernel (I, G*H), recurrent kernel (H, G*H), and perhaps bias: (G*H,), or (2, G*H) for a GRU with
            `reset_after`; the order of Keras's `get_weights()`.

    Raises:
        ConfigError: a shape is not that of the cell.
    """
    source, target = order(cell, KERAS), own_order(cell)
    kernel, recurrent, *rest = weights
    found = {
        "weight_ih": reorder(kernel.T, source, target).contiguous(),
        "weight_hh": reorder(recurrent.T, source, target).contiguous(),
    }
    for bias in rest:
        both = bias if bias.dim() == 2 else torch.stack([bias, torch.zeros_like(bias)])
        found["bias_ih"], found["bias_hh"] = (reorder(one, source, target) for one in both)
    return _fitting(cell, found, "Keras")


def to_keras(cell: Cell, params: Mapping[str, Tensor]) -> list[Tensor]:
    """Keras's weights, in the order of its `set_weights()`, from a cell's parameters; the opposite of `from_keras`.

    A cell of unroll has two biases. Keras has one, their sum, except for a GRU with `reset_after`.

    Raises:
        ConfigError: Keras has no such cell.
    """
    source, target = own_order(cell), order(cell, KERAS)
    lost = sorted(set(params) - {"weight_ih", "weight_hh", "bias_ih", "bias_hh"})
    if lost or ("f" in target and "f" not in source):
        raise ConfigError(f"to_keras: Keras has no {type(cell).__name__} with these options ({cell})")
    found = [reorder(params[name], source, target).T.contiguous() for name in ("weight_ih", "weight_hh")]
    if "bias_ih" in params:
        both = [reorder(params[name], source, target) for name in ("bias_ih", "bias_hh")]
        found.append(torch.stack(both) if getattr(cell, "reset_after", False) else both[0] + both[1])
    return found


class OnnxWeights(NamedTuple):
    """What a recurrent node of ONNX holds for one direction: W (G*H, I), R (G*H, H), B (2*G*H,), P (3*H,)."""

    w: Tensor
    r: Tensor
    b: Tensor | None
    p: Tensor | None


def from_onnx(cell: Cell, weights: OnnxWeights) -> dict[str, Tensor]:
    """A cell's parameters from one direction of an ONNX node.

    Raises:
        ConfigError: a shape is not that of the cell.
    """
    source, target = order(cell, ONNX), own_order(cell)
    found = {
        "weight_ih": reorder(weights.w, source, target),
        "weight_hh": reorder(weights.r, source, target),
    }
    if weights.b is not None:
        first, second = weights.b.chunk(2)
        found["bias_ih"], found["bias_hh"] = reorder(first, source, target), reorder(second, source, target)
    if weights.p is not None:
        kept = TORCH.peephole.replace("f", "") if "f" not in target else TORCH.peephole
        found["weight_peephole"] = reorder(weights.p, ONNX.peephole, kept)
    return _fitting(cell, found, "ONNX")


def to_onnx(cell: Cell, params: Mapping[str, Tensor]) -> OnnxWeights:
    """One direction of an ONNX node from a cell's parameters; the opposite of `from_onnx`."""
    source, target = own_order(cell), order(cell, ONNX)
    w, r = (reorder(params[name], source, target) for name in ("weight_ih", "weight_hh"))
    b = p = None
    if "bias_ih" in params:
        b = torch.cat([reorder(params[name], source, target) for name in ("bias_ih", "bias_hh")])
    if "weight_peephole" in params:
        kept = TORCH.peephole.replace("f", "") if "f" not in source else TORCH.peephole
        p = reorder(params["weight_peephole"], kept, ONNX.peephole)
    return OnnxWeights(w, r, b, p)


def _fitting(cell: Cell, found: dict[str, Tensor], library: str) -> dict[str, Tensor]:
    """The parameters, if they are those of the cell."""
    for name, spec in cell.parameters().items():
        got = tuple(found[name].shape) if name in found else None
        if got != spec.shape:
            raise ConfigError(
                f"weights of {library} for {cell}: '{name}' must have shape {spec.shape}, got "
                f"{'none' if got is None else got}"
            )
    return found
