"""What the trace shows is what the layers computed, on every engine, in any module."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import unroll
from unroll.errors import ConfigError, EngineError
from unroll.inspect import View, trace, view_of
from unroll.inspect.watch import watch


def by_hand(layer: nn.LSTM, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """States and gates of torch's equations, step by step."""
    h = c = x.new_zeros(x.shape[1], layer.hidden_size)
    found: dict[str, list[torch.Tensor]] = {name: [] for name in "hcifgo"}
    for step in x:
        stacked = step @ layer.weight_ih_l0.T + layer.bias_ih_l0 + h @ layer.weight_hh_l0.T + layer.bias_hh_l0
        i, f, g, o = stacked.chunk(4, dim=-1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        for name, value in zip("hcifgo", (h, c, i, f, g, o), strict=True):
            found[name].append(value)
    return {name: torch.stack(values) for name, values in found.items()}


@pytest.mark.parametrize("engine", ["native", "torch", "reference", "auto"])
def test_values_are_those_of_the_equations(engine: str) -> None:
    torch.manual_seed(0)
    layer = unroll.LSTM(3, 5, engine=engine)
    x = torch.randn(11, 2, 3)
    expected = by_hand(layer, x)
    (track,) = trace(layer, x, row=1).tracks
    assert track.engine == {"auto": "native", "torch": "native"}.get(engine, engine)
    assert list(track.values) == list("hcifgo")
    assert track.states == ("h", "c")
    for name, value in track.values.items():
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, expected[name][:, 1].detach().numpy(), atol=2e-6)


def test_layers_and_directions_of_torch_inside_a_module_are_seen_and_given_back() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.GRU(3, 4, num_layers=2, bidirectional=True, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x)[0]

    torch.manual_seed(1)
    net, x = Net(), torch.randn(2, 6, 3)
    y = net(x)[1].detach().numpy()
    seen = trace(net, x, row=1)
    assert type(net.inner) is nn.GRU
    assert "_runs" not in vars(net.inner)
    assert not net.inner._forward_hooks
    assert [(track.module, track.depth, track.direction) for track in seen.tracks] == [
        ("inner", 0, "forward"),
        ("inner", 0, "backward"),
        ("inner", 1, "forward"),
        ("inner", 1, "backward"),
    ]
    top = np.concatenate([seen.tracks[2].values["h"], seen.tracks[3].values["h"]], axis=1)
    np.testing.assert_allclose(top, y, atol=2e-6)
    assert seen.kind == "series"
    np.testing.assert_array_equal(seen.series, x[1].numpy())


def test_a_row_ends_where_it_ends() -> None:
    layer = unroll.Bidirectional(
        unroll.Recurrent(unroll.GRUCell(3, 5)), unroll.Recurrent(unroll.GRUCell(3, 5), reverse=True)
    )

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            return self.layer(x, lengths=lengths)[0]

    x = torch.randn(7, 2, 3)
    seen = trace(Net(), (x, torch.tensor([7, 4])), row=1)
    assert [track.values["h"].shape for track in seen.tracks] == [(4, 5), (4, 5)]
    alone = trace(layer, x[:4, 1:])
    for track, own in zip(seen.tracks, alone.tracks, strict=True):
        np.testing.assert_allclose(track.values["z"], own.values["z"], atol=1e-6)


