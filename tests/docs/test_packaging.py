"""What is handed to others installs where nothing of the project is: the source archive and the wheel made from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_archive_and_wheel_install_in_an_empty_environment(tmp_path: Path) -> None:
    interpreter = Path(sys.base_prefix) / "bin" / "python3"
    done = subprocess.run(
        [ROOT / "scripts/wheels", tmp_path],
        env={**os.environ, "PYTHONS": str(interpreter)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = sorted(path.name for path in tmp_path.iterdir())
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert len(made) == 2
    assert made[0].startswith("unroll_rnn-")
    assert made[0].endswith("x86_64.whl") or made[0].endswith("aarch64.whl")
    assert f"-{python}-{python}-manylinux" in made[0]
    assert made[1].endswith(".tar.gz")
