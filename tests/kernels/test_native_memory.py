"""Nothing is read or written outside of the buffers: each ends where a page that may not be touched begins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("native")

#: Run in a process of its own, since a wrong access ends it. Says the name of every dtype when it is done with it.
PROGRAM = Path(__file__).with_name("guarded_scan.py")


@pytest.mark.skipif(sys.platform != "linux", reason="guard pages are made with mprotect")
def test_native_touches_nothing_past_the_end_of_a_buffer(level):
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env={**os.environ, "UNROLL_SIMD": level, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.split() == ["float32", "float64", "bfloat16"]


def test_guard_pages_do_catch_a_read_past_the_end():
    program = (
        f"import sys; sys.path.insert(0, {str(PROGRAM.parent)!r})\n"
        "import ctypes, guarded_scan, torch\n"
        "t = guarded_scan.guarded((3,), torch.float32)\n"
        "ctypes.string_at(t.data_ptr() + 12, 1)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=120)
    assert done.returncode < 0, "the process should have been ended by a signal"
