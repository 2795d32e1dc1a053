"""ONNX's own node tests through `read_onnx`, and files that are not to be trusted."""

from __future__ import annotations

import importlib
import random

import numpy as np
import pytest
import torch

import unroll
from unroll.cells import GRUCell, LSTMCell, RNNCell
from unroll.errors import DataError
from unroll.interop.cells import OpenGRUCell, OpenLSTMCell, OpenRNNCell

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra export)")

KINDS = ("RNN", "GRU", "LSTM")


def published():
    """The node tests of the ONNX project: kind, node, inputs, outputs, by name."""
    found = {}
    for kind in KINDS:
        module = importlib.import_module(f"onnx.backend.test.case.node.{kind.lower()}")
        before = module.expect

        def keep(node, inputs, outputs, name, _kind=kind, **_):
            found[name] = (_kind, node, inputs, outputs)

        module.expect = keep
        try:
            for name in dir(getattr(module, kind)):
                if name.startswith("export"):
                    getattr(getattr(module, kind), name)()
        finally:
            module.expect = before
    return found


PUBLISHED = published()


def saved(path, node, arrays, fixed=(1, 2, 3, 7)):
    """A model of one node; the inputs at these places are in the file."""
    held, open_inputs = [], []
    for place, name in enumerate(node.input):
        if name and place in fixed:
            held.append(onnx.numpy_helper.from_array(arrays[place], name))
        elif name:
            open_inputs.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    outputs = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in node.output if name]
    graph = onnx.helper.make_graph([node], "one", open_inputs, outputs, held)
    onnx.save(onnx.helper.make_model(graph), path)
    return path


def placed(node, inputs):
    """The arrays by the place of the node's input; names that are left out have no array."""
    arrays = iter(inputs)
    return {place: next(arrays) for place, name in enumerate(node.input) if name}


def run(layer, arrays, layout):
    """A layer as a node of ONNX: Y, Y_h and, for an LSTM, Y_c."""

    def by_direction(place):
        value = torch.tensor(arrays[place])
        return value.unbind(1 if layout else 0)

    first = None
    if 5 in arrays:
        first = list(zip(*[by_direction(place) for place in (5, 6) if place in arrays], strict=True))
        first = first if len(first) == 2 else first[0]
    lengths = torch.tensor(arrays[4]) if 4 in arrays else None
    with torch.no_grad():
        y, last = layer(torch.tensor(arrays[0]), first, lengths=lengths)
    states = last if isinstance(layer, unroll.Bidirectional) else (last,)
    y = y.reshape(*y.shape[:2], len(states), -1)
    parts = [torch.stack(part, 1 if layout else 0) for part in zip(*states, strict=True)]
    return [y if layout else y.transpose(1, 2), *parts]


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_node_tests_of_onnx(tmp_path, name):
    _, node, inputs, expected = PUBLISHED[name]
    arrays = placed(node, inputs)
    (layer,) = unroll.read_onnx(saved(tmp_path / "node.onnx", node, arrays)).values()
    layout = next((one.i for one in node.attribute if one.name == "layout"), 0)
    given = [value for value, name in zip(run(layer, arrays, layout), node.output, strict=False) if name]
    assert len(given) >= len(expected) > 0
    for found, value in zip(given, expected, strict=False):
        np.testing.assert_allclose(found.numpy(), value, atol=1e-5)


def test_all_the_node_tests_were_found():
    assert len(PUBLISHED) == 18


def made(kind, seed=0, directions=1, steps=5, **attributes):
    """A node and its arrays: T = 5, B = 3, I = 4, H = 2, with both biases."""
    rng = np.random.default_rng(seed)
    gates, size = {"RNN": 1, "GRU": 3, "LSTM": 4}[kind], 2
    peephole = attributes.pop("peephole", False)
    shapes = [(steps, 3, 4), (directions, gates * size, 4), (directions, gates * size, size),
              (directions, 2 * gates * size)]  # fmt: skip
    arrays = {place: rng.standard_normal(shape).astype("float32") for place, shape in enumerate(shapes)}
    arrays[4] = np.array([5, 2, 1], "int32")
    names = ["x", "w", "r", "b", "lengths"]
    if peephole:
        arrays[7] = rng.standard_normal((directions, 3 * size)).astype("float32")
        names += ["", "", "p"]
    outputs = ["y", "h", "c"] if kind == "LSTM" else ["y", "h"]
    return onnx.helper.make_node(kind, names, outputs, name="it", hidden_size=size, **attributes), arrays


