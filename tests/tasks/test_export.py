"""Every task's network as ONNX files: run by onnxruntime alone they say what the network says, on real records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import unroll
from unroll.bundle import RunFolder
from unroll.cells import GRUCell, LightGRUCell, LSTMCell
from unroll.errors import ConfigError
from unroll.layers import GridLSTM, Stack
from unroll.models.encoders import recurrent_stack
from unroll.models.language_model import LanguageModel
from unroll.models.named import Carried, Horizon, state_sizes
from unroll.tasks.base import Predictor
from unroll.tasks.forecast.network import build_network as build_forecaster
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.parts import carried_states, ids, lengths, numbers
from unroll.tasks.transcribe.network import build_network as build_transcriber
from unroll.tasks.transcribe.predictor import TranscribePredictor
from unroll.tasks.transcribe.reading import Reading
from unroll.tasks.transcribe.settings import Saved, TranscribeSettings
from unroll.tasks.transcribe.sound import ears_of

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra export)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra export)")
ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra export)")

# torch.onnx and what it stands on warn of one another's future.
pytestmark = [
    pytest.mark.usefixtures("one_registry"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

OLD = Path(__file__).parent / "old_runs"
EVERY = sorted(path.name for path in OLD.iterdir())
#: Runs that have all there is: ragged features, states, a loop, two files. The others take longer than they add.
FIRST = ("classify", "generate", "tag", "translate")
RUNS = [name if name in FIRST else pytest.param(name, marks=pytest.mark.slow) for name in EVERY]
RECURRENT = ("RNN", "GRU", "LSTM")


def session(path: Path) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def asked(path: Path) -> list[Any]:
    recorded = json.loads((path / "recorded.json").read_text("utf-8"))
    return [str(path / r) if isinstance(r, str) and (path / r).is_file() else r for r in recorded["records"]]


def told(file: Path, feed: dict[str, Any]) -> dict[str, np.ndarray]:
    """What a file says, by name, the states that are not given being zeros."""
    held = session(file)
    rows = len(next(iter(feed.values())))
    whole = {
        own.name: np.asarray(feed[own.name])
        if own.name in feed
        else np.zeros((rows, *own.shape[1:]), np.float32)
        for own in held.get_inputs()
    }  # fmt: skip
    whole = {name: value.astype(np.int64) if value.dtype == np.uint8 else value for name, value in whole.items()}
    return dict(zip([own.name for own in held.get_outputs()], held.run(None, whole), strict=True))


def padded(counts: torch.Tensor, values: torch.Tensor) -> np.ndarray:
    rows = torch.split(values, counts.tolist())
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).numpy()


def classify(asker: Predictor, file: Path, records: list[Any]) -> Iterator[tuple[Any, Any]]:
    batch, feed = list(asker.encode(records)), {}
    for own in session(file).get_inputs():
        if own.name in ("x", "tokens"):
            feed[own.name], feed[{"x": "lengths", "tokens": "token_lengths"}[own.name]] = batch.pop(0), batch.pop(0)
        elif own.name in ("features", "grams"):
            ids, counts, steps = batch.pop(0), batch.pop(0), batch.pop(0)
            features = padded(steps, torch.from_numpy(padded(counts, ids)))
            feed[own.name] = features if own.name == "features" else features[:, 0]
            if own.name == "features":
                feed["lengths"] = steps
    yield told(file, feed)["probabilities"], asker.probabilities(records)


def tag(asker: Any, file: Path, records: list[Any]) -> Iterator[tuple[Any, Any]]:
    batch = asker.encode(records)
    feed = batch._asdict()
    feed["characters"], feed["character_lengths"] = (
        batch.characters[batch.place], batch.character_lengths[batch.place].clamp(min=1)
    )  # fmt: skip
    found = told(file, feed)
    scores = asker.ask(batch)
    for row, (tags, length) in enumerate(zip(asker.network.decode(scores, batch.lengths), batch.lengths, strict=True)):
        yield found["scores"][row, :length], scores[row, :length]
        yield found["tags"][row, :length], tags


def forecast(asker: Any, file: Path, records: list[Any]) -> Iterator[tuple[Any, Any]]:
    (window,) = asker.encode(records)
    steps = window.past.shape[1]
    feed = {"past": window.past, "known": window.known[:, :steps], "ahead": window.known[:, steps:]}
    found, expected = told(file, {**feed, "seen": window.seen}), asker.network(window)
    yield found["mean"], expected.mean
    yield found["quantiles"], expected.quantiles


def stream(asker: Any, file: Path, records: list[Any]) -> Iterator[tuple[Any, Any]]:
    """All at once, and in two parts with the states between them."""
    (x,) = asker.encode(records)
    expected = asker.network(x)[0]
    first, *_ = (own.name for own in session(file).get_inputs())
    (said,) = {"logits", "expected"} & {own.name for own in session(file).get_outputs()}
    cut, rows = max(1, x.shape[1] // 2), len(x)
    whole = told(file, {first: x, "lengths": np.full(rows, x.shape[1])})
    begun = told(file, {first: x[:, :cut], "lengths": np.full(rows, cut)})
    states = {name.removesuffix("_after"): value for name, value in begun.items() if name.endswith("_after")}
    ended = told(file, {first: x[:, cut:], "lengths": np.full(rows, x.shape[1] - cut), **states})
    yield whole[said], expected
    yield np.concatenate([begun[said], ended[said]], axis=1), expected


def write(asker: Any, file: Path, records: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Six tokens, each the likeliest, fed back."""
    network, given = asker.network, asker.encode(records)
    network = getattr(network, "captioner", network)
    encoder, step = (file.with_name(f"{file.stem}.{part}.onnx") for part in ("encoder", "step"))
    carried = told(encoder, dict(zip([own.name for own in session(encoder).get_inputs()], given, strict=True)))
    state, tokens = network.read(*given), torch.zeros(len(given[0]), dtype=torch.int64)
    for _ in range(6):
        expected, state = network.decoder.step(tokens.unsqueeze(1), state)
        found = told(step, {**carried, "tokens": tokens})
        yield found["logits"], expected
        yield found["looked"], state.weights
        carried |= {name.removesuffix("_after"): value for name, value in found.items() if name.endswith("_after")}
        tokens = expected.argmax(dim=1)