def test_steps_of_a_decoder_stand_one_after_the_other() -> None:
    class Decoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTMCell(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = c = torch.zeros(len(x), 3)
            for _ in range(5):
                h, c = self.cell(x, (h, c))
                x = h
            return x

    net, x = Decoder(), torch.randn(2, 3)
    (track,) = trace(net, x, row=0).tracks
    assert track.values["c"].shape == (5, 3)
    np.testing.assert_allclose(track.values["h"][-1], net(x)[0].detach().numpy(), atol=1e-6)


def test_watching_changes_no_gradient() -> None:
    torch.manual_seed(2)
    layer, x = unroll.LSTM(3, 5, num_layers=2, bidirectional=True), torch.randn(9, 2, 3)
    plain = torch.autograd.grad(layer(x)[0].square().sum(), list(layer.parameters()))
    watched = watch(layer, lambda: layer(x))
    seen = torch.autograd.grad(watched.output[0].square().sum(), list(layer.parameters()))
    for a, b in zip(plain, seen, strict=True):
        torch.testing.assert_close(a, b)


def test_without_recurrent_layers_or_such_a_row_it_says_so() -> None:
    with pytest.raises(ConfigError, match="Linear ran no recurrent layer"):
        trace(nn.Linear(3, 2), torch.zeros(1, 3))
    with pytest.raises(ConfigError, match=r"row must be in \[0, 2\)"):
        trace(unroll.RNN(3, 2), torch.zeros(4, 2, 3), row=2)
    with pytest.raises(EngineError, match="must be one of"):
        trace(unroll.RNN(3, 2, engine="nativ"), torch.zeros(4, 2, 3))


def test_a_view_is_json_and_its_arrays_come_back() -> None:
    seen = trace(unroll.GRU(3, 5), torch.randn(4, 1, 3))
    given = json.loads(json.dumps(View("a look", seen, gradients={"layer 1, forward": np.ones(3)}).to_json()))
    packed = given["tracks"][0]["values"]["h"]
    back = np.frombuffer(b64decode(packed["data"]), "<f4").reshape(packed["shape"])
    np.testing.assert_array_equal(back, seen.tracks[0].values["h"])
    assert given["labels"] == ["0", "1", "2", "3"]
    assert given["tracks"][0]["labels"] is None


def test_a_view_of_a_trained_model_holds_every_measure(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("he said “yes” and “no” now.\n" * 60, encoding="utf-8")
    model = unroll.train(text, task="generate", epochs=1, hidden_size=6, progress=False, baselines=False)
    view = view_of(model, "he said “yes” and “no” now.\n" * 16, title="a look")
    steps = len(view.trace.labels)
    assert list(view.gradients) == list(view.horizons) == ["layer 1, forward"]
    assert {name: len(value) for name, value in view.saliency.items()} == {
        "gradient x input": steps,
        "integrated gradients": steps,
    }
    assert "occlusion" in view_of(model, "he said").saliency
    assert view.findings
    assert view.findings[0]["what"]
    assert "inside quotes" in [flag["property"] for flag in view.flags]
    json.dumps(view.to_json(), allow_nan=False)
    alone = view_of(unroll.GRU(3, 5), torch.randn(9, 1, 3))
    assert not alone.gradients
    assert not alone.saliency


def test_trained_runs_name_their_steps(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat.\n" * 60, encoding="utf-8")
    options = {"epochs": 1, "hidden_size": 6, "progress": False, "baselines": False}
    writer = unroll.train(text, task="generate", **options)
    seen = trace(writer, "the hat")
    assert (seen.kind, seen.labels, len(seen.tracks)) == ("text", tuple("the hat"), 1)
    filler = unroll.train(text, task="fill", **options)
    seen = trace(filler, "the cat sat")
    assert seen.labels[2:-2] == ("the", "cat", "sat")
    assert [track.title for track in seen.tracks] == ["layer 1, forward", "layer 1, backward"]
    rows = ["good film", "bad film"] * 20
    judge = unroll.train((rows, ["p", "n"] * 20), **options)
    assert trace(judge, ["bad film", "a really good film"], row=1).labels == ("a", "really", "good", "film")
    numbers = {"value": np.sin(np.arange(120.0) / 3).round(4).tolist()}
    seer = unroll.train(numbers, task="forecast", horizon=2, **options)
    seen = trace(seer, numbers)
    steps = len(seen.labels)
    assert seen.kind == "series"
    assert seen.series is not None
    assert len(seen.series) == steps
    assert seen.labels[-1] == "119"
    assert len(seen.tracks[0].values["h"]) == steps
