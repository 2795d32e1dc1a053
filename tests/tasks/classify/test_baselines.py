"""TF-IDF beside a classifier: how much of a large train part it is fitted on, and that blocks change nothing.

Shapes: N rows, K classes.
"""

from __future__ import annotations

import numpy as np
import pytest

from unroll.tasks.classify import baselines

ROWS = 300
TEXTS = [f"{'good' if row % 2 else 'bad'} film number {row % 7}" for row in range(ROWS)]
TRUTH_NK = np.eye(2, dtype=bool)[np.arange(ROWS) % 2]
SPLITS = {"validation": np.arange(200, 250), "test": np.arange(250, 300)}


def scored() -> baselines.BaselineScores:
    return baselines.text_baselines(TEXTS, TRUTH_NK, np.arange(200), SPLITS, several=False)


def test_blocks_of_rows_change_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = scored()
    monkeypatch.setattr(baselines, "_BLOCK", 7)
    assert scored() == whole


def test_more_letters_than_memory_is_meant_for_are_fitted_in_part_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = np.mean([len(text) for text in TEXTS[:200]])
    monkeypatch.setattr(baselines, "_LETTERS", int(40 * letters) + 1)
    (name,) = (name for name in scored() if name.startswith("TF-IDF"))
    assert name.endswith(", fitted on 40 of 200 rows")
    assert scored()[name]["test"].metrics["accuracy"].value == 1.0


def test_a_part_is_of_all_rows_and_the_same_each_time() -> None:
    rows = np.arange(100, 200)
    some = baselines._bounded(TEXTS, rows, 500)
    assert np.array_equal(some, baselines._bounded(TEXTS, rows, 500))
    assert len(set(some)) == len(some) < 40
    assert set(some) <= set(rows)
    assert np.array_equal(baselines._bounded(TEXTS, rows, 10_000), rows)
