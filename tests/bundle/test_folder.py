"""The run folder: whole, listed, verified, never overwritten by accident."""

from __future__ import annotations

import json
import math
import os
import pickle
import random
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from unroll.bundle import DataConfig, RunConfig, RunFolder, fingerprint
from unroll.bundle.card import model_card
from unroll.errors import BundleError, ConfigError, UnrollError

CONFIG = RunConfig(task="classify", seed=4, data=DataConfig(path="a.csv", target="label"))


def network() -> nn.Module:
    return nn.LSTM(3, 5)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    torch.manual_seed(0)
    made = RunFolder.create(tmp_path / "run", CONFIG)
    made.save_weights(network())
    return made


def test_weights_and_config_come_back_in_the_same_bits(folder: RunFolder) -> None:
    torch.manual_seed(0)
    expected, model = network(), network()
    opened = RunFolder.open(folder.path)
    opened.load_weights(model)
    assert opened.config == CONFIG
    for name, tensor in expected.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


def test_tied_weights_are_stored_and_stay_tied(tmp_path: Path) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inward, self.outward = nn.Embedding(4, 3), nn.Linear(3, 4, bias=False)
            self.outward.weight = self.inward.weight

    folder = RunFolder.create(tmp_path / "run", CONFIG)
    first, second = Tied(), Tied()
    folder.save_weights(first)
    folder.load_weights(second)
    assert torch.equal(first.inward.weight, second.outward.weight)
    assert second.inward.weight is second.outward.weight


def test_json_is_standard_and_has_no_word_for_nan(folder: RunFolder) -> None:
    value = {
        "a": np.float32(0.5),
        "b": [math.nan, math.inf, 1],
        "c": np.arange(3),
        "d": (1, None),
        "e": Path("x"),
        "ä": "한",
    }
    folder.write_json("metrics.json", value)
    text = (folder.path / "metrics.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    assert "한" in text
    assert folder.read_json("metrics.json") == {
        "a": 0.5, "b": [None, None, 1], "c": [0, 1, 2], "d": [1, None], "e": "x", "ä": "한"
    }  # fmt: skip


def test_nothing_is_overwritten_without_force(folder: RunFolder) -> None:
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    with pytest.raises(BundleError, match=r"a run is there already; continue it with --resume .*--force"):
        RunFolder.create(folder.path, CONFIG)
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


def test_force_replaces_the_run_and_leaves_what_is_not_unrolls(folder: RunFolder) -> None:
    (folder.path / "checkpoints").mkdir()
    (folder.path / "checkpoints" / "00000001.json").write_text("{}")
    (folder.path / "log.jsonl").write_text("")
    (folder.path / "notes.txt").write_text("mine")
    RunFolder.create(folder.path, CONFIG.model_copy(update={"seed": 5}), force=True)
    assert {path.name for path in folder.path.iterdir()} == {"config.json", "manifest.json", "notes.txt"}
    assert RunFolder.open(folder.path).config.seed == 5


def test_force_does_not_empty_a_folder_that_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years")
    for force in (False, True):
        with pytest.raises(BundleError, match="not empty and is not a run folder"):
            RunFolder.create(tmp_path, CONFIG, force=force)
    assert (tmp_path / "thesis.tex").read_text() == "years"
    with pytest.raises(BundleError, match="expected a folder"):
        RunFolder.create(tmp_path / "thesis.tex", CONFIG, force=True)


def test_force_does_not_follow_names_or_links_out_of_the_folder(folder: RunFolder, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("1")
    (folder.path / "checkpoints").symlink_to(precious)
    RunFolder.create(folder.path, CONFIG, force=True)
    assert (precious / "file").exists()
    manifest = folder.path / "manifest.json"
    value = json.loads(manifest.read_text())
    value["files"]["../precious/file"] = {"bytes": 1, "sha256": ""}
    manifest.write_text(json.dumps(value))
    with pytest.raises(BundleError, match=r"manifest\.json: the entry of"):
        RunFolder.create(folder.path, CONFIG, force=True)
    assert (precious / "file").exists()


def _pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weight": [1.0]}))


def _torch_file(path: Path) -> None:
    torch.save(network().state_dict(), path)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _oversized_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2**62) + path.read_bytes()[8:])


