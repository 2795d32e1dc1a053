"""Runs that are held to a level, a number of threads, or beside other work."""

from __future__ import annotations

import json
import os
import sys

import pytest

from unroll.bench.held import LEVELS, environment, neighbour, run_held
from unroll.bench.table import table

RESULTS = {
    "cases": [],
    "targets": [],
    "machine": {"cpu": "a CPU", "cores": 2, "threads": 1, "simd": "avx2"},
    "versions": {},
    "commit": "abc1234",
    "date": "2026-11-29",
    "settings": {"cells": ["lstm"], "peers": ["torch", "onnxruntime"], "rounds": 3, "seconds": 0.02, "further": False},
}


def test_every_level_tells_this_project_and_the_peers_that_listen() -> None:
    for level in LEVELS:
        found = environment(level, None, {"XLA_FLAGS": "--of_the_user", "HOME": "here"})
        assert found["UNROLL_SIMD"] == found["ATEN_CPU_CAPABILITY"] == level
        assert found["XLA_FLAGS"].split()[0] == "--of_the_user"
        assert found["XLA_FLAGS"].split()[1].startswith("--xla_cpu_max_isa=AVX")
        assert found["ONEDNN_MAX_CPU_ISA"].lower().startswith(level)
        assert found["MKL_ENABLE_INSTRUCTIONS"].lower() == level
        assert found["HOME"] == "here"
        assert "OMP_NUM_THREADS" not in found


def test_without_wishes_nothing_is_set() -> None:
    assert environment(None, None, {"HOME": "here"}) == {"HOME": "here"}
    assert environment(None, 1, {})["OMP_NUM_THREADS"] == "1"


def test_a_held_run_is_the_same_command_in_a_child(tmp_path, monkeypatch) -> None:
    # An interpreter that writes down what it was given, in place of the one that would run the bench.
    told = tmp_path / "told.json"
    stand_in = tmp_path / "python"
    stand_in.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        "processors = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else 1\n"
        f"with open({str(told)!r}, 'w') as f:\n"
        "    json.dump([sys.argv[1:], os.environ['UNROLL_SIMD'], os.environ['OMP_NUM_THREADS'], processors], f)\n"
        "sys.exit(3)\n"
    )
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    assert run_held(["bench", "layers", "--held"], "avx2", 1) == 3
    assert json.loads(told.read_text()) == [["-m", "unroll.cli", "bench", "layers", "--held"], "avx2", "1", 1]
    if before is not None:
        assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize("wanted", [True, False])
def test_a_neighbour_is_there_while_it_is_wanted(monkeypatch, wanted) -> None:
    started = []

    class Other:
        def __init__(self, command: list[str]) -> None:
            started.append(command)

        def __enter__(self) -> Other:
            return self

        def __exit__(self, *error: object) -> None:
            started.append("waited for")

        def kill(self) -> None:
            started.append("killed")

    monkeypatch.setattr("subprocess.Popen", Other)
    with neighbour(wanted):
        assert len(started) == wanted
    assert started[1:] == (["killed", "waited for"] if wanted else [])


def test_the_table_says_under_which_conditions_it_was_made() -> None:
    assert "held to" not in table(RESULTS)
    assert "busy" not in table(RESULTS)
    held = table({**RESULTS, "settings": {**RESULTS["settings"], "simd": "avx2", "busy": True}})
    assert "Everyone was held to avx2, but onnxruntime, which cannot be told." in held
    assert "One other process was busy all the time." in held
