"""Grid LSTM as the encoder of a classifier, from a file to an answer."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from unroll.tasks import TASKS
from unroll.tasks.pipeline import plan_run, predict_run, train_run


@pytest.mark.parametrize("bidirectional", [True, False])
def test_a_classifier_learns_with_a_grid(tmp_path: Path, bidirectional: bool) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file)
        write.writerow(["text", "label"])
        write.writerows([f"{word} film number {n}", label] for n in range(60) for word, label in WORDS)
    settings = [
        "model.encoder=grid",
        "model.num_layers=2",
        "model.hidden_size=12",
        f"model.bidirectional={str(bidirectional).lower()}",
        "training.epochs=3",
        "training.learning_rate=0.01",
    ]
    values = {"task": "classify", "data": {"path": str(path), "target": "label"}}
    made = plan_run(values, settings, TASKS, tmp_path / "store", say=lambda _: None)
    done = train_run(made, tmp_path / "run", say=lambda _: None, with_baselines=False)
    assert done.read_json("metrics.json")["test"]["accuracy"]["value"] > 0.95
    answers = list(predict_run(done, TASKS, ["good film number 7", "bad film number 7"]))
    assert [answer["label"] for answer in answers] == ["yes", "no"]


WORDS = (("good", "yes"), ("bad", "no"))