VARIANTS = [
    ("RNN", {"activations": ["Relu"]}, RNNCell),
    ("RNN", {"activations": ["Affine"], "activation_alpha": [0.5], "activation_beta": [0.1]}, OpenRNNCell),
    ("RNN", {"clip": 0.3}, OpenRNNCell),
    ("RNN", {"activations": ["Softsign", "Elu"], "direction": "bidirectional", "directions": 2}, OpenRNNCell),
    ("GRU", {"linear_before_reset": 1}, GRUCell),
    ("GRU", {"linear_before_reset": 0, "direction": "reverse"}, GRUCell),
    ("GRU", {"activations": ["HardSigmoid", "Softsign"]}, OpenGRUCell),
    ("GRU", {"activations": ["HardSigmoid", "LeakyRelu"], "activation_alpha": [0.3, 0.02],
             "activation_beta": [0.4]}, OpenGRUCell),
    ("GRU", {"clip": 0.4, "linear_before_reset": 1}, OpenGRUCell),
    ("LSTM", {"peephole": True, "direction": "bidirectional", "directions": 2}, LSTMCell),
    ("LSTM", {"input_forget": 1}, LSTMCell),
    ("LSTM", {"input_forget": 1, "peephole": True}, LSTMCell),
    ("LSTM", {"clip": 0.5, "peephole": True}, OpenLSTMCell),
    ("LSTM", {"activations": ["Sigmoid", "Relu", "ThresholdedRelu"], "activation_alpha": [0.1]}, OpenLSTMCell),
    ("LSTM", {"activations": ["Sigmoid", "Tanh", "ScaledTanh"], "activation_alpha": [0.9],
              "activation_beta": [1.1]}, OpenLSTMCell),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "options", "cell"), VARIANTS)
def test_every_attribute_means_what_it_means_in_onnxruntime(tmp_path, kind, options, cell):
    ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra export)")
    node, arrays = made(kind, **options)
    path = saved(tmp_path / "node.onnx", node, arrays)
    (layer,) = unroll.read_onnx(path).values()
    assert type((layer.forwards if isinstance(layer, unroll.Bidirectional) else layer).cell) is cell
    model = onnx.load(path)
    model.graph.input[1].type.tensor_type.elem_type = onnx.TensorProto.INT32
    model.ir_version = 8
    model.opset_import[0].version = 18
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, {"x": arrays[0], "lengths": arrays[4]})
    for found, value in zip(run(layer, arrays, 0), expected, strict=True):
        np.testing.assert_allclose(found.numpy(), value, atol=1e-5)


def test_nodes_of_subgraphs_and_constants_are_found(tmp_path):
    node, arrays = made("GRU")
    constants = [
        onnx.helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(arrays[place]))
        for place, name in enumerate(["x", "w", "r", "b"])
        if place
    ]
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    inner = onnx.helper.make_graph([*constants, node], "inner", [], [y])
    outer = onnx.helper.make_node("If", ["yes"], ["z"], name="if", then_branch=inner, else_branch=inner)
    graph = onnx.helper.make_graph([outer], "outer", [], [y])
    path = tmp_path / "nested.onnx"
    onnx.save(onnx.helper.make_model(graph), path)
    assert list(unroll.read_onnx(path)) == ["if/it"]


def refused(path):
    with pytest.raises(DataError) as caught:
        unroll.read_onnx(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "options", "what"),
    [
        ("GRU", {"activations": ["Sigmoid", "Swish"]}, "activation 'Swish'"),
        ("GRU", {"activations": ["Sigmoid"]}, "activations must be 2"),
        ("RNN", {"activations": ["Affine"]}, "needs activation_alpha"),
        ("LSTM", {"linear_before_reset": 1}, "'linear_before_reset' is not known"),
        ("LSTM", {"direction": "sideways"}, "sideways"),
        ("LSTM", {"layout": 2}, "layout must be 0 or 1"),
        ("RNN", {"clip": -1.0}, "clip must be positive"),
        ("GRU", {"linear_before_reset": 7}, "linear_before_reset must be 0 or 1"),
    ],
)
def test_what_unroll_has_not_is_refused_by_name(tmp_path, kind, options, what):
    node, arrays = made(kind, **options)
    said = refused(saved(tmp_path / "node.onnx", node, arrays))
    assert what in said
    assert "'it'" in said