def plain(asker: Any, file: Path, records: list[Any]) -> Iterator[tuple[Any, Any]]:
    """The network's own inputs and outputs, in order."""
    given = asker.encode(records)
    found = told(file, dict(zip([own.name for own in session(file).get_inputs()], given, strict=True)))
    expected = asker.ask(given) if asker.network.__class__.__name__ == "GapModel" else asker.network(*given)
    expected = [expected] if isinstance(expected, torch.Tensor) else expected
    yield from zip(found.values(), expected, strict=True)


WAYS: dict[str, Callable[[Any, Path, list[Any]], Iterator[tuple[Any, Any]]]] = {
    "answer": plain, "caption": write, "chat": write, "classify": classify, "detect": stream, "fill": plain,
    "forecast": forecast, "generate": stream, "tag": tag, "transcribe": plain, "translate": write,
}  # fmt: skip


def layers_of(module: torch.nn.Module) -> int:
    """How many nodes it should become: a layer each, both directions in one."""
    directions = {id(part) for m in module.modules() if isinstance(m, unroll.Bidirectional) for part in m.children()}
    alone = sum(isinstance(m, unroll.Recurrent) and id(m) not in directions for m in module.modules())
    return alone + sum(isinstance(m, unroll.Bidirectional) for m in module.modules())


def test_every_task_is_here() -> None:
    from unroll.tasks import TASKS

    assert set(WAYS) == set(TASKS) == {RunFolder.open(OLD / name / "run").config.task for name in EVERY}


@pytest.mark.parametrize("name", EVERY)
def test_every_run_says_what_may_be_fed_to_its_graphs(name: str) -> None:
    draw = torch.Generator().manual_seed(0)
    parts = unroll.load(OLD / name / "run").predictor.network_parts()
    assert len({part.name for part in parts}) == len(parts)
    for part in parts:
        names = {axis for own in part.inputs.values() for axis in own.axes if isinstance(axis, str)}
        assert "batch" in names
        for larger in (0, 3):
            sizes = {axis: part.least.get(axis, 1) + larger for axis in names}
            with torch.no_grad():
                said = part.module.eval()(*(own.draw(sizes, draw) for own in part.inputs.values()))
            said = [said] if isinstance(said, torch.Tensor) else list(said)
            assert len(said) == len(part.outputs)
            assert all(len(one) == sizes["batch"] and bool(one.isfinite().all()) for one in said)


@pytest.mark.parametrize("name", RUNS)
def test_its_files_say_what_the_network_says(name: str, tmp_path: Path) -> None:
    model = unroll.load(OLD / name / "run")
    file = tmp_path / "model.onnx"
    done = model.export_onnx(file)
    parts = model.predictor.network_parts()
    for own, part in zip(done, parts, strict=True):
        proto = onnx.load(own.path)
        onnx.checker.check_model(proto)
        assert {node.op_type for node in proto.graph.node} & {"Loop", "If"} == set()
        nodes = [node for node in proto.graph.node if node.op_type in RECURRENT]
        assert len(nodes) == own.recurrent_nodes
        # A decoder without its own step runs none; two stacks side by side may share a node.
        assert len(nodes) <= layers_of(part.module)
        assert (len(nodes) > 0) == (part.name != "encoder" or model.task != "caption")
        assert own.checked.runs == 20
        assert own.checked.difference <= 1e-4
        facts = {entry.key: entry.value for entry in proto.metadata_props}
        assert facts.items() >= {"unroll.task": model.task, **part.metadata}.items()
        assert len(part.metadata) > 0
        assert float(facts["unroll.largest_difference"]) == pytest.approx(own.checked.difference, abs=1e-9)
        assert own.inputs == {key: value.axes for key, value in part.inputs.items()}
        assert list(own.outputs) == list(part.outputs)
    with torch.no_grad():
        checked = list(WAYS[model.task](model.predictor, file, asked(OLD / name)))
    assert checked
    for found, expected in checked:
        np.testing.assert_allclose(found, np.asarray(expected), atol=1e-4)


