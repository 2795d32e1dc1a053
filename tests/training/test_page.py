"""The page on training says what is."""

from __future__ import annotations

import re
from pathlib import Path

from unroll.training import TrainSettings

PAGE = Path(__file__).parents[2] / "docs" / "usage" / "training.md"


def test_the_page_names_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    said = {name: float(text) if text[0].isdigit() and text[-1].isdigit() else text for name, text in rows.items()}
    assert said == TrainSettings().model_dump()


def test_the_example_on_the_page_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, str(PAGE), "exec"), {})
