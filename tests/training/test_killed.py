"""A run killed with SIGKILL wherever it stands: the newest complete checkpoint loads, the end is the same in bits."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from training import forks
from unroll.training.checkpoint import read_checkpoint

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

Train = Callable[[Path, bool, int], dict[str, int]]


@pytest.fixture(scope="module")
def child() -> Iterator[Train]:
    """Runs `forks.run` in a forked process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, forks.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as server:
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("no pipes")
        to, back = server.stdin, server.stdout

        def ask(folder: Path, resume: bool, kill_at: int) -> dict[str, int]:
            to.write(json.dumps({"folder": str(folder), "resume": resume, "kill_at": kill_at}) + "\n")
            to.flush()
            answer: dict[str, int] = json.loads(back.readline())
            return answer

        yield ask


def test_a_run_killed_at_20_random_points_ends_in_the_same_bits(child: Train, tmp_path: Path) -> None:
    whole = child(tmp_path / "whole", False, 0)
    assert whole["exit_code"] == 0
    events = whole["events"]
    # 6 epochs of 4 batches: 24 losses, 6 validations, and a checkpoint after each step and at the end.
    assert events > 24 * 8
    draw = random.Random(0)
    killed, folder, steps_before = 0, tmp_path / "killed", 0
    while killed < 20:
        answer = child(folder, killed > 0, draw.randint(1, events // 12))
        assert answer["exit_code"] == -signal.SIGKILL
        killed += 1
        newest = read_checkpoint(folder / "checkpoints")
        steps = newest.open()[0].steps if newest is not None else 0
        assert steps >= steps_before
        steps_before = steps
    assert 6 <= steps_before < 24
    assert child(folder, True, 0)["exit_code"] == 0
    assert (folder / "final.safetensors").read_bytes() == (tmp_path / "whole" / "final.safetensors").read_bytes()
    assert not list((folder / "checkpoints").glob(".*"))
    assert len(list((folder / "checkpoints").iterdir())) == 4


@pytest.mark.slow
def test_a_run_killed_at_every_point_of_two_checkpoints(child: Train, tmp_path: Path) -> None:
    assert child(tmp_path / "whole", False, 0)["exit_code"] == 0
    for point in range(1, 40):
        folder = tmp_path / str(point)
        assert child(folder, False, point)["exit_code"] == -signal.SIGKILL
        assert child(folder, True, 0)["exit_code"] == 0
        assert (folder / "final.safetensors").read_bytes() == (tmp_path / "whole" / "final.safetensors").read_bytes()
