"""Checkpoints: whole or absent, verified, closed."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch

from unroll.bundle.files import encode_json
from unroll.errors import BundleError
from unroll.training import Epoch, History, TrainSettings
from unroll.training.checkpoint import Position, read_checkpoint, save_checkpoint

TENSORS = {"model.w": torch.arange(6.0).reshape(2, 3), "process0.random.torch": torch.arange(9, dtype=torch.uint8)}


def position(steps: int = 3) -> Position:
    epoch = Epoch(number=1, steps=2, loss=1 / 3, metrics={"f1": 0.1 + 0.2}, learning_rate=1e-3, tokens=5, seconds=0.25)
    return Position(
        epoch=1,
        step=1,
        steps=steps,
        total=0.1 + 0.7,
        items=3,
        tokens=4,
        seconds=1.5,
        epoch_seconds=0.5,
        waiting=1,
        best=None,
        history=History(epochs=[epoch], best=1),
        settings=TrainSettings(),
        seed=5,
        processes=1,
        threads=2,
        batches="ab",
        scale=(65536.0, 3),
        finished=False,
    )


def read(folder: Path) -> tuple[Position, dict[str, torch.Tensor]]:
    found = read_checkpoint(folder)
    assert found is not None
    return found.open()


def test_a_checkpoint_comes_back_in_the_same_bits(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "checkpoints", position(), TENSORS)
    found, tensors = read(tmp_path / "checkpoints")
    assert found == position()
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(tensors[name], tensor)
        assert tensors[name].dtype == tensor.dtype


def test_no_folder_and_no_checkpoint(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path) is None
    assert read_checkpoint(tmp_path / "none") is None


def test_two_are_kept_and_leftovers_of_a_crash_removed(tmp_path: Path) -> None:
    for steps in range(1, 5):
        save_checkpoint(tmp_path, position(steps), TENSORS)
    (tmp_path / ".00000009.safetensors.77.tmp").write_bytes(b"half")
    (tmp_path / "00000005.safetensors").write_bytes(b"a checkpoint that was never completed")
    (tmp_path / "notes.txt").write_text("not unroll's")
    assert read(tmp_path)[0].steps == 4
    save_checkpoint(tmp_path, position(5), TENSORS)
    assert read(tmp_path)[0].steps == 5
    assert {path.name for path in tmp_path.iterdir()} == {
        "00000004.json",
        "00000004.safetensors",
        "00000005.json",
        "00000005.safetensors",
        "notes.txt",
    }


def outcome(folder: Path) -> str:
    """ "unchanged": the change left the JSON's meaning, for it was a space for another."""
    try:
        found = read(folder)
    except BundleError as error:
        return "found" if str(folder) in str(error) and "\n" not in str(error) else str(error)
    return "unchanged" if found[0] == position() and found[1].keys() == TENSORS.keys() else "unnoticed"


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, position(), TENSORS)
    draw = random.Random(1)
    for file in (path, path.with_suffix(".safetensors")):
        content = file.read_bytes()
        for _ in range(60):
            at, bit = draw.randrange(len(content)), draw.randrange(8)
            file.write_bytes(content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :])
            assert outcome(tmp_path) in ("found", "unchanged" if file == path else "found")
        for cut in (0, 1, 7, 8, len(content) // 2, len(content) - 1):
            file.write_bytes(content[:cut])
            if file == path and cut == len(content) - 1:
                continue  # only the final newline is gone
            with pytest.raises(BundleError, match="damaged"):
                read(tmp_path)
        file.write_bytes(content)


def test_a_damaged_newest_checkpoint_is_not_passed_over_but_the_way_out_is_named(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, position(1), TENSORS)
    path = save_checkpoint(tmp_path, position(2), TENSORS)
    path.with_suffix(".safetensors").unlink()
    with pytest.raises(
        BundleError, match=r"got no file; .*to continue from the checkpoint before it, delete 00000002.json"
    ):
        read(tmp_path)
    path.unlink()
    assert read(tmp_path)[0].steps == 1


@pytest.mark.usefixtures("no_collection")
def test_the_schema_is_closed(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, position(), TENSORS)
    value = json.loads(path.read_text())
    for change in ({"stepz": 1}, {"version": 2}, {"steps": -1}, {"settings": {"epoch": 1}}):
        path.write_bytes(encode_json({**value, "position": {**value["position"], **change}}))
        with pytest.raises(BundleError, match=rf"'position\.{next(iter(change))}.*damaged or of another version"):
            read(tmp_path)
    path.write_bytes(b"[" * 100_000)
    with pytest.raises(BundleError, match="damaged"):
        read(tmp_path)


def test_numbers_of_another_type_and_scores_that_are_none_do_not_spoil_the_checksum(tmp_path: Path) -> None:
    epoch = position().history.epochs[0].model_copy(update={"metrics": {"f1": float("nan")}, "seconds": 1})
    whole = position().model_copy(
        update={
            "total": 3,
            "settings": TrainSettings().model_copy(update={"average": 0}),
            "history": History(epochs=[epoch]),
        }
    )
    save_checkpoint(tmp_path, whole, TENSORS)
    found, _tensors = read(tmp_path)
    assert found.total == 3
    assert found.history.epochs[0].metrics["f1"] != found.history.epochs[0].metrics["f1"]
