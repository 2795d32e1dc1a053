"""The Python door, for each task that there is: train, predict, evaluate, report, save, load, check, compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

import unroll
from data.audio.sounds import spoken
from tasks.caption.squares import draw_squares
from unroll.errors import ConfigError, DataError
from unroll.tasks import TASKS

SMALL = {"training.patience": 0, "training.batch_size": 8}


class Example(NamedTuple):
    """Rows of a task, how it is trained on them, and what it is asked."""

    rows: Any
    train: dict[str, Any]
    records: Any
    field: str


def reviews() -> pd.DataFrame:
    good, bad = ["정말 재미있어요", "great fun", "최고"], ["a waste of time", "지루해요", "dull"]
    rows = [
        (f"{text} {n}", label) for n in range(8) for label, texts in (("pos", good), ("neg", bad)) for text in texts
    ]
    return pd.DataFrame(rows, columns=["text", "label"])


def sentences() -> dict[str, list[list[str]]]:
    tokens = [["Anna", "lives", "in", "York"], ["김민수", "은", "부산", "에"]] * 15
    return {"tokens": tokens, "tags": [["B-PER", "O", "O", "B-LOC"], ["B-PER", "O", "B-LOC", "O"]] * 15}


def days() -> pd.DataFrame:
    steps = np.arange(120)
    return pd.DataFrame({"day": pd.date_range("2024-01-01", periods=120), "sales": 20 + steps % 7 + steps / 50})


def flow() -> pd.DataFrame:
    minutes = pd.date_range("2024-01-01", periods=400, freq="min").astype(str)
    return pd.DataFrame({"time": minutes, "flow": 5 + np.sin(np.arange(400) / 9)})


def recordings() -> list[dict[str, Any]]:
    said = ["ab"[n % 2] * (1 + n % 3) for n in range(20)]
    return [{"audio": spoken(text, seed=n), "rate": 8000, "text": text} for n, text in enumerate(said)]


TEXTS = [f"the cat sat on the mat number {n}" for n in range(60)]
TALK = {"hidden_size": 4, "settings": {"model.embedding_size": 4, "model.vocabulary": 300}}
STORIES = [["Mary went to the " + ["hall", "kitchen"][n % 2], f"John went to room {n}"] for n in range(40)]
EXAMPLES = {
    "answer": Example(
        {"story": STORIES, "question": ["Where is Mary?"] * 40, "answer": ["hall", "kitchen"] * 20},
        {"hidden_size": 4, "settings": {"model.embedding_size": 4}},
        [{"story": STORIES[0], "question": "Where is Mary?"}],
        "answer",
    ),
    "chat": Example({"question": TEXTS, "answer": TEXTS}, TALK, ["where is the cat"], "answer"),
    "classify": Example(reviews(), {"target": "label", "hidden_size": 4}, ["정말 재미있어요", "dull"], "label"),
    "detect": Example(flow(), {"hidden_size": 4}, flow().head(40).to_dict("records"), "score"),
    "fill": Example({"text": TEXTS}, {"hidden_size": 4}, ["the ___ sat on the mat"], "word"),
    "forecast": Example(
        days(),
        {"target": "sales", "horizon": 7, "hidden_size": 4, "settings": {"model.input_length": 14}},
        days(),
        "mean",
    ),
    "generate": Example({"text": TEXTS}, {"hidden_size": 4}, ["the cat"], "continuation"),
    "tag": Example(sentences(), {"hidden_size": 4}, ["Anna lives in York"], "tags"),
    "transcribe": Example(recordings(), {"hidden_size": 4}, recordings()[:2], "text"),
    "translate": Example({"source": TEXTS, "target": TEXTS}, TALK, ["where is the cat"], "translation"),
}


def trained(task: str, **more: Any) -> unroll.Model:
    example = EXAMPLES[task]
    arguments = {"task": task, "epochs": 1, "progress": False, **example.train, **more}
    arguments["settings"] = {**SMALL, **example.train.get("settings", {}), **more.get("settings", {})}
    return unroll.train(example.rows, **arguments)


@pytest.fixture(scope="module", params=list(TASKS))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> unroll.Model:
    if request.param == "caption":
        # Its pictures are files.
        folder = tmp_path_factory.mktemp("pictures")
        draw_squares(folder, 30)
        names = sorted((folder / "images").iterdir())
        rows = {"image": [str(name) for name in names], "caption": [f"a square {n % 3}" for n in range(len(names))]}
        sizes = {"hidden_size": 4, "settings": {"model.embedding_size": 4}}
        EXAMPLES["caption"] = Example(rows, sizes, [str(names[0])], "caption")
    return trained(request.param)


def test_every_line_of_the_door_works_for_every_task(model: unroll.Model, tmp_path: Path) -> None:
    example = EXAMPLES[model.task]
    options = {"length": 5, "seed": 1} if model.task == "generate" else {}
    predictions = model.predict(example.records, **options)
    assert len(predictions) == (1 if model.task == "forecast" else len(example.records))
    assert getattr(predictions[0], example.field) == predictions[0][example.field]
    with pytest.raises(AttributeError, match=f"has no 'nothing'; it has .*{example.field}"):
        _ = predictions[0].nothing
    frame = predictions.to_frame()
    assert frame.index.nunique() == len(predictions)

    scores = model.evaluate()
    assert scores.headline
    assert scores.split in ("test", "validation")
    assert TASKS[model.task].monitor.metric in scores
    assert set(scores.to_frame()["model"]) == {"this model", *scores.baselines}
    again = model.evaluate(example.rows)
    assert set(again) <= set(scores) | {"accuracy"}
    assert again.baselines == {}
    watched = TASKS[model.task].monitor.metric
    assert " on these rows is " in again.headline if watched in again else not again.headline

    assert "<html" in model.report.html
    assert "<dt>data</dt>" in model.report.html
    history = json.loads((model.path / "history.json").read_text())["epochs"]
    assert all(0 < epoch["data_seconds"] < epoch["seconds"] for epoch in history)
    assert model.report._repr_html_().startswith("<iframe srcdoc=")
    saved = model.save(tmp_path / "run")
    assert (tmp_path / "run/report.html").is_file()
    loaded = unroll.load(tmp_path / "run")
    assert [dict(p) for p in loaded.predict(example.records, **options)] == [dict(p) for p in predictions]
    assert saved.config == loaded.config == model.config

    assert isinstance(model.network, torch.nn.Module)
    assert not model.network.training
    with torch.no_grad():
        ways = {"chat": "read", "tag": "scores", "translate": "read"}
        scores_of = getattr(model.network, ways.get(model.task, "forward"))
        assert scores_of(*model.encode(example.records)) is not None


def test_a_frame_becomes_predictions_and_a_report_in_five_lines() -> None:
    frame = reviews()
    model = unroll.train(frame, target="label", epochs=1, hidden_size=4)
    predictions = model.predict(frame["text"].head(3).to_list())
    assert set(predictions.to_frame()["label"]) <= {"pos", "neg"}
    assert "accuracy" in model.report.html.lower()


def test_rows_in_memory_and_the_same_rows_in_a_file_give_the_same_model(tmp_path: Path) -> None:
    frame = reviews()
    frame.to_csv(tmp_path / "rows.csv", index=False)
    frame.to_parquet(tmp_path / "rows.parquet")
    frame.to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    arguments = {"target": "label", "epochs": 1, "hidden_size": 4, "baselines": False, "progress": False}
    weights = []
    for data in (frame, *sorted(tmp_path.iterdir()), frame.to_dict("list")):
        model = unroll.train(data, **arguments)
        weights.append((model.path / "model.safetensors").read_bytes())
    assert len(weights) == 5
    assert len(set(weights)) == 1


def test_further_frames_are_the_splits_and_callbacks_hear_of_every_epoch() -> None:
    heard, said = [], []
    model = unroll.train(
        reviews(),
        target="label",
        validation=reviews().head(12),
        test=reviews().tail(12),
        epochs=2,
        hidden_size=4,
        settings=SMALL,
        callbacks=[lambda epoch: heard.append(epoch.number)],
        progress=False,
        say=said.append,
    )
    assert heard == [1, 2]
    assert any("48 rows train, 12 validate, 12 test" in text for text in said)
    environment = json.loads((model.path / "environment.json").read_text(encoding="utf-8"))
    assert environment["data"][0]["rows"] == 72


def test_what_is_wrong_is_said_in_terms_of_the_arguments(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'classify' has no option --horizon; these have it: forecast"):
        unroll.train(reviews(), target="label", horizon=3, progress=False)
    with pytest.raises(ConfigError, match="no data"):
        unroll.train(progress=False)
    with pytest.raises(ConfigError, match="validation must be rows in memory"):
        unroll.train(reviews(), target="label", validation="rows.csv", progress=False)
    with pytest.raises(DataError, match="no column 'lable'"):
        unroll.train(reviews(), target="lable", progress=False)
    with pytest.raises(DataError, match="expected a path, a frame"):
        unroll.train(3.5, progress=False)
    with pytest.raises(unroll.BundleError, match="not a run folder"):
        unroll.load(tmp_path)


@pytest.mark.parametrize("cell", [None, float("nan"), pd.NA, 5])
def test_what_is_no_record_is_told_of_by_its_number(cell: object) -> None:
    model = trained("classify")
    with pytest.raises(DataError, match=r"record 2: expected a text, or a mapping .*, got (nothing|int 5)$"):
        model.predict(["good", cell])
    with pytest.raises(DataError, match="record 1: expected a text"):
        list(model.predict_each(iter([cell])))


def test_the_name_of_a_file_is_not_taken_for_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = trained("classify")
    monkeypatch.chdir(tmp_path)
    reviews().to_csv("new.csv", index=False)
    for asked in ("new.csv", ["good", "new.csv"], ("new.csv",), str(tmp_path / "new.csv")):
        with pytest.raises(DataError, match=r"new.csv' is a file, and would be read as a text; .*--file"):
            model.predict(asked)
    assert len(model.predict(Path("new.csv"))) == len(reviews())
    # What is no file is a text, and so is what a record says is one.
    assert len(model.predict(["none.csv", {"text": "new.csv"}])) == 2


def test_check_and_compare(tmp_path: Path) -> None:
    checked = unroll.check(reviews(), target="label")
    assert "task classify" in checked.reason
    assert set(checked.to_frame()["level"]) <= {"error", "warning", "note"}
    assert "classify" in checked._repr_html_()
    compared = unroll.compare(
        reviews(), target="label", cells=["gru", "bag"], epochs=1, hidden_size=4, out=tmp_path / "c", progress=False
    )
    assert set(compared.models) == {"gru", "bag"}
    assert compared.best.predict("great fun")[0].label in ("pos", "neg")
    frame = compared.to_frame()
    assert {"gru", "bag"} <= set(frame["model"])
    assert frame["accuracy"].is_monotonic_decreasing
    assert (tmp_path / "c/compare.html").read_text(encoding="utf-8") == compared.report.html
    again = unroll.compare([compared.models["gru"], tmp_path / "c/bag"])
    assert again.to_frame()["accuracy"].tolist() == frame["accuracy"].tolist()
    with pytest.raises(ConfigError, match="unknown model 'gruu'"):
        unroll.compare(reviews(), target="label", cells=["gruu"], progress=False)


def test_a_run_on_rows_in_memory_is_resumed_with_the_same_rows_only(tmp_path: Path) -> None:
    unroll.train(reviews(), target="label", epochs=1, hidden_size=4, out=tmp_path / "run", progress=False)
    before = (tmp_path / "run/model.safetensors").read_bytes()
    again = unroll.train(reviews(), resume=tmp_path / "run", progress=False)
    assert (again.path / "model.safetensors").read_bytes() == before
    with pytest.raises(DataError, match="the data has changed"):
        unroll.train(reviews().head(40), resume=tmp_path / "run", progress=False)
    with pytest.raises(ConfigError, match="takes no other option"):
        unroll.train(reviews(), resume=tmp_path / "run", epochs=3, progress=False)
