"""The commands end to end, on a few rows of text and one tiny model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from unroll.cli.app import run

TEXTS = {"긍정": ["정말 재미있어요", "최고의 영화", "great fun"], "부정": ["시간이 아까워요", "지루해요", "dull story"]}
SMALL = ["--epochs", "1", "--hidden-size", "4", "--set", "training.patience=0"]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("data") / "영화 평.csv"
    rows = [f"{text} {number},{label}" for number in range(8) for label, texts in TEXTS.items() for text in texts]
    file.write_text("\n".join(["평,구분", *rows]) + "\n", encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "tiny"
    assert run(["train", str(data), "--target", "구분", "--cell", "gru", "--out", str(out), *SMALL]) == 0
    return out


def test_a_run_folder_holds_all_that_it_must(trained):
    names = {path.name for path in trained.iterdir()}
    assert {"model.safetensors", "config.json", "metrics.json", "environment.json", "report.html", "README.md"} <= names
    config = json.loads((trained / "config.json").read_text(encoding="utf-8"))
    assert config["task"] == "classify"
    assert config["data"]["target"] == "구분"
    assert config["model"]["encoder"] == "gru"
    assert config["model"]["hidden_size"] == 4
    assert config["training"]["epochs"] == 1
    assert "부정" in (trained / "report.html").read_text(encoding="utf-8")


def test_nothing_is_replaced_without_force(data, trained, capsys):
    before = (trained / "model.safetensors").read_bytes()
    assert run(["train", str(data), "--target", "구분", "--out", str(trained), *SMALL]) == 2
    assert "--force" in capsys.readouterr().err
    assert (trained / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    "extra", [["--epochs", "3"], ["--cell", "lstm"], ["--set", "seed=1"], ["--force"], ["--out", "x"]]
)
def test_resume_takes_no_other_option(trained, extra, capsys):
    assert run(["train", "--resume", str(trained), *extra]) == 2
    assert "--resume continues a run as it was begun" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--set", "model.hiden_size=3"], "did you mean 'hidden_size'?"),
        (["--set", "training.epoch=3"], "did you mean 'epochs'?"),
        (["--set", "dta.path=3"], "did you mean 'data'?"),
        (["--set", "epochs"], "expected key=value"),
        (["--task", "clasify"], "did you mean 'classify'?"),
        (["--cell", "lstn"], "did you mean 'lstm'?"),
        (["--target", "구 분"], "no column '구 분'"),
        (["--encoding", "utf-9"], "utf-9"),
    ],
)
def test_a_wrong_setting_names_the_nearest_and_writes_nothing(options, named, data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    target = [] if "--target" in options else ["--target", "구분"]
    assert run(["train", str(data), *target, *options]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("unroll: error: ")
    assert named in error
    assert not list(tmp_path.iterdir())


def test_answers_are_json_lines_in_order(trained, data, capsys):
    assert run(["predict", str(trained), "최고의 영화", "지루해요"]) == 0
    on_the_line = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(on_the_line) == 2
    assert {answer["label"] for answer in on_the_line} <= set(TEXTS)
    assert run(["predict", str(trained), "--file", str(data)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 48


def test_texts_and_a_file_at_once_are_refused(trained, data, capsys):
    assert run(["predict", str(trained), "x", "--file", str(data)]) == 2
    assert "not both" in capsys.readouterr().err


def test_scores_of_a_file_are_those_of_its_rows(trained, data, capsys):
    assert run(["evaluate", str(trained), str(data)]) == 0
    assert "영화 평.csv" in capsys.readouterr().out


def test_runs_on_other_rows_are_not_compared_in_silence(trained, data, tmp_path, capsys):
    other = tmp_path / "other"
    arguments = ["train", str(data), "--target", "구분", "--seed", "5", "--out", str(other), *SMALL]
    assert run(arguments) == 0
    capsys.readouterr()
    assert run(["compare", str(trained), str(other), "--out", str(tmp_path / "both")]) == 0
    assert "was not scored on the same rows" in capsys.readouterr().out
    assert "not comparable" in (tmp_path / "both/compare.html").read_text(encoding="utf-8")


def test_models_to_compare_are_known_ones(data, tmp_path, capsys):
    assert run(["compare", str(data), "--target", "구분", "--cell", "lstm,gruu", "--out", str(tmp_path / "c")]) == 2
    assert "unknown model 'gruu' (did you mean 'gru'?)" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


def test_the_doctor_names_columns_and_classes(data, capsys):
    assert run(["check", str(data), "--target", "구분"]) in (0, 1)
    out = capsys.readouterr().out
    assert "긍정" in out
    assert out.splitlines()[-1].endswith(("warnings", "warning"))


def test_info_and_datasets_answer(capsys):
    assert run(["info"]) == 0
    out = capsys.readouterr().out
    assert "lstm" in out
    assert "reference" in out
    assert run(["datasets"]) == 0
    assert "sunspots" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["euc-kr", "ascii"])
def test_a_terminal_that_is_not_utf_8_gets_json_that_reads_back(encoding, trained):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "unroll.cli", "predict", str(trained), "최고의 영화 \u00e9\U0001f600"]
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert json.loads(done.stdout.decode("ascii"))["label"] in TEXTS


def test_a_terminal_that_knows_ascii_alone_gets_the_scores(trained):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "unroll.cli", "evaluate", str(trained)]
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert b"accuracy" in done.stdout


def test_a_language_model_says_that_lines_are_continued_by_themselves(tmp_path, capsys):
    path = tmp_path / "start it.txt"
    path.write_text("the cat\nthe dog\n", encoding="utf-8")
    run_folder = Path(__file__).parents[1] / "tasks" / "old_runs" / "generate" / "run"
    assert run(["predict", str(run_folder), "--file", str(path), "--length", "3"]) == 0
    printed = capsys.readouterr()
    assert [json.loads(line)["text"] for line in printed.out.splitlines()] == ["the cat", "the dog"]
    assert f"every line of {path} is continued by itself" in printed.err
    assert f"unroll predict {run_folder} \"$(cat '{path}')\"" in printed.err
