"""The Python blocks of the pages about Keras."""

from __future__ import annotations

import re
from pathlib import Path

PAGES = Path(__file__).parents[3] / "docs" / "usage"


def test_python_blocks_run(monkeypatch, tmp_path):
    # Those of the Korean page are the same, which the next test holds.
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {}
    page = (PAGES / "keras.md").read_text("utf-8")
    for body in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        exec(compile(body, "keras.md", "exec"), space)


def test_the_korean_page_keeps_step_with_the_english_one():
    english, korean = ((PAGES / name).read_text("utf-8") for name in ("keras.md", "keras.ko.md"))
    block = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    assert block.findall(english) == block.findall(korean)
    assert english.count("\n## ") == korean.count("\n## ")
