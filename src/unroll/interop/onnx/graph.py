"""What makes an exported graph tidy: both directions of a layer in one node, and no first states that are zeros."""

from __future__ import annotations

from typing import Any

import numpy as np

RECURRENT = ("RNN", "GRU", "LSTM")
_W, _R, _B, _LENS, _H0, _C0, _P = range(1, 8)


def tidy(model: Any) -> int:
    """Tidy an onnx_ir.Model in place, and say how many recurrent nodes it has."""
    graph = model.graph
    nodes = [node for node in graph if node.op_type in RECURRENT]
    for node in nodes:
        for index in (_H0, _C0):
            if index < len(node.inputs) and _is_zeros(node.inputs[index]):
                node.replace_input_with(index, None)
    waiting: dict[tuple[Any, ...], Any] = {}
    for node in nodes:
        key = _pair_key(node)
        other = waiting.pop((*key[:-1], {"forward": "reverse", "reverse": "forward"}.get(key[-1])), None)
        if other is None or not _join(graph, *sorted((other, node), key=_direction)):
            waiting[key] = node
    graph.sort()
    _drop_unused(graph)
    return sum(node.op_type in RECURRENT for node in graph)


def _direction(node: Any) -> str:
    found: str = node.attributes["direction"].value
    return found


def _pair_key(node: Any) -> tuple[Any, ...]:
    """What two directions of one layer share, and the direction last."""
    inputs = [node.inputs[index] if index < len(node.inputs) else None for index in range(8)]
    held = tuple(value is not None for value in inputs)
    rest = sorted((name, str(value.value)) for name, value in node.attributes.items() if name != "direction")
    return (node.op_type, id(inputs[0]), id(inputs[_LENS]), held, tuple(rest), _direction(node))


def _is_zeros(value: Any) -> bool:
    """Whether a value is zeros of any shape: a constant, or one that was expanded."""
    while value is not None and value.const_value is None and value.producer() is not None:
        if value.producer().op_type not in ("Expand", "Unsqueeze"):
            return False
        value = value.producer().inputs[0]
    return value is not None and value.const_value is not None and not np.any(value.const_value.numpy())


def _join(graph: Any, forwards: Any, backwards: Any) -> bool:
    """Put two nodes of the same input into one; False if their weights or first states do not allow it."""
    import onnx_ir as ir

    inputs: list[Any] = []
    before: list[Any] = []
    for index in range(len(forwards.inputs)):
        pair = (forwards.inputs[index], backwards.inputs[index])
        if index in (0, _LENS) or pair[0] is None:
            inputs.append(pair[0])
            continue
        if index in (_H0, _C0):
            if any(_comes_from(value, {id(forwards), id(backwards)}) for value in pair):
                return False
            states = ir.Node("", "Concat", list(pair), [ir.AttrInt64("axis", 0)], num_outputs=1)
            states.outputs[0].name = f"{pair[0].name}_{pair[1].name}_states"
            states.outputs[0].dtype = pair[0].dtype
            before.append(states)
            inputs.append(states.outputs[0])
            continue
        if any(value.const_value is None for value in pair):
            return False
        both = np.concatenate([value.const_value.numpy() for value in pair])
        held = ir.tensor(both)
        joined = ir.Value(
            name=f"{pair[0].name}_{pair[1].name}",
            shape=ir.Shape(both.shape),
            type=ir.TensorType(held.dtype),
            const_value=held,
        )
        graph.register_initializer(joined)
        inputs.append(joined)
    attributes = [value for name, value in forwards.attributes.items() if name != "direction"]
    attributes.append(ir.AttrString("direction", "bidirectional"))
    node = ir.Node("", forwards.op_type, inputs, attributes, num_outputs=len(forwards.outputs), name=forwards.name)
    parts = []
    for index, output in enumerate(node.outputs):
        output.name = f"{forwards.outputs[index].name}_both"
        output.dtype = forwards.outputs[index].dtype
        if forwards.outputs[index].uses() or backwards.outputs[index].uses():
            halves = ir.Node(
                "", "Split", [output], [ir.AttrInt64("axis", 1 if index == 0 else 0), ir.AttrInt64("num_outputs", 2)],
                num_outputs=2,
            )  # fmt: skip
            parts.append(halves)
            for half, old in zip(halves.outputs, (forwards.outputs[index], backwards.outputs[index]), strict=True):
                half.name, half.dtype, half.shape = f"{old.name}_half", old.dtype, old.shape
                ir.convenience.replace_all_uses_with(old, half)
    first = next(one for one in graph if one is forwards or one is backwards)
    graph.insert_before(first, [*before, node, *parts])
    graph.remove([forwards, backwards], safe=True)
    return True


def _comes_from(value: Any, nodes: set[int]) -> bool:
    """Whether a value is computed from what one of these nodes gives."""
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        node = waiting.pop().producer()
        if node is None or id(node) in seen:
            continue
        if id(node) in nodes:
            return True
        seen.add(id(node))
        waiting += [one for one in node.inputs if one is not None]
    return False


def _drop_unused(graph: Any) -> None:
    """Remove nodes and initialisers that nothing reads any more."""
    kept = {id(value) for value in graph.outputs}
    for node in reversed(list(graph)):
        if not any(output.uses() or id(output) in kept for output in node.outputs):
            graph.remove(node, safe=True)
    for name, value in list(graph.initializers.items()):
        if not value.uses() and id(value) not in kept:
            del graph.initializers[name]
