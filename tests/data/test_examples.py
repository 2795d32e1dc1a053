"""The examples in the docstrings of data run and give what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import unroll.data

ROOT = Path(unroll.data.__file__).parent
WITH_EXAMPLES = [
    ".".join(["unroll", "data", *path.relative_to(ROOT).with_suffix("").parts])
    for path in sorted(ROOT.rglob("*.py"))
    if ">>> " in path.read_text("utf-8") and path.name != "builtin.py"
]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples(module: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert tried > 0
    assert failed == 0
