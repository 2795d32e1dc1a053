"""The page docs/usage/data.md says what is so."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "usage" / "data.md"


@pytest.mark.docs
def test_the_code_runs_and_prints_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(PAGE), "exec"), {})
    expected = re.findall(r"print\(.*\)  # (.*)", code)
    assert len(expected) == 7
    for line in expected:
        assert line in printed.getvalue().splitlines()
    assert "2 classes: good 50 (50.0 %), bad 50 (50.0 %)" in printed.getvalue()
