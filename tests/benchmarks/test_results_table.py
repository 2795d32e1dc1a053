"""The tables that are made from records."""

from __future__ import annotations

from pathlib import Path

import pytest
import results_table as script
from recipes import RECIPES
from records import reached, recorded

ROOT = Path(__file__).parents[2]
MACHINE = {"cpu": "A  CPU", "cores": 2, "threads": 1}


def entry(value: float, interval: list[float] | None = None) -> dict:
    return {"accuracy": {"value": value, "interval": interval}}


def run(seed: int, value: float, date: str = "2026-11-21") -> dict:
    return {
        "seed": seed,
        "date": date,
        "commit": "abc1234",
        "machine": MACHINE,
        "versions": {"python": "3.11.7", "unroll": "0.1.0", "torch": "2.13.0"},
        "bound": 0.97,
        "reached": value >= 0.97,
        "test": entry(value, [0.94, 0.96]),
        "validation": entry(value),
        "baselines": {"simple": {"validation": entry(0.9), "test": entry(0.9)}},
        "parameters": 1234,
        "seconds": 61.0,
    }


def record(*runs: dict) -> dict:
    return {
        "name": "names",
        "task": "classify",
        "command": "unroll train DATA/names",
        "goal": {"metric": "accuracy", "value": 0.97, "higher_is_better": True, "source": "a book"},
        "runs": list(runs),
    }


MEMORY = {
    "name": "adding",
    "task": "memory",
    "commands": ["unroll memory adding --cell lstm", "unroll memory adding --cell rnn"],
    "measure": "mean squared error",
    "goal": {"solved": {"lstm": True, "rnn": False}, "source": "a paper"},
    "runs": [
        {
            **{key: run(0, 1.0)[key] for key in ("seed", "date", "commit", "machine", "versions", "seconds")},
            "reached": True,
            "results": [
                {
                    "cell": "lstm",
                    "lag": 200,
                    "score": 0.00512,
                    "chance": 0.1667,
                    "steps": 900,
                    "solved": True,
                    "parameters": 7,
                },
                {
                    "cell": "rnn",
                    "lag": 200,
                    "score": 0.171,
                    "chance": 0.1667,
                    "steps": 5000,
                    "solved": False,
                    "parameters": 5,
                },
            ],
        }
    ],
}


def test_a_run_becomes_a_line_that_admits_a_missed_goal():
    lines = script.table([record(run(0, 0.951))]).splitlines()
    assert lines[2] == (
        "| [names](../benchmarks/results/names.json) | ≥ 97.0%, missed | accuracy 95.1% (94.0 to 96.0%) "
        "| 90.0% simple | 1234 | 61.0 s |"
    )


def test_several_seeds_become_the_middle_one_and_how_far_they_lie_apart():
    found = record(run(0, 0.99), run(1, 0.951, "2026-11-23"), run(2, 0.971))
    lines = script.table([found]).splitlines()
    assert "| ≥ 97.0%, reached | accuracy 97.1% (95.1 to 99.0%, 3 seeds) |" in lines[2]
    assert lines[-1] == (
        "Runs of 2026-11-21 – 2026-11-23, recorded by `scripts/recipes` with unroll 0.1.0, torch 2.13.0 on A CPU,"
        " 2 cores, threads: 1; the machine had other work, so the times are no measure of speed."
    )


def test_memory_becomes_a_line_with_every_network():
    line = script.table([MEMORY]).splitlines()[2]
    assert line == (
        "| [adding](../benchmarks/results/adding.json) | solved by lstm; not by rnn: reached "
        "| mean squared error lstm 0.00512, rnn 0.171 | 0.1667 remembers nothing |  | 61.0 s |"
    )


def test_the_page_has_commands_seeds_and_baselines():
    pretrained = {**record(run(0, 0.99), run(1, 0.98)), "pretraining": "unroll train DATA/t", "prepared": "The rows."}
    page = script.details([pretrained, MEMORY])
    assert "unroll train DATA/t --out PRETRAINED --seed SEED\nunroll train DATA/names --seed SEED\n" in page
    assert "PREPARED holds: the rows." in page
    assert "| 1 | 98.0% (94.0 to 96.0%) | 98.0% | 1234 | 61 |" in page
    assert "Baselines, seed 1: simple 90.0%." in page
    assert "Seeds 0, 1: 2026-11-21, commit abc1234, python 3.11.7, unroll 0.1.0, torch 2.13.0; A CPU, 2 cores" in page
    assert "| 0 | rnn | 200 | 0.171 | 0.1667 | no | 5000 | 5 |" in page


def test_a_page_without_the_marks_is_refused():
    assert script.with_table("a\n<!-- results -->\nold\n<!-- /results -->\nb", "new").splitlines()[1:4] == [
        "<!-- results -->",
        "new",
        "<!-- /results -->",
    ]
    with pytest.raises(ValueError, match="once each"):
        script.with_table("no marks", "new")


def test_the_tables_of_the_pages_are_those_of_the_records():
    found = recorded(ROOT / "benchmarks/results")
    for name, shown in script.PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        assert script.with_table(text, shown(found)) == text, "run scripts/results-table"


def test_every_record_has_its_recipe_and_every_missed_goal_is_spoken_of():
    names = {recipe.name for recipe in RECIPES}
    page = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    told = page.partition("## Missed")[2].partition(script.BEGIN)[0]
    for found in recorded(ROOT / "benchmarks/results"):
        assert found["name"] in names
        assert reached(found) or f"**{found['name']}**" in told, found["name"]