def _large_header(path: Path) -> None:
    # Sparse: 1 GiB that takes no disk, announced by the first 8 bytes.
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", 2**30 - 8) + b"{")
        file.truncate(2**30)


def _folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_pickle, "this is a pickle, which unroll never reads"),
        (_torch_file, "this is a pickle, which unroll never reads"),
        (_truncated, "the file is truncated or altered"),
        (_empty, "the file is truncated"),
        (_oversized_header, "its header would be 4611686018427387904 bytes"),
        (_large_header, "its header would be 1073741816 bytes"),
        (_folder_instead, "expected a file"),
        (lambda path: path.unlink(), "the file is missing"),
    ],
)
def test_a_damaged_model_file_is_one_line_that_names_it(
    folder: RunFolder, damage: Callable[[Path], None], message: str
) -> None:
    damage(folder.weights)
    model = network()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(BundleError) as caught:
        RunFolder.open(folder.path).load_weights(model)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(folder.weights))
    assert "\n" not in str(caught.value)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_every_flipped_bit_of_the_model_is_found(folder: RunFolder) -> None:
    content = folder.weights.read_bytes()
    draw = random.Random(0)
    for _ in range(200):
        at, bit = draw.randrange(len(content)), draw.randrange(8)
        folder.weights.write_bytes(content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :])
        with pytest.raises(BundleError):
            RunFolder.open(folder.path).load_weights(network())


def test_every_flipped_bit_of_manifest_and_config_is_found_or_harmless(folder: RunFolder) -> None:
    draw = random.Random(0)
    for name in ("manifest.json", "config.json"):
        path = folder.path / name
        content = path.read_bytes()
        for _ in range(200):
            at, bit = draw.randrange(len(content)), draw.randrange(8)
            path.write_bytes(content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :])
            try:
                RunFolder.open(folder.path).load_weights(network())
            except UnrollError as error:
                assert str(folder.path) in str(error)  # noqa: PT017 - either outcome is right
        path.write_bytes(content)


def test_a_forged_file_with_a_right_checksum_is_still_bounded(folder: RunFolder) -> None:
    header = b'{"w":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}'
    folder.write_bytes("model.safetensors", struct.pack("<Q", len(header)) + header + b"\0" * 16)
    with pytest.raises(BundleError, match=r"model.safetensors: not a valid safetensors file"):
        folder.load_weights(network())


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (nn.LSTM(3, 6), r"tensor 'weight_ih_l0': expected float32 \(24, 3\), got float32 \(20, 3\)"),
        (nn.LSTM(3, 5, bias=False), "'bias_hh_l0' is not one of the model's"),
        (nn.LSTM(3, 5, num_layers=2), "'bias_hh_l1' is missing"),
        (nn.LSTM(3, 5).double(), "expected float64"),
    ],
)
def test_weights_of_another_model_are_refused(folder: RunFolder, other: nn.Module, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        folder.load_weights(other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sed": 1}, "unknown key 'sed' (did you mean 'seed'?)"),
        ({"version": 2}, "'version'"),
        ({"data": {"path": "x", "encodin": "y"}}, "unknown key 'data.encodin' (did you mean 'encoding'?)"),
    ],
)
def test_a_config_with_an_unknown_key_names_file_and_key(
    folder: RunFolder, change: dict[str, object], message: str
) -> None:
    path = folder.path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ConfigError) as caught:
        RunFolder.open(folder.path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_json_file_that_was_altered_or_is_too_large(folder: RunFolder) -> None:
    folder.write_json("metrics.json", {"a": 1})
    path = folder.metrics
    path.write_text(path.read_text().replace("1", "2"))
    with pytest.raises(BundleError, match=r"metrics.json: its checksum differs"):
        folder.read_json("metrics.json")
    folder.write_json("metrics.json", {"a": "x" * 100})
    with pytest.raises(BundleError, match="expected at most 50 bytes"):
        folder.read_json("metrics.json", limit=50)
    with pytest.raises(BundleError, match="the file is missing"):
        folder.read_json("none.json")
    (folder.path / "strange.json").write_text("{}")
    with pytest.raises(BundleError, match="not listed in manifest"):
        folder.read_json("strange.json")


def test_names_stay_in_the_folder(folder: RunFolder) -> None:
    with pytest.raises(ValueError, match="name of a file in the run folder"):
        folder.write_text("../report.html", "")


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="there is none"):
        RunFolder.open(tmp_path / "none")
    with pytest.raises(BundleError, match="not a run folder"):
        RunFolder.open(tmp_path)


