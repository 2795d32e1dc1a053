"""One OpenMP runtime in the process, and instruction sets chosen from outside."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.usefixtures("native")


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


LIBRARIES = """
import numpy as np
ORDER
maps = open("/proc/self/maps").read().split("\\n")
print(len({line.split()[-1] for line in maps if "gomp" in line or "iomp" in line or "libomp" in line}))
"""
STEP = """
from unroll.streaming.stepper import Stepper
ones = {"weight_ih": np.ones((4, 1), np.float32), "weight_hh": np.ones((4, 1), np.float32)}
Stepper("lstm", ones)(np.ones(1, np.float32))
"""
LAYER = """
import torch, unroll
unroll.LSTM(64, 64, engine="native")(torch.randn(20, 16, 64))
torch.randn(500, 500) @ torch.randn(500, 500)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "order", [STEP, LAYER, STEP + LAYER, LAYER + STEP], ids=["step", "layer", "step-layer", "layer-step"]
)
def test_there_is_one_openmp_runtime(native, order):
    done = run(LIBRARIES.replace("ORDER", order))
    assert done.returncode == 0, done.stderr
    # A build whose threads are its own leaves OpenMP to torch.
    assert done.stdout.strip() == ("1" if native.THREADS == "OpenMP" or LAYER in order else "0")


def test_the_stepper_works_without_torch():
    done = run(
        "import sys; sys.modules['torch'] = None\nimport numpy as np\n"
        + STEP
        + "print('torch' in sys.modules and sys.modules['torch'])"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "None"


def test_the_environment_chooses_the_instruction_set(native):
    program = "import unroll.kernels\nfrom unroll import _native\nprint(_native.level())"
    for level in native.levels():
        done = run(program, UNROLL_SIMD=level)
        assert done.stdout.strip() == level, done.stderr
    assert run(program, UNROLL_SIMD="").stdout.strip() == native.best_level()


@pytest.mark.parametrize("level", ["neon" if os.uname().machine == "x86_64" else "avx512", "sse9"])
def test_an_unknown_or_absent_instruction_set_is_an_error_and_no_crash(native, level):
    for program in ("import unroll.kernels", "import numpy as np" + STEP):
        done = run(program, UNROLL_SIMD=level)
        assert done.returncode == 1
        last = done.stderr.strip().splitlines()[-1]
        assert f"ConfigError: UNROLL_SIMD: instruction set '{level}'" in last
        assert ", ".join(native.levels()) in last
