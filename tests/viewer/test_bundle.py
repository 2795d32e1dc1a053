"""The built front end that is committed is what its sources give."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "web" / "look"
BUILT = ROOT / "src" / "unroll" / "viewer" / "static"


@pytest.mark.slow
def test_committed_front_end_is_what_the_sources_give(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("not installed: npm")
    folder = tmp_path / "look"
    shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns("node_modules"))
    for line in (["npm", "ci"], ["npm", "run", "check"], ["node", "build.mjs", "--out", str(tmp_path / "built")]):
        done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    for path in sorted(BUILT.iterdir()):
        assert (tmp_path / "built" / path.name).read_bytes() == path.read_bytes(), (
            f"{path.name} is not what web/look gives: run npm ci && npm run build there, and commit both"
        )