def changed(tmp_path, change):
    node, arrays = made("LSTM")
    path = saved(tmp_path / "node.onnx", node, arrays)
    model = onnx.load(path)
    change(model.graph)
    path.write_bytes(model.SerializeToString())
    return path


def test_sizes_are_checked_against_the_bytes_that_are_there(tmp_path):
    def huge(graph):
        graph.initializer[0].dims[1] = 2**40

    assert "1099511627776" in refused(changed(tmp_path, huge))

    def negative(graph):
        graph.initializer[0].dims[1] = -8

    assert "negative" in refused(changed(tmp_path, negative))

    def hidden(graph):
        next(one for one in graph.node[0].attribute if one.name == "hidden_size").i = 2**40

    assert "hidden_size is 1099511627776" in refused(changed(tmp_path, hidden))

    def text(graph):
        graph.initializer[0].data_type = onnx.TensorProto.STRING

    assert "ONNX type" in refused(changed(tmp_path, text))

    def computed(graph):
        del graph.initializer[0]

    assert "W is not in the file" in refused(changed(tmp_path, computed))

    def fixed_lengths(graph):
        graph.initializer.append(onnx.numpy_helper.from_array(np.array([5, 2, 1], "int32"), "lengths"))

    assert "sequence_lens is fixed" in refused(changed(tmp_path, fixed_lengths))


@pytest.mark.parametrize(
    ("location", "entries", "what"),
    [
        ("../secret", {}, "outside of the model's folder"),
        ("/etc/passwd", {}, "outside of the model's folder"),
        ("", {}, "outside of the model's folder"),
        ("link", {}, "outside of the model's folder"),
        ("weights", {}, "not beside the model"),
        ("a\0b", {}, "no file is called"),
        ("long" * 2000, {}, "no file is called"),
        ("small", {}, "needs 128 bytes"),
        ("large", {"offset": str(2**40)}, "needs 128 bytes"),
        ("large", {"offset": "-4"}, "needs 128 bytes"),
        ("large", {"length": str(2**40)}, "needs 128 bytes"),
        ("large", {"offset": "x"}, "must be numbers"),
    ],
)
def test_external_data_lies_beside_the_model_and_is_whole(tmp_path, location, entries, what):
    (tmp_path / "small").write_bytes(bytes(8))
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "large").write_bytes(bytes(4096))

    def outside(graph):
        tensor = graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in {"location": location, **entries}.items():
            tensor.external_data.add(key=key, value=value)

    assert what in refused(changed(tmp_path, outside))


def test_external_data_is_read(tmp_path):
    node, arrays = made("LSTM")
    whole = unroll.read_onnx(saved(tmp_path / "whole.onnx", node, arrays))
    onnx.save(
        onnx.load(tmp_path / "whole.onnx"),
        tmp_path / "apart.onnx",
        save_as_external_data=True,
        size_threshold=0,
        location="apart.bin",
    )
    apart = unroll.read_onnx(tmp_path / "apart.onnx")
    for name, value in whole["it"].state_dict().items():
        assert torch.equal(apart["it"].state_dict()[name], value)


def test_a_file_with_wrong_bytes_is_one_line_or_none(tmp_path):
    node, arrays = made("LSTM", peephole=True, clip=0.5)
    path = saved(tmp_path / "node.onnx", node, arrays)
    whole, draw, refusals = path.read_bytes(), random.Random(0), []
    for _ in range(300):
        at, change = draw.randrange(len(whole)), bytes(draw.randrange(256) for _ in range(draw.randrange(9)))
        path.write_bytes(draw.choice([whole[:at], whole[:at] + change + whole[at + draw.randrange(9) :]]))
        try:
            unroll.read_onnx(path)
        except DataError as error:
            refusals.append(str(error))
    assert len(refusals) > 100
    assert not any("\n" in text for text in refusals)


def test_what_is_no_onnx_file_is_one_line(tmp_path):
    path = tmp_path / "it.onnx"
    assert "no such file" in refused(path)
    path.write_bytes(b"\xff" * 100)
    assert "not an ONNX file" in refused(path)
    path.write_bytes(b"")
    assert "holds no graph" in refused(path)
