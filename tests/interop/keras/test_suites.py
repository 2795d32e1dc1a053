"""The tests of Keras layers, in a process of their own: Keras takes its backend from the environment, once."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
#: Keras's own words about spellings that lessons use, and about numpy 2.
SAID_BY_KERAS = (
    "ignore:Do not pass an `input_shape`:UserWarning",
    "ignore:Argument `input_length` is deprecated:UserWarning",
    "ignore:__array__ implementation:DeprecationWarning",
)


@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="keras is not installed (extra keras)")
def test_suites():
    # One process for all of them: torch and Keras are imported once.
    suites = [*map(str, sorted(HERE.glob("suite_*.py"))), str(ROOT / "src/unroll/interop/keras")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-o", "addopts=--import-mode=importlib --strict-markers --doctest-modules"]
    for said in SAID_BY_KERAS:
        command += ["-W", said]
    environment = {**os.environ, "KERAS_BACKEND": "torch", "UNROLL_KERAS_SUITE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, *suites], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_another_backend_is_one_line():
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    code = "from unroll.errors import UnrollError\ntry: import unroll.keras\nexcept UnrollError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    line = done.stdout.strip()
    assert "\n" not in line
    if importlib.util.find_spec("keras") is None:
        assert "pip install 'unroll-rnn[keras]'" in line
    else:
        assert "'jax'" in line
        assert "KERAS_BACKEND=torch" in line


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="keras is not installed (extra keras)")
def test_kerass_own_tests_of_its_recurrent_layers(tmp_path):
    """Those of the installed package, with unroll's layers in place; what fails must fail with Keras's own too."""
    package = Path(importlib.util.find_spec("keras").origin).parent
    if not (package / "src/layers/rnn/lstm_test.py").is_file():
        pytest.skip("this package of Keras comes without its tests")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    requires_trainable_backend: Keras's own\n")
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"

    def run(*options):
        command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-rf", "-p", "no:cacheprovider", "-W", "ignore"]
        command += ["-c", str(tmp_path / "pytest.ini"), *options]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout

    said = run("-p", "in_place", "--pyargs", "keras.src.layers.rnn", "keras.src.layers.core.masking_test")
    assert int(re.search(r"(\d+) passed", said)[1]) > 70, said[-2000:]
    assert int(re.search(r"loops of unroll: (\d+)", said)[1]) > 100, said[-2000:]
    assert "error" not in said.splitlines()[-1]
    for failed in re.findall(r"^FAILED (\S+)", said, re.MULTILINE):
        file, name = failed.split("::", 1)
        assert " passed" not in run(f"{package}/{file.split('keras/', 1)[-1]}::{name}"), failed
