"""Recorded runs of the layers' bench in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest
from render import MARK, with_part


def test_each_level_has_a_part_of_its_own() -> None:
    page = (
        "before\n<!-- layers -->\nold\n<!-- /layers -->\nbetween\n<!-- layers avx2 -->\n<!-- /layers avx2 -->\nafter\n"
    )
    both = with_part(with_part(page, "best"), "lesser", "layers avx2")
    assert both == (
        "before\n<!-- layers -->\nbest\n<!-- /layers -->\n"
        "between\n<!-- layers avx2 -->\nlesser\n<!-- /layers avx2 -->\nafter\n"
    )


def test_a_missing_mark_is_an_error() -> None:
    with pytest.raises(ValueError, match="<!-- layers neon -->"):
        with_part("<!-- layers -->\n<!-- /layers -->", "run", "layers neon")


def test_the_page_has_a_part_for_both_levels() -> None:
    page = (Path(__file__).parents[2] / "docs/speed.md").read_text(encoding="utf-8")
    for mark in (MARK, f"{MARK} avx2"):
        assert with_part(page, "a run", mark).count("a run\n") == page.count("a run\n") + 1
