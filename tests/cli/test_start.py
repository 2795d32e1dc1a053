"""`unroll --help` must answer at once, so nothing heavy may be imported for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "pyarrow", "jinja2", "matplotlib", "sklearn", "statsmodels", "rich")

SCRIPT = """
import json, sys
from unroll.cli.app import run
code = run({arguments})
print(json.dumps([code, sorted({{name.split(".")[0] for name in sys.modules}})]))
"""


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["--version"], ["trian"], ["bench", "--help"]])
def test_help_and_usage_errors_import_nothing_heavy(arguments):
    script = SCRIPT.format(arguments=arguments)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == (2 if arguments == ["trian"] else 0)
    assert not set(HEAVY) & set(modules)


def test_import_time_of_help_names_no_heavy_module():
    command = [sys.executable, "-X", "importtime", "-m", "unroll.cli", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert {"unroll", "typer"} <= imported
    assert not {*HEAVY, "pydantic"} & imported
    assert "train" in done.stdout


def test_the_compiler_is_imported_by_those_who_compile():
    # torch._dynamo takes two seconds, which every command and every `import unroll.api` would wait for.
    code = "import sys, unroll.api; print('torch' in sys.modules, 'torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_nn_is_there_after_import_unroll_as_torchs_is():
    code = "import sys, unroll; print('torch' in sys.modules, unroll.nn.LSTMCell(2, 3))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "LSTMCell(2,", "3)"]
