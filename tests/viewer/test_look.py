"""From a model to the page: what is held against a brute-force Jacobian, and both doors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import unroll
from unroll.cli.app import run
from unroll.errors import ConfigError
from unroll.inspect import held

TEXTS = ["a good film", "a lovely story", "not bad at all", "a bad film", "a dull story", "not good at all"]
LABELS = ["pos", "pos", "pos", "neg", "neg", "neg"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> unroll.Model:
    folder = tmp_path_factory.mktemp("runs") / "reviews"
    rows = {"text": TEXTS * 4, "label": LABELS * 4}
    return unroll.train(
        rows, target="label", epochs=1, hidden_size=8, out=folder, baselines=False, progress=False, say=lambda _: None
    )


def scene(page: str) -> dict[str, Any]:
    found = re.search(r'id="scene">(.*?)</script>', page)
    assert found is not None
    return dict(json.loads(found[1]))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_held_is_the_size_of_the_jacobian(bidirectional: bool) -> None:
    torch.manual_seed(0)
    layer = torch.nn.GRU(3, 32, num_layers=2, bidirectional=bidirectional)
    x = torch.randn(6, 2, 3)
    found = held(layer, x, row=1, at=[2, 5])
    assert found is not None
    jacobian = torch.autograd.functional.jacobian(lambda given: layer(given)[0][:, 1], x)
    exact = jacobian[:, :, :, 1].square().sum(dim=(1, 3)).sqrt().numpy()
    # Eight directions: the square has a relative standard deviation of at most sqrt(2 / 8), its root of half of that.
    known = exact[[2, 5]] > 1e-3
    assert (np.abs(found.sizes / np.maximum(exact[[2, 5]], 1e-12) - 1)[known] < 0.6).all()
    assert (found.sizes[0, 3:] > 0).all() == bidirectional
    assert found.shares.sum(axis=1) == pytest.approx([1, 1])


def test_held_of_many_directions_meets_the_jacobian() -> None:
    torch.manual_seed(1)
    layer = torch.nn.LSTM(2, 4)
    x = torch.randn(4, 1, 2)
    found = held(layer, x, at=[3], probes=2000)
    jacobian = torch.autograd.functional.jacobian(lambda given: layer(given)[0][3, 0], x)
    assert found is not None
    assert found.sizes[0] == pytest.approx(jacobian.square().sum(dim=(0, 2, 3)).sqrt().numpy(), rel=0.05)


def test_look_at_a_text_shows_its_words_and_layers(model: unroll.Model, tmp_path: Path) -> None:
    page = unroll.look(model, "not a good film", out=tmp_path / "deep" / "look.html", language="ko")
    assert page.path is not None
    assert page.path.read_text(encoding="utf-8") == page.html
    assert page._repr_html_().startswith("<iframe srcdoc=")
    found = scene(page.html)
    assert found["language"] == "ko"
    (view,) = found["views"]
    assert view["tokens"] == ["not", "a", "good", "film"]
    assert view["unit"] == "word"
    assert view["memory"]["at"] == [0, 1, 2, 3]
    assert len(view["saliency"][0]["values"]) == 4
    assert view["lags"][0]["values"][0] == 1.0
    assert re.fullmatch(r"(pos|neg) \(\d+%\)", view["answer"])
    assert view["diagnosis"], "a first screen says something"


def test_look_puts_two_texts_or_two_models_side_by_side(model: unroll.Model) -> None:
    two = scene(unroll.look(model, "not bad", "not good").html)
    assert [view["name"] for view in two["views"]] == ["1: not bad", "2: not good"]
    both = scene(unroll.look(model, "not bad", compare=model.path).html)
    assert [view["name"] for view in both["views"]] == ["1: reviews", "2: reviews"]
    assert both["views"][0]["tokens"] == both["views"][1]["tokens"]


def test_look_at_a_module_of_torch(tmp_path: Path) -> None:
    found = scene(unroll.look(torch.nn.LSTM(3, 5, num_layers=2, bidirectional=True), torch.randn(7, 2, 3), row=1).html)
    (view,) = found["views"]
    assert [layer["name"] for layer in view["layers"]] == [
        "layer 1, forward",
        "layer 1, backward",
        "layer 2, forward",
        "layer 2, backward",
    ]
    assert [track["name"] for track in view["layers"][0]["tracks"]] == ["h", "c", "i", "f", "g", "o"]
    assert [track["kind"] for track in view["layers"][0]["tracks"]] == 2 * ["signed"] + [
        "share",
        "share",
        "signed",
        "share",
    ]
    assert view["tokens"] == [str(step) for step in range(7)]
    assert view["series"]["block"]["rows"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"language": "fr"}, "language must be 'en' or 'ko'"),
        ({"row": 7}, r"row must be in \[0, 2\)"),
        ({"compare": torch.nn.LSTM(3, 5), "second": True}, "two at most"),
    ],
)
def test_look_says_what_is_wrong(arguments: dict[str, Any], message: str) -> None:
    second = [torch.zeros(2, 2, 3)] if arguments.pop("second", False) else []
    with pytest.raises(ConfigError, match=message):
        unroll.look(torch.nn.LSTM(3, 5), torch.zeros(2, 2, 3), *second, **arguments)


def test_command_writes_the_page_into_the_run(model: unroll.Model, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["look", str(model.path), "--text", "not bad at all"]) == 0
    page = model.path / "look.html"
    assert capsys.readouterr().out == f"page    {page}\n"
    assert scene(page.read_text(encoding="utf-8"))["views"][0]["tokens"] == ["not", "bad", "at", "all"]
    assert run(["look", str(model.path), "--text", "a", "--data", "b.csv"]) == 2
    assert "--text or --data" in capsys.readouterr().err


def test_training_with_look_says_an_address_that_ends_with_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reviews.csv").write_text(
        "\n".join(["text,label", *map(",".join, zip(TEXTS * 4, LABELS * 4, strict=True))])
    )
    out = tmp_path / "run"
    line = ["train", str(tmp_path / "reviews.csv"), "--target", "label", "--epochs", "1", "--hidden-size", "4"]
    assert run([*line, "--out", str(out), "--look"]) == 0
    address = re.search(r"look    (http://127\.0\.0\.1:\d+/\S+/)", capfd.readouterr().err)
    assert address is not None
    port = int(address[1].split(":")[2].split("/")[0])
    listening = Path("/proc/net/tcp").read_text()
    assert f"0100007F:{port:04X} 00000000:0000 0A" not in listening