def test_one_graph_alone_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = unroll.load(OLD / "translate/run")
    encoder, step = model.predictor.network_parts()
    broken = step._replace(inputs={**step.inputs, "tokens": ids(5, 1)})
    monkeypatch.setattr(type(model.predictor), "network_parts", lambda self: (encoder, broken))
    with pytest.raises(ConfigError):
        model.export_onnx(tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_forecast_step_by_step_is_a_loop_of_the_file(tmp_path: Path) -> None:
    asker = unroll.load(OLD / "forecast/run").predictor
    torch.manual_seed(0)
    network = build_forecaster(asker._saved, ForecastSettings(decoder="recurrent", hidden_size=4)).eval()
    for parameter in network.head.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    inputs = {
        "past": numbers("batch", "time"), "known": numbers("batch", "time", 2), "ahead": numbers("batch", 4, 2),
        "seen": numbers("batch", "time", 1),
    }  # fmt: skip
    done = unroll.interop.export_named(
        Horizon(network, 2, 1), inputs, tmp_path / "it.onnx", outputs=["quantiles", "mean"],
        least={"time": network.linear_steps},
    )  # fmt: skip
    proto = onnx.load(done.path)
    assert [node.op_type for node in proto.graph.node if node.op_type in ("Scan", "Loop")] == ["Scan"]


def test_a_forecast_of_drawn_paths_is_refused() -> None:
    asker = unroll.load(OLD / "forecast/run").predictor
    settings = ForecastSettings(decoder="recurrent", likelihood="gaussian", hidden_size=4)
    asker._network = build_forecaster(asker._saved, settings)
    with pytest.raises(ConfigError, match="fed with draws from its own distribution"):
        asker.network_parts()


def test_a_transcriber_that_reads_forwards_is_a_stream_too(tmp_path: Path) -> None:
    saved = Saved(audio="audio", rate_column=None, target="text", rate=8000, letters=(" ", "a", "b"), delay=2)
    settings = TranscribeSettings(hidden_size=4, bidirectional=False, num_layers=2, bands=12, delay=2)
    network = build_transcriber(saved, settings)
    network.mean.fill_(-1.0)
    made = TranscribePredictor(network, saved, ears_of(8000, settings), Reading(1, decide=True), longest=60.0, seed=0)
    whole, stream = made.network_parts()
    assert (whole.name, stream.name) == ("", "stream")
    done = unroll.interop.export_named(stream.module, stream.inputs, tmp_path / "it.onnx", outputs=stream.outputs)
    assert done.recurrent_nodes == 2
    frames = torch.randn(2, 4 * network.frames, 12)
    with torch.no_grad():
        steps = network.stacked(network.normalised(frames), ended=False)
        expected, _ = network.read(steps)
    feed = frames.reshape(2, 4, -1)
    begun = told(done.path, {"features": feed[:, :1]})
    states = {name.removesuffix("_after"): value for name, value in begun.items() if name.endswith("_after")}
    ended = told(done.path, {"features": feed[:, 1:], **states})
    found = np.concatenate([part["log_probabilities"] for part in (begun, ended)], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_task_that_says_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = unroll.load(OLD / "fill/run")
    monkeypatch.delattr(type(model.predictor), "network_parts")
    with pytest.raises(ConfigError, match=r"a run of fill, cannot be exported to ONNX: .*say nothing"):
        model.export_onnx(tmp_path / "model.onnx")


def written(cells: list[Any], path: Path) -> Any:
    model = LanguageModel(9, recurrent_stack([(cell,) for cell in cells]))
    states = state_sizes(model.body)
    inputs = {"tokens": ids(9, "batch", "time"), "lengths": lengths("time", "batch"), **carried_states(states)}
    return unroll.interop.export_named(
        Carried(model), inputs, path, outputs=["logits", *(f"{s}_after" for s in states)]
    )


def test_states_of_every_layer_have_a_name(tmp_path: Path) -> None:
    done = written([LSTMCell(4, 3), GRUCell(3, 4)], tmp_path / "it.onnx")
    assert list(done.inputs) == ["tokens", "lengths", "h_0", "c_0", "h_1"]
    assert done.recurrent_nodes == 2


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        (LightGRUCell(4, 3), "and not LightGRUCell"),
        (LSTMCell(4, 3, layer_norm=True), "layer normalisation inside a cell"),
    ],
)
def test_a_cell_that_onnx_lacks_is_refused_by_name(cell: Any, what: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=what):
        written([cell], tmp_path / "it.onnx")
    assert not list(tmp_path.iterdir())


def test_a_grid_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="got GridLSTM"):
        state_sizes(Stack([GridLSTM(4, 3, 2, batch_first=True)]))


def test_an_axis_that_cannot_stay_open_is_an_error(tmp_path: Path) -> None:
    class Fixed(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(len(x), 3)

    with pytest.raises(ConfigError, match="the axis 'batch' of 'x' cannot stay open"):
        unroll.interop.export_named(Fixed(), {"x": numbers("batch", 3)}, tmp_path / "it.onnx", outputs=["y"])
