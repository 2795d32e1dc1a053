"""Exported files: their nodes, their numbers in onnxruntime, and what is refused."""

from __future__ import annotations

import importlib.metadata
import io

import numpy as np
import pytest
import torch
from torch import nn

import unroll
from unroll.cells import GRUCell, LSTMCell, RNNCell
from unroll.errors import ConfigError
from unroll.interop import onnx_translations
from unroll.interop.cells import OpenLSTMCell
from unroll.interop.onnx import export
from unroll.layers import GridLSTM

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra export)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra export)")
ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra export)")

# torch.onnx and what it stands on warn of one another's future.
pytestmark = [
    pytest.mark.usefixtures("one_registry"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
LENGTHS = torch.tensor([7, 4])
X = torch.randn(7, 2, 3, generator=torch.Generator().manual_seed(0))


class Reader(nn.Module):
    """A module as a user writes it: embedding, two layers in both directions, one more, a linear head."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.deep = unroll.LSTM(8, 6, 2, batch_first=True, bidirectional=True)
        self.top = unroll.Recurrent(GRUCell(12, 5, reset_after=False), batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, tokens, lengths):
        y, _ = self.deep(self.embedding(tokens), lengths=lengths)
        _, state = self.top(y, lengths=lengths)
        return self.head(state.h)


def kinds(path):
    model = onnx.load(path)
    onnx.checker.check_model(model)
    return [node.op_type for node in model.graph.node if node.op_type in ("RNN", "GRU", "LSTM", "Loop", "Scan")]


def test_a_module_with_two_directions_has_one_node_for_each_layer(tmp_path):
    path = tmp_path / "reader.onnx"
    module = Reader()
    done = unroll.export_onnx(module, {"tokens": torch.randint(0, 50, (2, 7)), "lengths": LENGTHS}, path)
    assert module.training
    assert kinds(path) == ["LSTM", "LSTM", "GRU"]
    assert done.recurrent_nodes == 3
    assert done.checked.difference < 1e-5
    assert done.checked.runs == 20
    assert done.inputs["tokens"][0] == done.inputs["lengths"][0]
    assert all(isinstance(size, str) for size in done.inputs["tokens"])
    facts = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert facts["unroll.version"] == importlib.metadata.version("unroll-rnn")
    assert float(facts["unroll.largest_difference"]) == pytest.approx(done.checked.difference, rel=1e-3)
    # Once more by itself, on shapes that nothing above has seen.
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    for batch, steps in ((1, 1), (9, 40)):
        tokens = torch.randint(0, 50, (batch, steps))
        lengths = torch.randint(1, steps + 1, (batch,))
        (found,) = session.run(None, {"tokens": tokens.numpy(), "lengths": lengths.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(found, module.eval()(tokens, lengths).numpy(), atol=1e-5)


def test_states_are_inputs_and_outputs_of_a_stream(tmp_path):
    path = tmp_path / "stream.onnx"
    layer = unroll.LSTM(3, 5, bidirectional=True)
    state = (torch.randn(2, 2, 5), torch.randn(2, 2, 5))
    done = unroll.export_onnx(layer, (X, state), path, output_names=["y", "h", "c"])
    assert kinds(path) == ["LSTM"]
    assert list(done.outputs) == ["y", "h", "c"]
    assert len(done.inputs) == 3
    # In two parts with the states between them, each direction on its own: forwards it is the whole.
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    x, h, c = (given.name for given in session.get_inputs())
    begun = session.run(None, {x: X[:3].numpy(), h: state[0].numpy(), c: state[1].numpy()})
    ended = session.run(None, {x: X[3:].numpy(), h: begun[1], c: begun[2]})
    with torch.no_grad():
        whole, _ = layer(X, state)
    found = np.concatenate([begun[0], ended[0]])[..., :5]
    np.testing.assert_allclose(found, whole[..., :5].numpy(), atol=1e-5)


CELLS = [
    RNNCell(3, 5, nonlinearity="relu"),
    GRUCell(3, 5, bias=False),
    LSTMCell(3, 5, peephole=True),
    LSTMCell(3, 5, coupled=True, peephole=True),
]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_layer_goes_out_and_comes_back(tmp_path, cell):
    path = tmp_path / "layer.onnx"
    layer = unroll.Recurrent(cell, reverse=True)
    unroll.export_onnx(layer, {"x": X, "lengths": LENGTHS}, path)
    (again,) = unroll.read_onnx(path).values()
    assert again.cell == layer.cell or not cell.bias
    with torch.no_grad():
        expected, _ = layer(X, lengths=LENGTHS)
        found, _ = again(X, lengths=LENGTHS)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("layer", "what"),
    [
        (unroll.Recurrent(LSTMCell(3, 5, layer_norm=True)), "layer normalisation"),
        (unroll.LSTM(3, 5, proj_size=2), "projection"),
        (unroll.Recurrent(LSTMCell(3, 5, cell_clip=1.0)), "cell_clip"),
        (unroll.Recurrent(GRUCell(3, 5, zoneout=0.1)), "zoneout"),
        (GridLSTM(3, 5, 2), "Grid LSTM"),
        (unroll.Recurrent(OpenLSTMCell(3, 5, clip=0.5)), "its activations or its clip, of OpenLSTMCell"),
    ],
)
def test_what_onnx_cannot_express_is_refused_with_the_reason(tmp_path, layer, what):
    path = tmp_path / "layer.onnx"
    with pytest.raises(ConfigError, match=what):
        unroll.export_onnx(layer, X, path)
    assert not path.exists()


def test_a_forced_engine_is_set_aside_for_the_file(tmp_path):
    path = tmp_path / "layer.onnx"
    layer = unroll.GRU(3, 5, 2, engine="reference")
    unroll.export_onnx(layer, X, path)
    assert layer.engine == "reference"
    assert kinds(path) == ["GRU", "GRU"]


def test_a_file_that_gives_something_else_is_an_error_and_not_written(tmp_path, monkeypatch):
    layer, path = unroll.RNN(3, 5), tmp_path / "layer.onnx"
    before = export.tidy

    def other(model):
        for value in model.graph.initializers.values():
            if value.shape is not None and len(value.shape) == 3:
                value.const_value = type(value.const_value)(value.const_value.numpy() * 1.01)
        return before(model)

    monkeypatch.setattr(export, "tidy", other)
    with pytest.raises(ConfigError, match="the results differ by"):
        unroll.export_onnx(layer, X, path)
    assert list(tmp_path.iterdir()) == []


def test_torchs_own_exporter_takes_the_translations(tmp_path):
    layer = unroll.GRU(3, 5).eval()
    program = torch.onnx.export(
        layer, (X,), dynamo=True, custom_translation_table=onnx_translations(), verbose=False
    )  # fmt: skip
    program.save(tmp_path / "gru.onnx")
    assert kinds(tmp_path / "gru.onnx") == ["GRU"]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_torchs_own_exporter_takes_a_users_module_with_dynamic_axes(tmp_path):
    """Through torch.export first, and from the module itself; then in onnxruntime on other batches and lengths."""
    module = Reader().eval()
    example = {"tokens": torch.randint(0, 50, (2, 7)), "lengths": LENGTHS}
    batch, time = torch.export.Dim("batch"), torch.export.Dim("time")
    axes = {"tokens": {0: batch, 1: time}, "lengths": {0: batch}}
    table = {"custom_translation_table": onnx_translations(), "dynamo": True, "verbose": False}
    captured = torch.export.export(module, (), example, dynamic_shapes=axes)
    programs = [
        torch.onnx.export(captured, **table),
        torch.onnx.export(module, (), kwargs=example, dynamic_shapes=axes, **table),
    ]
    for number, program in enumerate(programs):
        path = tmp_path / f"{number}.onnx"
        program.save(path)
        # A direction is a node here.
        assert kinds(path) == ["LSTM"] * 4 + ["GRU"]
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        for rows, steps in ((1, 1), (5, 19)):
            tokens, lengths = torch.randint(0, 50, (rows, steps)), torch.randint(1, steps + 1, (rows,))
            with torch.no_grad():
                expected = module(tokens, lengths)
                torch.testing.assert_close(captured.module()(tokens=tokens, lengths=lengths), expected)
            (found,) = session.run(None, {"tokens": tokens.numpy(), "lengths": lengths.numpy()})
            np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_the_older_exporter_of_torch_takes_the_drop_ins(kind: str) -> None:
    torch.manual_seed(0)
    layer, x = getattr(unroll, kind)(4, 5).eval(), torch.randn(6, 3, 4)
    file = io.BytesIO()
    torch.onnx.export(layer, (x,), file, dynamo=False)
    session = ort.InferenceSession(file.getvalue())
    (y, *_) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    torch.testing.assert_close(torch.from_numpy(y), layer(x)[0].detach(), rtol=1e-5, atol=1e-6)
