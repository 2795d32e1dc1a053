"""The task from a file to alerts: what it finds, what it never sees, and what it keeps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import unroll
from tasks.detect import machine
from unroll.errors import ConfigError, DataError
from unroll.tasks.detect.session import Session
from unroll.tasks.detect.stream import AlertStream
from unroll.trained import Model

RUN = {"task": "detect", "epochs": 1, "hidden_size": 4, "progress": False}


def test_it_finds_the_faults_that_are_there_and_no_others(model: Model) -> None:
    reached = model.evaluate()
    assert reached["alert_precision"].value == 1.0
    assert reached["alert_recall"].value == 1.0
    assert reached["delay_in_records"].value <= 1.0
    assert reached["score"].value == reached["nab_standard"].value > 95.0
    assert {"windowed Gaussian", "static threshold"} == set(reached.baselines)
    assert model.config["data"]["inputs"] == ["temperature", "load"]
    again = model.evaluate(model.path.parent / "machine.csv")
    assert again["nab_standard"].value == pytest.approx(reached["nab_standard"].value)


def test_an_alert_names_the_channel_and_what_was_expected(model: Model) -> None:
    values = machine.values(seed=5)
    rows = [
        {"when": time, "temperature": a, "load": b}
        for time, (a, b) in zip(machine.times(), values.tolist(), strict=True)
    ]
    answers = model.predict(rows)
    begins = [at for at, answer in enumerate(answers) if answer.alert == "begin"]
    assert set(begins) & {700, 701}
    fault = answers[700]
    assert fault["channel"] == "temperature"
    assert abs(fault["expected"]["temperature"] - (values[700, 0] - 6.0)) < 1.0
    assert fault["score"] > model.watch().threshold


def scores(session: Session, values: np.ndarray) -> list[float]:
    moments = machine.times(len(values))
    return [
        session.push({"when": when, "temperature": a, "load": b})["score"]
        for when, (a, b) in zip(moments, values.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("cell", "extra"),
    [
        ("lstm", {}),
        ("gru", {"model.time_features": False, "model.short": 3}),
        ("rnn", {"model.num_layers": 2, "model.long": 50}),
    ],
    ids=str,
)
def test_scores_do_not_change_when_what_comes_later_does(tmp_path: Path, cell: str, extra: dict[str, object]) -> None:
    data = machine.write(tmp_path / "a.csv", machine.lines(records=600))
    model = unroll.train(data, **RUN, cell=cell, settings=extra)
    values = machine.values(records=300)
    changed = values.copy()
    changed[200:] = np.random.default_rng(1).normal(0, 1e4, changed[200:].shape)
    changed[210, 1] = np.nan
    before, after = scores(model.watch(), values), scores(model.watch(), changed)
    assert before[:200] == after[:200]
    assert before[200:] != after[200:]


def test_a_stream_takes_the_numbers_for_no_value_that_training_was_told(tmp_path: Path) -> None:
    data = machine.write(tmp_path / "a.csv", machine.lines(records=400, labels=False))
    model = unroll.train(data, **RUN, settings={"data.missing": [-9999]})
    values = machine.values(seed=2, records=150)
    gaps, marks = values.copy(), values.copy()
    gaps[100:110, 0], marks[100:110, 0] = np.nan, -9999
    expected = scores(model.watch(), gaps)
    assert scores(model.watch(), marks) == expected
    rows = [f"{when},{a},{b}\n" for when, (a, b) in zip(machine.times(150), marks.tolist(), strict=True)]
    stream = AlertStream(model.watch(), scores=True)
    said = [json.loads(item.text) for item in stream.feed("".join(rows).encode()) if not item.aside]
    assert [record["score"] for record in said] == expected
    assert said[105]["value"] is None or said[105]["channel"] == "load"


def test_what_was_learned_comes_from_the_probation_part_alone(tmp_path: Path) -> None:
    rows = machine.lines(records=600)
    weights = []
    for name in ("as it is", "changed"):
        if name == "changed":
            rows[1 + 90 :] = [f"{row.split(',')[0]},{n * 7 % 31},{n % 5},0" for n, row in enumerate(rows[1 + 90 :])]
        model = unroll.train(machine.write(tmp_path / name / "a.csv", rows), **RUN)
        weights.append({key: tensor for key, tensor in model.network.state_dict().items() if key != "thresholds"})
    assert all((weights[0][key] == weights[1][key]).all() for key in weights[0])


def test_a_stream_goes_on_from_its_state_to_the_bit(model: Model, tmp_path: Path) -> None:
    values = machine.values(seed=3)
    rows = [
        {"when": time, "temperature": a, "load": b}
        for time, (a, b) in zip(machine.times(), values.tolist(), strict=True)
    ]
    rows[50]["load"] = None
    whole = list(model.watch().push_all(rows))
    for cut in (1, 51, 705, 1003):
        first = model.watch()
        head = list(first.push_all(rows[:cut]))
        first.save(tmp_path / "state.json")
        rest = list(unroll.load(model.path).watch(tmp_path / "state.json").push_all(rows[cut:]))
        assert head + rest == whole


def test_a_state_of_another_run_or_a_damaged_one_is_refused(model: Model, tmp_path: Path) -> None:
    state = model.watch()
    state.push({"when": "2024-03-01", "temperature": 1.0, "load": 2.0})
    state.save(tmp_path / "state.json")
    kept = json.loads((tmp_path / "state.json").read_text("utf-8"))
    for change, message in (
        ({"run": "0" * 16}, "another run"),
        ({"kind": "a cake"}, "expected the state of a stream"),
        ({"streams": {"": {"watcher": 3}}}, "damaged"),
    ):
        (tmp_path / "other.json").write_text(json.dumps({**kept, **change}), encoding="utf-8")
        with pytest.raises(DataError, match=message):
            model.watch(tmp_path / "other.json")


def test_windows_of_a_file_are_found_by_series(tmp_path: Path) -> None:
    for name, seed in (("hall/one", 1), ("hall/two", 2), ("yard/three", 3)):
        machine.write(tmp_path / "data" / f"{name}.csv", machine.lines(seed, labels=False))
    moments = machine.times()
    windows = {
        "hall/one.csv": [[moments[first], moments[last] + ".000000"] for first, last in machine.FAULTS],
        "hall/two.csv": [moments[705]],
    }
    (tmp_path / "windows.json").write_text(json.dumps(windows), encoding="utf-8")
    said: list[str] = []
    model = unroll.train(tmp_path / "data", **RUN, labels=str(tmp_path / "windows.json"), say=said.append)
    assert "3 windows of anomalies in 2 streams" in " ".join(said)
    assert "1 streams have no entry among the windows and are not scored: yard/three.csv" in " ".join(said)
    assert model.evaluate()["alert_recall"].value > 0.5
    (tmp_path / "windows.json").write_text('{"other.csv": []}', encoding="utf-8")
    with pytest.raises(DataError, match="no series of the windows is one of the data"):
        unroll.train(tmp_path / "data", **RUN, labels=str(tmp_path / "windows.json"))


def test_without_labels_the_forecasts_are_scored(tmp_path: Path) -> None:
    model = unroll.train(machine.write(tmp_path / "a.csv", machine.lines(labels=False)), **RUN)
    reached = model.evaluate()
    assert reached["score"].value == reached["forecast_skill"].value
    assert reached.baselines == {"last value": reached.baselines["last value"]}
    assert model.watch().threshold == 6.0


def test_errors_say_what_to_do(model: Model, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least 60 are needed to learn from"):
        unroll.train(machine.write(tmp_path / "short.csv", machine.lines(records=100)), **RUN)
    with pytest.raises(DataError, match=r"no column 'lode' \(did you mean 'load'"):
        unroll.train(machine.write(tmp_path / "a.csv", machine.lines()), **RUN, settings={"data.inputs": ["lode"]})
    with pytest.raises(DataError, match="expected a value for 'load', got a record with when, temperature"):
        model.predict([{"when": "2024-03-01", "temperature": 1.0}])
    with pytest.raises(DataError, match="'when': expected a time as in training or in ISO 8601, got 'noon'"):
        model.predict([{"when": "noon", "temperature": 1.0, "load": 2.0}])
    with pytest.raises(ConfigError, match="threshold: expected a number of at least 0"):
        model.watch(threshold=-1.0)
