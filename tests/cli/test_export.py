"""`unroll export`: a run becomes an ONNX file that onnxruntime runs alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from unroll.cli.app import run

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra export)")
pytest.importorskip("onnxscript", reason="onnxscript is not installed (extra export)")
ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra export)")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_classifier_of_series_runs_in_onnxruntime_alone(tmp_path, capsys):
    folder, file = tmp_path / "run", tmp_path / "bumps.onnx"
    series = np.random.default_rng(0).normal(size=(40, 12)).round(3)
    series[::2, 3] += 4
    rows = [",".join([*map(str, row), "ab"[number % 2]]) for number, row in enumerate(series)]
    head = ",".join([*(f"t{t}" for t in range(12)), "label"])
    (tmp_path / "bumps.csv").write_text("\n".join([head, *rows]) + "\n")
    small = ["--hidden-size", "8", "--set", "model.members=2", "--set", "model.fixed=168"]
    assert run(["train", str(tmp_path / "bumps.csv"), "--epochs", "1", *small, "--out", str(folder)]) == 0
    assert run(["export", str(folder), "--onnx", str(file)]) == 0
    said = capsys.readouterr().out
    assert "largest difference" in said
    facts = {entry.key: entry.value for entry in onnx.load(file).metadata_props}
    classes = json.loads(facts["unroll.classes"])
    assert float(facts["unroll.largest_difference"]) <= 1e-4
    session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
    feed = {"x": series[:5, :, None].astype("float32"), "lengths": np.full(5, 12)}
    (found,) = session.run(["probabilities"], feed)
    assert found.shape == (5, len(classes))
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-5)


def test_a_run_that_is_not_there_is_one_line(tmp_path, capsys):
    assert run(["export", str(tmp_path / "none"), "--onnx", str(tmp_path / "it.onnx")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_what_unroll_memory_found_holds_no_network(tmp_path, capsys):
    (tmp_path / "memory.json").write_text("{}")
    assert run(["export", str(tmp_path), "--onnx", str(tmp_path / "it.onnx")]) == 2
    assert "keeps no network" in capsys.readouterr().err
    assert not (tmp_path / "it.onnx").exists()