def test_a_crash_at_any_moment_of_a_write_leaves_the_old_or_says_so(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_json("metrics.json", {"a": 1})
    replace = os.replace
    outcomes = []
    for crash in range(4):
        calls = 0

        def failing(source: Path, target: Path) -> None:
            nonlocal calls
            calls += 1
            if calls > crash:  # noqa: B023 - called within the iteration
                raise OSError(28, "No space left on device")
            replace(source, target)

        monkeypatch.setattr(os, "replace", failing)
        try:
            RunFolder.open(folder.path).write_json("metrics.json", {"a": 2})
        except BundleError as error:
            assert "metrics.json: cannot be written" in str(error) or "manifest.json" in str(error)  # noqa: PT017
            outcomes.append("failed")
        monkeypatch.setattr(os, "replace", replace)
        opened = RunFolder.open(folder.path)
        outcomes.append(opened.read_json("metrics.json")["a"] if opened.has("metrics.json") else "not listed")
        opened.load_weights(network())
        assert not list(folder.path.glob(".*"))
        RunFolder.open(folder.path).write_json("metrics.json", {"a": 1})
    assert outcomes == ["failed", 1, "failed", "not listed", "failed", "not listed", 2]


def test_environment_fingerprint_and_card(folder: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_bytes(b"abc")
    folder.record_environment(fingerprint([tmp_path / "data"]))
    about = folder.read_json("environment.json")
    # The SHA-256 of "abc", from FIPS 180-2, appendix B.1.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (
        about["data"]
        == [{"name": "a.txt", "bytes": 3, "sha256": expected}]
        == fingerprint([tmp_path / "data" / "a.txt"])
    )
    assert about["threads"] == torch.get_num_threads()
    assert about["packages"]["torch"] == torch.__version__

    score = {"accuracy": {"value": 0.91234, "interval": [0.9, 0.92]}}
    baseline = {"majority": {"test": {"accuracy": {"value": 0.5, "interval": None}}}}
    folder.write_json(
        "metrics.json",
        {"task": "classify", "validation": {}, "test": score, "baselines": baseline, "parameters": 12345, "seconds": 9},
    )
    folder.write_card(["Text in column2."])
    card = folder.read_text("README.md")
    for words in (
        "12,345 parameters",
        "| this model | 91.2% (90.0 to 92.0%) |",
        "| majority | 50.0% |",
        expected,
        "Text in column2.",
    ):
        assert words in card
    assert "Scores on validation" not in card


def test_the_card_shows_hostile_text_as_text(tmp_path: Path) -> None:
    config = RunConfig(task="classify", data=DataConfig(path="<script>x</script>|`a`*b*\n# [c](http://evil) \u202ed"))
    card = model_card(config, {}, {}, ["a | b\n## not a heading"])
    shown = r"&lt;script&gt;x&lt;/script&gt;\|\`a\`\*b\* # \[c\](http://evil) \[U+202E\]d"
    assert card.splitlines()[0] == f"# classify: {shown}"
    assert r"- a \| b ## not a heading" in card.splitlines()
