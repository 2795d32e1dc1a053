"""The recurrent nodes of an ONNX file as layers.

Shapes: T time, B batch, I input size, H hidden size, D directions, G gates.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.errors import DataError, MissingExtraError
from unroll.interop.cells import RELU, SIGMOID, TANH, OpenGRUCell, OpenLSTMCell, OpenRNNCell
from unroll.interop.onnx.activations import activations
from unroll.interop.onnx.tensors import load, tensor
from unroll.interop.weights import OnnxWeights, from_onnx
from unroll.layers import Bidirectional, Recurrent

_KINDS = {"RNN": (1, 1), "GRU": (3, 2), "LSTM": (4, 3)}  # stacked gates, activations of one direction
_W, _R, _B, _LENS, _H0, _C0, _P = range(1, 8)
_KNOWN = {
    "RNN": {"activations", "activation_alpha", "activation_beta", "clip", "direction", "hidden_size", "layout"},
}
_KNOWN["GRU"] = {*_KNOWN["RNN"], "linear_before_reset"}
_KNOWN["LSTM"] = {*_KNOWN["RNN"], "input_forget"}
_DEEPEST = 32


def read_onnx(path: str | os.PathLike[str]) -> dict[str, Recurrent | Bidirectional]:
    """The RNN, GRU and LSTM nodes of an ONNX file as layers with their weights, by node name.

    A node's `sequence_lens` and first states are arguments of the layer's forward, `lengths` and `state`. Y of a node
    with two directions is (T, 2, B, H), and the layer's output (T, B, 2*H). With `layout` 1 the layer is batch-first.
    The file is only read: no code of it runs, and what it says of sizes is checked against the bytes that are there.

    Args:
        path: the file; external data must lie beside it.

    Returns:
        The layers in the file's order, those of subgraphs after a slash. Nodes without a name are called by their kind
        and place.

    Raises:
        MissingExtraError: onnx is not installed.
        DataError: the file is damaged or lies about sizes, or a node has something that unroll has not; the text names
            the node and what it is.

    Example:
        >>> import unroll
        >>> for name, layer in unroll.read_onnx("model.onnx").items():  # doctest: +SKIP
        ...     print(name, layer)
    """
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise MissingExtraError("onnx", "export", "reading ONNX files") from None
    path = Path(path)
    return dict(_layers(load(path).graph, {}, path, "", 0))


def _layers(
    graph: Any, outer: Mapping[str, Any], path: Path, prefix: str, depth: int
) -> Iterator[tuple[str, Recurrent | Bidirectional]]:
    if depth > _DEEPEST:
        raise DataError(f"graphs lie more than {_DEEPEST} deep inside one another", path)
    held = {**outer, **{one.name: one for one in graph.initializer}}
    for index, node in enumerate(graph.node):
        if node.op_type == "Constant" and node.output:
            held.update((node.output[0], one.t) for one in node.attribute if one.name == "value")
        name = prefix + (node.name or f"{node.op_type}_{index}")
        if node.op_type in _KINDS and node.domain in ("", "ai.onnx"):
            yield name, _Node(node, name, held, path).layer()
        for attribute in node.attribute:
            for inner in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                yield from _layers(inner, held, path, f"{name}/", depth + 1)


class _Node:
    """One recurrent node of a file."""

    def __init__(self, node: Any, name: str, held: Mapping[str, Any], path: Path) -> None:
        self._node = node
        self._name = name
        self._held = held
        self._path = path
        self._given = {one.name: one for one in node.attribute}

    def _refuse(self, what: str) -> DataError:
        return DataError(f"{self._node.op_type} node '{self._name}': {what}", self._path)

    def layer(self) -> Recurrent | Bidirectional:
        """The layer with its weights."""
        kind = self._node.op_type
        unknown = sorted(set(self._given) - _KNOWN[kind])
        if unknown:
            raise self._refuse(f"the attribute '{unknown[0]}' is not known")
        direction = self._text("direction", "forward")
        if direction not in ("forward", "reverse", "bidirectional"):
            raise self._refuse(f"direction must be forward, reverse or bidirectional, got '{direction[:40]}'")
        layout = self._number("layout", 0)
        if layout not in (0, 1):
            raise self._refuse(f"layout must be 0 or 1, got {layout}")
        count = 2 if direction == "bidirectional" else 1
        weights = self._weights(count)
        self._check_states()
        functions = activations(self._given, kind, count * _KINDS[kind][1], self._refuse)
        made: list[Recurrent] = []
        for index, one in enumerate(weights):
            cell = self._cell(one, functions[index * _KINDS[kind][1] : (index + 1) * _KINDS[kind][1]])
            reverse = direction == "reverse" or index == 1
            layer = Recurrent(cell, reverse=reverse, batch_first=layout == 1, dtype=one.w.dtype, device="meta")
            params = {name: torch.nn.Parameter(value.contiguous()) for name, value in from_onnx(cell, one).items()}
            layer.load_state_dict(params, assign=True)
            made.append(layer)
        return made[0] if count == 1 else Bidirectional(made[0], made[1])

    def _cell(self, weights: OnnxWeights, functions: list[Any]) -> Cell:
        kind = self._node.op_type
        size, features = weights.r.shape[1], weights.w.shape[1]
        bias, clip = weights.b is not None, self._clip()
        if kind == "RNN":
            if functions[0] in (TANH, RELU) and clip is None:
                return RNNCell(features, size, bias, functions[0].name)
            return OpenRNNCell(features, size, bias, functions[0], clip)
        usual = functions == [SIGMOID, TANH, TANH][: len(functions)] and clip is None
        if kind == "GRU":
            after = bool(self._flag("linear_before_reset"))
            if usual:
                return GRUCell(features, size, bias, after)
            return OpenGRUCell(features, size, bias, functions[0], functions[1], after, clip)
        peephole, coupled = weights.p is not None, bool(self._flag("input_forget"))
        if usual:
            return LSTMCell(features, size, bias, peephole=peephole, coupled=coupled)
        gate, inner, outer = functions
        return OpenLSTMCell(features, size, bias, gate, inner, outer, peephole, coupled, clip)

    def _weights(self, count: int) -> list[OnnxWeights]:
        """The weights of each direction, with shapes that fit one another and `hidden_size`."""
        gates, _ = _KINDS[self._node.op_type]
        w, r = self._tensor(_W, "W", 3), self._tensor(_R, "R", 3)
        b, p = self._tensor(_B, "B", 2), self._tensor(_P, "P", 2) if self._node.op_type == "LSTM" else None
        if w is None or r is None:
            raise self._refuse("the inputs W and R must be there")
        size = r.shape[2]
        said = self._number("hidden_size", size)
        shapes = {
            "W": (w, (count, gates * size, w.shape[2])),
            "R": (r, (count, gates * size, size)),
            "B": (b, (count, 2 * gates * size)),
            "P": (p, (count, 3 * size)),
        }
        if said != size or size < 1 or w.shape[2] < 1:
            raise self._refuse(f"hidden_size is {said}, and R is {tuple(r.shape)}")
        for name, (value, expected) in shapes.items():
            if value is not None and tuple(value.shape) != expected:
                raise self._refuse(f"{name} must have shape {expected}, got {tuple(value.shape)}")
            if value is not None and (value.dtype != w.dtype or not value.is_floating_point()):
                raise self._refuse(f"{name} is {value.dtype}; expected floats of one type")
        return [
            OnnxWeights(w[one], r[one], None if b is None else b[one], None if p is None else p[one])
            for one in range(count)
        ]

    def _check_states(self) -> None:
        """Lengths and first states come with each call; fixed ones would be lost without a word."""
        for index, name in ((_LENS, "sequence_lens"), (_H0, "initial_h"), (_C0, "initial_c")):
            value = self._constant(index)
            if value is not None and not (index != _LENS and not bool(tensor(value, self._path).count_nonzero())):
                raise self._refuse(f"{name} is fixed in the file; make it an input, and give it to the layer's forward")

    def _constant(self, index: int) -> Any:
        name = self._node.input[index] if index < len(self._node.input) else ""
        return self._held.get(name) if name else None

    def _tensor(self, index: int, name: str, axes: int) -> Tensor | None:
        if index >= len(self._node.input) or not self._node.input[index]:
            return None
        proto = self._constant(index)
        if proto is None:
            raise self._refuse(f"{name} is not in the file but an input, or computed; fold constants first")
        value = tensor(proto, self._path)
        if value.dim() != axes:
            raise self._refuse(f"{name} must have {axes} axes, got {tuple(value.shape)}")
        return value

    def _number(self, name: str, default: int) -> int:
        return int(self._given[name].i) if name in self._given else default

    def _flag(self, name: str) -> int:
        value = self._number(name, 0)
        if value not in (0, 1):
            raise self._refuse(f"{name} must be 0 or 1, got {value}")
        return value

    def _text(self, name: str, default: str) -> str:
        return self._given[name].s.decode("utf-8", "replace").lower() if name in self._given else default

    def _clip(self) -> float | None:
        if "clip" not in self._given:
            return None
        value = float(self._given["clip"].f)
        if not value > 0.0:
            raise self._refuse(f"clip must be positive, got {value}")
        return value
