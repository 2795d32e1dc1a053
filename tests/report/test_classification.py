"""Sections of a classifier: what they say, and that every picture can be drawn."""

import numpy as np
import pytest

from unroll.metrics.classification import calibration_error, f1_by_class, reliability
from unroll.report.charts import Matrix, Plot
from unroll.report.classification import (
    calibration_section,
    classes_section,
    confusion_section,
    labels_section,
    worst_section,
)

CONFUSION = np.array([[50, 2, 0], [7, 30, 1], [0, 0, 0]])
NAMES = ["긍정", "부정", "none"]


def test_confusion_lists_the_largest_errors_first_and_draws_all() -> None:
    section = confusion_section(CONFUSION, NAMES)
    assert section.table is not None
    assert [(row["true"], row["predicted"], row["rows"]) for row in section.table] == [
        ("부정", "긍정", 7),
        ("긍정", "부정", 2),
        ("부정", "none", 1),
    ]
    assert section.table[0]["of this class"] == "18.4%"
    assert "80 of 90" in section.text
    assert section.charts is not None
    assert section.charts() == [Matrix("Confusion", "true", "predicted", NAMES, CONFUSION.tolist())]


def test_many_classes_are_listed_and_not_drawn() -> None:
    confusion = np.eye(60, dtype=int) * 3
    confusion[4, 5] = 2
    names = [f"c{k}" for k in range(60)]
    section = confusion_section(confusion, names)
    assert section.charts is None
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
    assert section.table[0] == {"class": "긍정", "rows": 52, "precision": "87.7%", "recall": "96.2%", "F1": "91.7%"}
    assert section.table[2]["recall"] == ""


def test_labels() -> None:
    truth = np.array([[1, 0], [1, 0]], dtype=bool)
    section = labels_section(truth, np.array([[1, 1], [0, 0]], dtype=bool), np.array([0.4, 0.5]), ["a", "b"])
    assert section.table is not None
    assert section.table[0]["recall"] == "50.0%"
    assert section.table[1]["precision"] == "0.0%"


@pytest.mark.parametrize("rows", [200, 1])
def test_calibration_is_drawn_for_many_rows_and_for_one(rows: int) -> None:
    draw = np.random.default_rng(0)
    sure = draw.random(rows) / 2 + 0.5
    right = draw.random(rows) < sure
    error = calibration_error(sure, right)
    section = calibration_section(*reliability(sure, right), error)
    assert f"{100 * error:.1f}%" in section.text
    assert section.charts is not None
    (plot,) = section.charts()
    assert isinstance(plot, Plot)
    drawing = plot.drawing()
    assert drawing is not None
    bars = [shape for _, shape in drawing.shapes if shape.tag == "rect"]
    assert len(bars) == int((reliability(sure, right)[0] > 0).sum())


def test_long_examples_are_cut_and_it_is_said() -> None:
    section = worst_section([{"example": "x" * 500, "true": "a"}, {"example": "short", "true": "b"}])
    assert section.table is not None
    assert section.table[0]["example"] == "x" * 240 + "…"
    assert section.table[1]["example"] == "short"
    assert "are cut" in section.text
    assert worst_section([]).table is None
