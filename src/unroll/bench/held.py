"""A run in a process of its own: with fewer threads or a lesser instruction set than the machine has, or beside work.

Libraries read such settings when they are loaded, so they stand in the environment of a child process.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

#: By level: what oneDNN (in torch and OpenVINO), MKL, torch's own kernels and XLA call it.
_NAMES: dict[str, tuple[str, str, str, str]] = {
    "avx2": ("AVX2", "AVX2", "avx2", "AVX2"),
    "avx512": ("AVX512_CORE", "AVX512", "avx512", "AVX512"),
}
#: The levels that a run can be held to.
LEVELS = tuple(_NAMES)
#: Peers that have no such setting.
FREE = ("onnxruntime",)


def environment(simd: str | None, threads: int | None, given: Mapping[str, str]) -> dict[str, str]:
    """Return `given` with what holds this project and its peers to a level and a number of threads.

    Args:
        simd: one of LEVELS; None: the best that each has.
        threads: None: as many as each chooses.
        given: the environment so far.
    """
    found = dict(given)
    if simd is not None:
        onednn, mkl, torch, xla = _NAMES[simd]
        found |= {
            "UNROLL_SIMD": simd,
            "ONEDNN_MAX_CPU_ISA": onednn,
            "MKL_ENABLE_INSTRUCTIONS": mkl,
            "ATEN_CPU_CAPABILITY": torch,
            "XLA_FLAGS": f"{given.get('XLA_FLAGS', '')} --xla_cpu_max_isa={xla}".strip(),
        }
    if threads is not None:
        found["OMP_NUM_THREADS"] = str(threads)
    return found


def run_held(arguments: Sequence[str], simd: str | None, threads: int | None) -> int:
    """Run `unroll` with these arguments in a child process that is held, and return its exit status.

    With `threads` it is also given no more processors than that, where the system can do so: JAX has a pool of as many
    threads as there are processors.
    """
    with _processors(threads):
        child = [sys.executable, "-m", "unroll.cli", *arguments]
        return subprocess.run(child, env=environment(simd, threads, os.environ), check=False).returncode


@contextlib.contextmanager
def _processors(count: int | None) -> Iterator[None]:
    """At most `count` of this process's processors, which a child inherits, while inside."""
    if count is None or sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def neighbour(wanted: bool) -> Iterator[None]:
    """One busy process beside this one while inside, if `wanted`."""
    if not wanted:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
        try:
            yield
        finally:
            other.kill()
