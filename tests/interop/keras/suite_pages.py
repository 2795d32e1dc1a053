"""The Python blocks of the pages about Keras."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[3] / "docs" / "usage"


@pytest.mark.parametrize("page", ["keras.md", "keras.ko.md"])
def test_python_blocks_run(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {}
    for body in re.findall(r"^```python\n(.*?)^```$", (PAGES / page).read_text("utf-8"), re.MULTILINE | re.DOTALL):
        exec(compile(body, page, "exec"), space)


def test_the_korean_page_keeps_step_with_the_english_one():
    english, korean = ((PAGES / name).read_text("utf-8") for name in ("keras.md", "keras.ko.md"))
    block = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    assert block.findall(english) == block.findall(korean)
    assert english.count("\n## ") == korean.count("\n## ")
