"""Records of recipes: what stands in one, when a goal counts as reached, and how runs of several seeds go together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import records
from recipes import BEST_BASELINE, Goal, MemoryRecipe, Pretraining, Recipe

GOAL = Goal("accuracy", 0.9, True, "a book")
RECIPE = Recipe("names", "some/names.csv", ("--test", "{data}/test.csv"), GOAL)


def scores(value: float) -> dict:
    return {"accuracy": {"value": value, "interval": None}}


def run_folder(folder: Path, seed: int, value: float, path: str = "/elsewhere/some/names.csv") -> Path:
    metrics = {
        "task": "classify",
        "test": scores(value),
        "validation": scores(0.5),
        "baselines": {"simple": {"test": scores(0.7)}, "better": {"test": scores(0.8)}},
        "parameters": 12,
    }
    parts = {
        "config": {
            "data": {"path": path},
            "seed": seed,
            "model": {"hidden_size": 3, "init": "/elsewhere/run-pretrained", "labels": "/elsewhere/w.json"},
            "training": {},
        },
        "metrics": metrics,
        "environment": {"cpu": "A CPU", "python": "3.11.7", "packages": {"torch": "2.13.0"}, "data": [{"name": "x"}]},
        "history": {"seconds": 2.04},
    }
    folder.mkdir(parents=True)
    for name, part in parts.items():
        (folder / f"{name}.json").write_text(json.dumps(part), encoding="utf-8")
    return folder


def record_of(*values: float, goal: Goal | None = GOAL, tmp_path: Path) -> dict:
    whole = None
    for seed, value in enumerate(values):
        run = run_folder(tmp_path / str(len(list(tmp_path.iterdir()))), seed, value)
        whole = records.merged(whole, records.train_record(RECIPE._replace(goal=goal), run, "abc1234"))
    assert whole is not None
    return whole


def test_a_record_holds_what_a_reader_needs_to_repeat_the_run(tmp_path):
    record = records.train_record(RECIPE, run_folder(tmp_path / "run", 3, 0.91), "abc1234")
    assert record["command"] == "unroll train DATA/some/names.csv --test DATA/test.csv"
    (run,) = record["runs"]
    assert (run["seed"], run["commit"], run["seconds"], run["bound"], run["reached"]) == (3, "abc1234", 2.0, 0.9, True)
    assert run["versions"] == {"python": "3.11.7", "torch": "2.13.0"}
    assert run["machine"]["cpu"] == "A CPU"
    assert run["model"] == {"hidden_size": 3, "init": "run-pretrained", "labels": "w.json"}
    assert len(run["date"]) == 10


def test_a_run_on_other_data_is_not_recorded(tmp_path):
    run = run_folder(tmp_path / "run", 0, 0.91, path="/elsewhere/other.csv")
    with pytest.raises(SystemExit, match=r"other\.csv.*some/names\.csv"):
        records.train_record(RECIPE, run, None)


def test_a_run_on_the_whole_prepared_folder_is_recorded(tmp_path):
    recipe = RECIPE._replace(data="{prepared}")
    run = run_folder(tmp_path / "run", 0, 0.91, path=str(tmp_path / "run-data"))
    assert records.train_record(recipe, run, None)["runs"][0]["seed"] == 0
    with pytest.raises(SystemExit, match="other-data"):
        records.train_record(recipe, run_folder(tmp_path / "one", 0, 0.91, path="/elsewhere/other-data"), None)


def test_an_unfinished_run_is_not_recorded(tmp_path):
    run = run_folder(tmp_path / "run", 0, 0.91)
    (run / "metrics.json").unlink()
    with pytest.raises(SystemExit, match="not a finished run: it has no metrics"):
        records.train_record(RECIPE, run, None)


def test_the_time_of_the_pretraining_counts(tmp_path):
    run = run_folder(tmp_path / "run", 0, 0.91)
    run_folder(tmp_path / "run-pretrained", 0, 0.2)
    recipe = RECIPE._replace(pretraining=Pretraining("text.txt", ("--task", "generate")))
    record = records.train_record(recipe, run, None)
    assert record["runs"][0]["seconds"] == 4.1
    assert record["pretraining"] == "unroll train DATA/text.txt --task generate"


@pytest.mark.parametrize(
    ("goal", "bound", "reached"),
    [
        (GOAL, 0.9, False),
        (Goal("accuracy", 0.85, False, ""), 0.85, True),
        (Goal("accuracy", "simple", True, ""), 0.7, True),
        (Goal("accuracy", BEST_BASELINE, True, ""), 0.8, True),
        (Goal("accuracy", BEST_BASELINE, True, "", 0.1), 0.9, False),
        (Goal("accuracy", BEST_BASELINE, False, "", 0.1), 0.6, False),
        (None, None, True),
    ],
)
def test_goals(goal, bound, reached):
    metrics = {"test": scores(0.85), "baselines": {"simple": {"test": scores(0.7)}, "better": {"test": scores(0.8)}}}
    found = records.judged(goal, metrics)
    assert found == (pytest.approx(bound), reached)


def test_a_goal_about_what_the_run_does_not_have_is_an_error():
    metrics = {"test": scores(0.85), "baselines": {}}
    with pytest.raises(SystemExit, match="about 'f1', and the test scores are accuracy"):
        records.judged(Goal("f1", 0.9, True, ""), metrics)
    with pytest.raises(SystemExit, match="to beat 'simple'"):
        records.judged(Goal("accuracy", "simple", True, ""), metrics)


def test_seeds_stand_in_order_and_the_newer_run_of_a_seed_replaces_the_older(tmp_path):
    first = record_of(0.91, 0.92, tmp_path=tmp_path)
    again = records.train_record(RECIPE, run_folder(tmp_path / "again", 0, 0.99), None)
    found = records.merged(first, again)
    assert [(run["seed"], run["test"]["accuracy"]["value"]) for run in found["runs"]] == [(0, 0.99), (1, 0.92)]


@pytest.mark.parametrize("key", ["command", "data"])
def test_runs_of_another_recipe_or_on_other_data_are_left_out(key, tmp_path):
    old = {**record_of(0.91, 0.92, tmp_path=tmp_path), key: "another"}
    new = records.train_record(RECIPE, run_folder(tmp_path / "new", 2, 0.93), None)
    assert [run["seed"] for run in records.merged(old, new)["runs"]] == [2]


@pytest.mark.parametrize(
    ("values", "middle", "reached"),
    [
        ((0.95,), 0.95, True),
        ((0.95, 0.85), 0.85, False),
        ((0.95, 0.8, 0.91), 0.91, True),
        ((0.8, 0.95, 0.85), 0.85, False),
    ],
)
def test_the_run_in_the_middle_speaks_for_all(values, middle, reached, tmp_path):
    record = record_of(*values, tmp_path=tmp_path)
    found = records.spread(record)
    assert (found.least, found.largest) == (min(values), max(values))
    assert found.middle["test"]["accuracy"]["value"] == middle
    assert records.reached(record) is reached


def test_of_two_the_worse_speaks_also_where_less_is_better(tmp_path):
    record = record_of(0.3, 0.4, goal=Goal("accuracy", 0.35, False, ""), tmp_path=tmp_path)
    assert records.spread(record).middle["test"]["accuracy"]["value"] == 0.4
    assert not records.reached(record)


def remembered(folder: Path, number: int, results: dict[str, bool]) -> None:
    (folder / str(number)).mkdir(parents=True)
    found = [
        {"cell": cell, "lag": 200, "score": 0.005, "chance": 0.167, "steps": 100, "solved": solved}
        for cell, solved in results.items()
    ]
    whole = {"task": "adding", "settings": {"seed": 4}, "results": found}
    (folder / str(number) / "memory.json").write_text(json.dumps(whole), encoding="utf-8")


@pytest.mark.parametrize(("rnn", "reached"), [(False, True), (True, False)])
def test_memory_is_judged_network_by_network(rnn, reached, tmp_path):
    remembered(tmp_path, 0, {"lstm": True, "rnn": rnn})
    remembered(tmp_path, 1, {"gru": False})
    recipe = MemoryRecipe("adding", (("adding", "--cell", "lstm,rnn"), ("adding",)), {"lstm": True, "rnn": False}, "a")
    record = records.memory_record(recipe, tmp_path, "abc1234", 12.34)
    (run,) = record["runs"]
    assert (run["seed"], run["seconds"], run["reached"]) == (4, 12.3, reached)
    assert record["commands"] == ["unroll memory adding --cell lstm,rnn", "unroll memory adding"]
    assert records.reached(record) is reached
    with pytest.raises(SystemExit, match="about irnn too"):
        records.memory_record(recipe._replace(solved={"irnn": True}), tmp_path, None, 1.0)
