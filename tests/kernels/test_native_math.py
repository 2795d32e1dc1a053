"""The pointwise functions of the kernels, measured against the C library by a program of their own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "csrc"
FLAGS = {"scalar": [], "avx2": ["-mavx2", "-mfma"], "avx512": ["-march=skylake-avx512"]}


def test_sigmoid_and_tanh_are_as_exact_as_their_header_says(level: str, tmp_path: Path) -> None:
    compiler = shutil.which("c++")
    if compiler is None or level not in FLAGS:
        pytest.skip("no C++ compiler, or no flags for this instruction set")
    program = tmp_path / "check_math"
    name = [f"-DUNROLL_LEVEL={level}", f"-DUNROLL_LEVEL_{level.upper()}"]
    common = ["-std=c++17", "-O2", "-ffp-contract=off", f"-I{SOURCES}", str(SOURCES / "tests" / "check_math.cpp")]
    subprocess.run([compiler, *common, *FLAGS[level], *name, "-o", str(program)], check=True)
    ran = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
