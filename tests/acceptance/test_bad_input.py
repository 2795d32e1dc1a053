"""What is wrong with the input is one line that names file and line, exit code 2, and nothing is written or lost."""

from __future__ import annotations

import csv
import json
import pickle
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from unroll.cli.app import run

GOOD = ["movie was great\tpos", "movie was bad\tneg", "great fun\tpos", "bad and dull\tneg"] * 10


def tsv(folder: Path, lines: list[str], name: str = "data.tsv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def series(folder: Path, change: Callable[[list[list[str]]], None]) -> Path:
    """Sixty hours of a wave, with something wrong in it."""
    rows = [["time", "load", "wind"]]
    rows += [
        [f"2026-01-{1 + hour // 24:02d} {hour % 24:02d}:00", str(10 + hour % 24), str(hour % 7)] for hour in range(240)
    ]
    change(rows)
    path = folder / "series.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a command that must be refused; return its one line."""
    capsys.readouterr()
    code = run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert code == 2, captured.out + captured.err
    lines = captured.err.strip().splitlines()
    errors = [line for line in lines if line.startswith("unroll: error: ")]
    assert len(errors) == 1, captured.err
    assert lines[-1] == errors[0]
    assert "Traceback" not in captured.err
    return errors[0].removeprefix("unroll: error: ")


@pytest.mark.parametrize(
    ("content", "where", "says"),
    [
        pytest.param(b"", "data.tsv", "empty", id="empty file"),
        pytest.param(b"text\tlabel\n", "data.tsv", "header", id="header only"),
        pytest.param("\n".join([*GOOD[:4], "three\tcells\there", *GOOD]).encode(), "data.tsv:5", "3", id="ragged row"),
        pytest.param("\n".join([*GOOD[:4], "zero\0byte\tpos", *GOOD]).encode(), "data.tsv:5", "NUL", id="NUL byte"),
        pytest.param(
            "\n".join([*GOOD[:4], "좋은 영화\tpos", *GOOD]).encode("cp949"), "data.tsv:5", "encoding", id="not UTF-8"
        ),
        pytest.param("\n".join(["only one kind\tpos"] * 40).encode(), "data.tsv", "class", id="one class only"),
    ],
)
def test_a_wrong_text_file(
    content: bytes, where: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "data.tsv"
    path.write_bytes(content)
    message = refused(capsys, "train", path, "--task", "classify", "--out", tmp_path / "run")
    assert message.startswith(str(tmp_path / where)), message
    assert says in message
    assert not (tmp_path / "run").exists()
    assert path.read_bytes() == content


def test_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(capsys, "train", tmp_path / "no.tsv", "--out", tmp_path / "run")
    assert str(tmp_path / "no.tsv") in message
    assert not (tmp_path / "run").exists()


def test_a_missing_target_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tsv(tmp_path, ["text\tlabel", *GOOD])
    message = refused(capsys, "train", path, "--task", "classify", "--target", "lable", "--out", tmp_path / "run")
    assert "lable" in message
    assert "label" in message.replace("lable", "")
    assert not (tmp_path / "run").exists()


def test_an_unknown_encoding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tsv(tmp_path, GOOD)
    message = refused(capsys, "train", path, "--encoding", "utf-9", "--out", tmp_path / "run")
    assert "utf-9" in message
    assert not (tmp_path / "run").exists()


def duplicate(rows: list[list[str]]) -> None:
    rows[10][0] = rows[9][0]


def text_in_numbers(rows: list[list[str]]) -> None:
    rows[10][1] = "high"


def nan_in_numbers(rows: list[list[str]]) -> None:
    # More than the share that needs no option.
    for row in rows[10:60]:
        row[1] = "NaN"


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        pytest.param(duplicate, 11, "2026-01-01 08:00", id="duplicated timestamps"),
        pytest.param(text_in_numbers, 11, "high", id="text in a numeric column"),
        pytest.param(nan_in_numbers, 11, "load", id="NaN in a numeric column"),
    ],
)
def test_a_wrong_series(
    change: Callable[[list[list[str]]], None],
    line: int,
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = series(tmp_path, change)
    arguments = ("--task", "forecast", "--target", "load", "--horizon", 12, "--out", tmp_path / "run")
    message = refused(capsys, "train", path, *arguments)
    assert message.startswith(f"{path}:{line}: "), message
    assert says in message.removeprefix(str(path))
    assert not (tmp_path / "run").exists()


def test_a_misspelt_setting_names_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tsv(tmp_path, GOOD)
    out = ("--out", tmp_path / "run")
    assert "did you mean 'epochs'" in refused(capsys, "train", path, *out, "--set", "training.epoch=3")
    assert "did you mean '--epochs'" in refused(capsys, "train", path, *out, "--epoch", "3")
    assert "did you mean 'classify'" in refused(capsys, "train", path, *out, "--task", "clasify")
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"trainning": {"epochs": 2}}))
    message = refused(capsys, "train", path, *out, "--config", config)
    assert "did you mean 'training'" in message
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch, and its data beside it."""
    folder = tmp_path_factory.mktemp("trained")
    path = tsv(folder, GOOD)
    assert run(["train", str(path), "--out", str(folder / "run"), "--epochs", "1", "--hidden-size", "8"]) == 0
    return folder / "run"


def test_an_unseen_label_at_evaluation(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tsv(tmp_path, [*GOOD[:6], "what is this\tmixed", *GOOD[:2]])
    message = refused(capsys, "evaluate", trained, path)
    assert message.startswith(f"{path}:7: "), message
    assert "mixed" in message


def test_a_run_is_not_overwritten(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.read_bytes() for path in trained.iterdir() if path.is_file()}
    message = refused(capsys, "train", tsv(tmp_path, GOOD), "--out", trained)
    assert "--force" in message
    assert {path.name: path.read_bytes() for path in trained.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("damage", ["truncated", "bit flipped", "pickle", "huge header", "missing"])
def test_a_damaged_model_file(damage: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(trained, copy)
    model = copy / "model.safetensors"
    content = bytearray(model.read_bytes())
    if damage == "truncated":
        del content[-5:]
    elif damage == "bit flipped":
        content[random.Random(0).randrange(len(content) // 2, len(content))] ^= 1
    elif damage == "pickle":
        content = bytearray(pickle.dumps({"weights": [1.0]}))
    elif damage == "huge header":
        content[:8] = (2**62).to_bytes(8, "little")
    if damage == "missing":
        model.unlink()
    else:
        model.write_bytes(content)
    message = refused(capsys, "predict", copy, "movie was great")
    assert str(model) in message


def test_a_config_with_an_unknown_key(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(trained, copy)
    config = json.loads((copy / "config.json").read_text("utf-8"))
    config["data"]["taget"] = "label"
    (copy / "config.json").write_text(json.dumps(config), "utf-8")
    message = refused(capsys, "predict", copy, "movie was great")
    assert str(copy / "config.json") in message
    assert "did you mean 'target'" in message


def test_a_folder_that_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "run folder" in refused(capsys, "predict", tmp_path, "movie was great")
    assert str(tmp_path / "none") in refused(capsys, "predict", tmp_path / "none", "movie was great")
