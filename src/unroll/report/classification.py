"""Sections of the report that show how a classifier does: confusion, calibration, classes, the worst examples.

Shapes: N rows, K classes or labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from unroll.report.charts import Axis, AxisKind, Bars, Curve, Matrix, Plot, Points
from unroll.report.section import Section
from unroll.report.words import number, percent

#: Classes up to which the whole confusion matrix is drawn.
_DRAWN = 20

#: Longest text of an example that is shown; the report says that it was cut.
_SHOWN = 240


def confusion_section(confusion: np.ndarray, names: Sequence[str]) -> Section:
    """The confusion matrix as a picture, or its largest errors if there are many classes.

    Args:
        confusion: (K, K), row = true class.
        names: (K,) classes.
    """
    errors = confusion - np.diag(np.diagonal(confusion))
    worst = np.argsort(-errors, axis=None, kind="stable")[:10]
    pairs = [divmod(int(cell), len(names)) for cell in worst]
    table = [
        {
            "true": names[true],
            "predicted": names[other],
            "rows": int(errors[true, other]),
            "of this class": percent(errors[true, other] / max(1, confusion[true].sum())),
        }
        for true, other in pairs
        if errors[true, other]
    ]
    drawn = len(names) <= _DRAWN
    text = "Rows are true classes, columns are predictions; shades are shares of a row. " if drawn else ""
    text += f"{int(np.trace(confusion))} of {int(confusion.sum())} rows are right."
    if table:
        text += " The table lists the most frequent confusions."
    matrix = Matrix("Confusion", "true", "predicted", names, confusion.tolist())
    return Section("Confusion", text, table or None, (lambda: [matrix]) if drawn else None)


def classes_section(confusion: np.ndarray, f1: np.ndarray, names: Sequence[str]) -> Section:
    """Rows, precision, recall and F1 of every class; of many classes the thirty with the lowest F1."""
    true, predicted, hits = confusion.sum(axis=1), confusion.sum(axis=0), np.diagonal(confusion)
    order = (
        np.argsort(np.where(np.isnan(f1), 2.0, f1), kind="stable")[:30] if len(names) > 30 else np.arange(len(names))
    )
    table = [
        {
            "class": names[k],
            "rows": int(true[k]),
            "precision": _share(hits[k], predicted[k]),
            "recall": _share(hits[k], true[k]),
            "F1": "" if np.isnan(f1[k]) else percent(f1[k]),
        }
        for k in order
    ]
    text = "The thirty classes with the lowest F1." if len(names) > 30 else ""
    return Section("Classes", text, table)


def labels_section(
    truth_NK: np.ndarray, predicted_NK: np.ndarray, thresholds: np.ndarray, names: Sequence[str]
) -> Section:
    """Rows, precision, recall and threshold of every label where a row may have several."""
    hits = (truth_NK & predicted_NK).sum(axis=0)
    table = [
        {
            "label": names[k],
            "rows": int(truth_NK[:, k].sum()),
            "predicted": int(predicted_NK[:, k].sum()),
            "precision": _share(hits[k], predicted_NK[:, k].sum()),
            "recall": _share(hits[k], truth_NK[:, k].sum()),
            "threshold": percent(thresholds[k]),
        }
        for k in range(len(names))
    ]
    return Section(
        "Labels", "A label is predicted where its probability reaches its threshold, tuned on validation.", table
    )


def calibration_section(rows: np.ndarray, confidence: np.ndarray, right: np.ndarray, error: float) -> Section:
    """How often predictions of a given confidence are right; the first three as `reliability` gives them."""
    text = (
        "If the bars end at the dashed line, a prediction made with 80% is right in 80% of the cases."
        f" The mean distance from the line, weighted by rows, is {percent(error)}. Numbers above the bars are rows."
    )
    return Section("Calibration", text, None, lambda: [_reliability(rows, confidence, right)])


def worst_section(rows: Sequence[dict[str, Any]]) -> Section:
    """The examples with the greatest loss; `rows` are table rows whose "example" is cut to a readable length here."""
    if not rows:
        return Section("Worst examples", "There are no rows to show.")
    cut = any(len(row["example"]) > _SHOWN for row in rows)
    table = [
        {**row, "example": row["example"][:_SHOWN] + ("…" if len(row["example"]) > _SHOWN else "")} for row in rows
    ]
    text = "The rows whose true class was given the least probability. Often the label is wrong, or the text is odd."
    return Section("Worst examples", text + (f" Texts over {_SHOWN} characters are cut." if cut else ""), table)


def _share(part: Any, whole: Any) -> str:
    return percent(part / whole) if whole else ""


def _reliability(rows: np.ndarray, confidence: np.ndarray, right: np.ndarray) -> Plot:
    known = rows > 0
    bins = len(rows)
    middles = ((np.arange(bins) + 0.5) / bins)[known].tolist()
    return Plot(
        "Right predictions by confidence",
        [
            Bars("right", middles, right[known].tolist(), 0.9 / bins, [number(int(count)) for count in rows[known]]),
            Curve("", [0.0, 1.0], [0.0, 1.0], colour=6, dashed=True),
            Points("mean confidence", confidence[known].tolist(), right[known].tolist(), colour=2),
        ],
        Axis("confidence of the prediction", AxisKind.SHARE, 0.0, 1.0),
        Axis("", AxisKind.SHARE, 0.0, 1.0),
    )
