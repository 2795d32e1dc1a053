"""Runs that an earlier version wrote still load, and answer and score as they did then.

`old_runs` holds one finished run and more of each task, with what it answered and scored on another file when it was
made. The weights of fill's runs hold the comparison model that is no longer saved.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from unroll.bundle import RunFolder
from unroll.tasks import TASKS
from unroll.tasks.pipeline import evaluate_run, predict_run

RUNS = sorted((Path(__file__).parent / "old_runs").iterdir())


def near(value: Any) -> Any:
    """The value with its numbers as approximate ones: the last bits depend on the instruction set."""
    if isinstance(value, dict):
        return {name: near(item) for name, item in value.items()}
    if isinstance(value, list):
        return [near(item) for item in value]
    return pytest.approx(value, rel=1e-3, abs=2e-5) if isinstance(value, float) else value


def test_every_task_has_one() -> None:
    assert {RunFolder.open(path / "run").config.task for path in RUNS} == set(TASKS)


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_it_answers_and_scores_as_it_did(path: Path, tmp_path: Path) -> None:
    folder = RunFolder.open(path / "run")
    recorded = json.loads((path / "recorded.json").read_text("utf-8"))
    # Recordings and pictures are files beside the run.
    asked = [str(path / r) if isinstance(r, str) and (path / r).is_file() else r for r in recorded["records"]]
    answers = list(predict_run(folder, TASKS, asked))
    told = json.dumps(answers, ensure_ascii=False).replace(f"{path}/", "")
    assert json.loads(told) == near(recorded["answers"])
    (other,) = path.glob("other.*")
    found = evaluate_run(folder, TASKS, tmp_path, str(other))
    for name, entry in recorded["metrics"].items():
        score = found.metrics[name]
        assert score.value == pytest.approx(entry["value"], rel=1e-3, abs=2e-5), name
        interval = None if score.interval is None else list(score.interval)
        assert interval == near(entry["interval"]), name
