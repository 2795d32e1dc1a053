"""The steps that every task takes: planning writes and fits nothing, and one way of scoring serves splits and files."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from data.audio.sounds import write_folder
from tasks.answer.stories import write_stories
from tasks.caption.squares import draw_squares
from tasks.detect import machine
from unroll.models.wide import WideAndDeep
from unroll.tasks import TASKS
from unroll.tasks.pipeline import Plan, evaluate_run, plan_run, train_run

MODELS: dict[str, list[str]] = {
    "answer": ["model.hidden_size=4", "model.embedding_size=4"],
    "caption": ["model.hidden_size=4", "model.embedding_size=4"],
    "chat": ["model.hidden_size=4", "model.embedding_size=4", "model.vocabulary=300"],
    "classify": ["model.hidden_size=3", "model.embedding_size=4", "model.wide=word"],
    "detect": ["model.hidden_size=3"],
    "fill": ["model.hidden_size=3", "model.embedding_size=4"],
    "forecast": ["model.hidden_size=3", "model.horizon=3", "model.input_length=6"],
    "generate": ["model.hidden_size=3", "model.embedding_size=4", "model.steps=8"],
    "tag": ["model.hidden_size=3", "model.word_size=3", "model.character_size=2", "model.character_hidden=2"],
    "transcribe": ["model.hidden_size=3", "model.bands=8"],
    "translate": ["model.hidden_size=4", "model.embedding_size=4", "model.vocabulary=300"],
}


def write(path: Path, task: str, rows: int, seed: int) -> Path:
    """Data that the task is the right one for."""
    draw = random.Random(seed)
    if task == "transcribe":
        write_folder(path, rows, seed)
    elif task == "caption":
        draw_squares(path, rows // 2)
    elif task == "answer":
        path = write_stories(path.with_suffix(".txt"), rows, seed)
    elif task == "detect":
        path = machine.write(path.with_suffix(".csv"), machine.lines(seed, 500, labels=False))
    elif task == "forecast":
        path = path.with_suffix(".csv")
        values = [10 + 3 * np.sin(step / 3) + draw.random() for step in range(3 * rows)]
        path.write_text("value\n" + "".join(f"{value:.3f}\n" for value in values), encoding="utf-8")
    elif task == "tag":
        path = path.with_suffix(".conll")
        words = [draw.choice(["Anna", "Ben", "김민수", f"N{draw.randrange(40)}"]) for _ in range(rows)]
        path.write_text("\n".join(f"{word} B-PER\nlives O\n. O\n" for word in words), encoding="utf-8")
    elif task in ("chat", "translate"):
        path = path.with_suffix(".tsv")
        animals = [draw.choice(["cat", "dog", "고양이"]) for _ in range(rows)]
        header = "question\tanswer\n" if task == "chat" else "source\ttarget\n"
        path.write_text(header + "".join(f"where is the {a}\tthe {a} is here\n" for a in animals), encoding="utf-8")
    elif task == "classify":
        path = path.with_suffix(".tsv")
        lines = [f"the film is {draw.choice(['good', '좋다'])}\tpos\na {draw.choice(['bad', '나쁜'])} film\tneg\n"]
        lines *= rows // 2
        path.write_text("text\tlabel\n" + "".join(lines), encoding="utf-8")
    else:
        path = path.with_suffix(".txt")
        animals = [draw.choice(["cat", "dog", "고양이"]) for _ in range(rows)]
        path.write_text("".join(f"a {animal} sat on the {draw.choice(['mat', 'log'])}.\n" for animal in animals))
    return path


def plan(where: Path, task: str, *, seed: int = 0, **data: str) -> Plan:
    values = {"task": task, "seed": seed, "data": {"path": str(write(where / "train", task, 60, 1)), **data}}
    store = where / "store"
    return plan_run(values, [*MODELS[task], "training.epochs=1", "training.batch_size=8"], TASKS, store, say=_quiet)


def _quiet(text: str) -> None:
    assert text


def test_every_task_is_here() -> None:
    assert set(MODELS) == set(TASKS)


@pytest.mark.parametrize("task", list(TASKS))
def test_planning_writes_nothing_but_its_store(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = plan(tmp_path, task)
    assert {path.name for path in tmp_path.iterdir()} == {"store", Path(made.config.data.path).name}


def test_planning_fits_no_linear_model(tmp_path: Path) -> None:
    network = plan(tmp_path, "classify").job.model
    assert isinstance(network, WideAndDeep)
    before = [tensor.clone() for tensor in network.wide.state_dict().values()]
    assert not any(tensor.any() for tensor in before)


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("task", [name for name in TASKS if name not in ("forecast", "detect")])
def test_a_file_gets_the_scores_that_training_gave_it(task: str, seed: int, tmp_path: Path) -> None:
    """The same metrics, values and intervals, whatever the seed of the run. (A forecast of the test split looks back
    into the splits before it, which a file of its own does not hold, and detect scores the streams of all files.)"""
    test = write(tmp_path / "test", task, 24, 2)
    made = plan(tmp_path, task, seed=seed, test=str(test))
    folder = train_run(made, tmp_path / "run", say=_quiet, with_baselines=False)
    scores = evaluate_run(folder, TASKS, tmp_path / "again", str(test))
    metrics = json.loads(folder.metrics.read_text("utf-8"))["test"]
    assert set(scores.metrics) == set(metrics)
    for name, score in scores.metrics.items():
        interval = None if score.interval is None else list(score.interval)
        assert {"value": score.value, "interval": interval} == metrics[name], name


def test_fill_saves_its_network_alone(tmp_path: Path) -> None:
    made = plan(tmp_path, "fill")
    folder = train_run(made, tmp_path / "run", say=_quiet, with_baselines=False)
    names = set(folder.read_weights())
    assert names == set(made.job.network.state_dict())
    assert not any("left" in name for name in names)
    assert folder.read_json("metrics.json")["parameters"] == sum(p.numel() for p in made.job.network.parameters())
    assert sum(p.numel() for p in made.job.model.parameters()) > folder.read_json("metrics.json")["parameters"]
