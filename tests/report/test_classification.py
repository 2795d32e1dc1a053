"""Sections of a classifier: what they say, and that every picture can be drawn."""

import numpy as np
import pytest

from unroll.metrics.classification import calibration_error, f1_by_class, reliability
from unroll.report import Section
from unroll.report.classification import (
    calibration_section,
    classes_section,
    confusion_section,
    labels_section,
    worst_section,
)
from unroll.report.figures import figure_html

CONFUSION = np.array([[50, 2, 0], [7, 30, 1], [0, 0, 0]])
NAMES = ["긍정", "부정", "none"]


def html(section: Section) -> str:
    assert section.figure is not None
    return figure_html(section.figure, 0, section.title)


def test_confusion_lists_the_largest_errors_first_and_draws_all() -> None:
    section = confusion_section(CONFUSION, NAMES)
    assert section.table is not None
    assert [(row["true"], row["answered"], row["rows"]) for row in section.table] == [
        ("부정", "긍정", 7),
        ("긍정", "부정", 2),
        ("부정", "none", 1),
    ]
    assert section.table[0]["of this class"] == "18%"
    assert "80 of 90" in section.text
    drawn = html(section)
    assert "긍정" in drawn
    assert drawn.startswith("<svg")


def test_many_classes_are_listed_and_not_drawn() -> None:
    confusion = np.eye(60, dtype=int) * 3
    confusion[4, 5] = 2
    names = [f"c{k}" for k in range(60)]
    section = confusion_section(confusion, names)
    assert section.figure is None
    assert section.table is not None
    assert len(section.table) == 1
    lowest = classes_section(confusion, f1_by_class(confusion), names)
    assert lowest.table is not None
    assert len(lowest.table) == 30
    assert [row["class"] for row in lowest.table[:2]] == ["c4", "c5"]


def test_no_errors_no_table() -> None:
    assert confusion_section(np.diag([3, 4]), ["a", "b"]).table is None


def test_classes_show_precision_and_recall() -> None:
    section = classes_section(CONFUSION, f1_by_class(CONFUSION), NAMES)
    assert section.table is not None
    assert section.table[0] == {"class": "긍정", "rows": 52, "precision": "0.877", "recall": "0.962", "F1": "0.917"}
    assert section.table[2]["recall"] == ""


def test_labels() -> None:
    truth = np.array([[1, 0], [1, 0]], dtype=bool)
    section = labels_section(truth, np.array([[1, 1], [0, 0]], dtype=bool), np.array([0.4, 0.5]), ["a", "b"])
    assert section.table is not None
    assert section.table[0]["recall"] == "0.500"
    assert section.table[1]["precision"] == "0.000"


@pytest.mark.parametrize("rows", [200, 1])
def test_calibration_is_drawn_for_many_rows_and_for_one(rows: int) -> None:
    draw = np.random.default_rng(0)
    sure = draw.random(rows) / 2 + 0.5
    right = draw.random(rows) < sure
    error = calibration_error(sure, right)
    section = calibration_section(*reliability(sure, right), error)
    assert f"{error:.3f}" in section.text
    assert html(section).startswith("<svg")


def test_long_examples_are_cut_and_it_is_said() -> None:
    section = worst_section([{"example": "x" * 500, "true": "a"}, {"example": "short", "true": "b"}])
    assert section.table is not None
    assert section.table[0]["example"] == "x" * 240 + "…"
    assert section.table[1]["example"] == "short"
    assert "are cut" in section.text
    assert worst_section([]).table is None
