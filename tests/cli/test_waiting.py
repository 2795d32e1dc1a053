"""How torch's threads wait: set before torch is loaded, unless the user has said how."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from unroll.cli.waiting import wait_settings


@pytest.mark.parametrize("arguments", [["train", "x.csv"], ["predict"], ["info"], []])
def test_waiting_threads_soon_sleep(arguments):
    settings = wait_settings(arguments, {"OMP_NUM_THREADS": "2", "PATH": "/bin"}, 2)
    assert list(settings) == ["GOMP_SPINCOUNT"]
    assert 0 < int(settings["GOMP_SPINCOUNT"]) < 20_000


@pytest.mark.parametrize(
    "own",
    [{"GOMP_SPINCOUNT": "5"}, {"OMP_WAIT_POLICY": "active"}, {"KMP_BLOCKTIME": "200"}, {"KMP_LIBRARY": "turnaround"}],
)
def test_a_users_own_setting_wins(own):
    assert wait_settings(["train"], own, 2) == {}


def test_nothing_is_set_where_nobody_waits_or_torch_is_measured():
    assert wait_settings(["train"], {}, 1) == {}
    assert wait_settings(["bench", "layers"], {}, 2) == {}


PROGRAM = """
import json, os, sys
os.cpu_count = lambda: 2
sys.argv = ["unroll", *ARGUMENTS]
from unroll.cli import app
before = {}
app.run = lambda arguments: before.update(os.environ, torch="torch" in sys.modules) or 0
try:
    app.main()
except SystemExit as end:
    print(json.dumps([end.code, before["torch"], before.get("GOMP_SPINCOUNT")]))
"""


@pytest.mark.parametrize(
    ("own", "seen"), [({}, str), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "passive"}, None)]
)
def test_the_command_line_sets_it_before_torch_is_loaded(own, seen):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("ARGUMENTS", '["train", "x.csv"]')],
        env={**clean, **own},
        capture_output=True,
        text=True,
        check=True,
    )
    code, torch_loaded, spins = json.loads(done.stdout)
    assert code == 0
    assert not torch_loaded
    assert isinstance(spins, str) if seen is str else spins == seen


def test_importing_unroll_changes_no_environment():
    program = "import os; before = dict(os.environ); import unroll, unroll.cli.app; assert dict(os.environ) == before"
    subprocess.run([sys.executable, "-c", program], check=True)
