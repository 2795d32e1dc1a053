"""Sections of the report that show how a classifier answers: confusion, calibration, classes, the worst examples.

Shapes: N rows, K classes or labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unroll.report.section import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Classes up to which the whole confusion matrix is drawn.
_DRAWN = 20

#: Cells up to which the counts are written into the matrix.
_WRITTEN = 12

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
            "answered": names[other],
            "rows": int(errors[true, other]),
            "of this class": f"{errors[true, other] / max(1, confusion[true].sum()):.0%}",
        }
        for true, other in pairs
        if errors[true, other]
    ]
    drawn = len(names) <= _DRAWN
    text = "Rows are true classes, columns are answers; shades are shares of a row. " if drawn else ""
    text += f"{int(np.trace(confusion))} of {int(confusion.sum())} rows are right."
    if table:
        text += " The table lists the most frequent confusions."
    return Section("Confusion", text, table or None, (lambda: _draw_confusion(confusion, names)) if drawn else None)


def classes_section(confusion: np.ndarray, f1: np.ndarray, names: Sequence[str]) -> Section:
    """Rows, precision, recall and F1 of every class; of many classes the thirty with the lowest F1."""
    true, answered, hits = confusion.sum(axis=1), confusion.sum(axis=0), np.diagonal(confusion)
    order = (
        np.argsort(np.where(np.isnan(f1), 2.0, f1), kind="stable")[:30] if len(names) > 30 else np.arange(len(names))
    )
    table = [
        {
            "class": names[k],
            "rows": int(true[k]),
            "precision": _share(hits[k], answered[k]),
            "recall": _share(hits[k], true[k]),
            "F1": "" if np.isnan(f1[k]) else f"{f1[k]:.3f}",
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
            "answered": int(predicted_NK[:, k].sum()),
            "precision": _share(hits[k], predicted_NK[:, k].sum()),
            "recall": _share(hits[k], truth_NK[:, k].sum()),
            "threshold": f"{thresholds[k]:.3f}",
        }
        for k in range(len(names))
    ]
    return Section(
        "Labels", "A label is answered where its probability reaches its threshold, tuned on validation.", table
    )


def calibration_section(rows: np.ndarray, confidence: np.ndarray, right: np.ndarray, error: float) -> Section:
    """How often answers of a given confidence are right, as a picture; the first three as `reliability` gives them."""
    text = (
        "If the bars end at the dashed line, an answer given with 80 % is right in 80 % of the cases."
        " The mean distance from the line,"
        f" weighted by rows, is {error:.3f}."
    )
    return Section("Calibration", text, None, lambda: _draw_reliability(rows, confidence, right))


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
    return f"{part / whole:.3f}" if whole else ""


def _draw_confusion(confusion: np.ndarray, names: Sequence[str]) -> Figure:
    axes, figure = _axes(max(3.2, 0.42 * len(names) + 1.6))
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0)
    short = [name if len(name) <= 16 else name[:15] + "…" for name in names]
    turned = max(map(len, short)) > 6
    axes.set_xticks(
        range(len(names)),
        short,
        rotation=50 if turned else 0,
        ha="right" if turned else "center",
        rotation_mode="anchor" if turned else "default",
        fontsize=8,
    )
    axes.set_yticks(range(len(names)), short, fontsize=8)
    axes.set_xlabel("answered")
    axes.set_ylabel("true")
    if len(names) <= _WRITTEN:
        for true in range(len(names)):
            for answered in range(len(names)):
                colour = "white" if share[true, answered] > 0.5 else "black"
                axes.text(
                    answered,
                    true,
                    str(int(confusion[true, answered])),
                    ha="center",
                    va="center",
                    color=colour,
                    fontsize=8,
                )
    return figure


def _draw_reliability(rows: np.ndarray, confidence: np.ndarray, right: np.ndarray) -> Figure:
    axes, figure = _axes(3.4)
    bins = len(rows)
    middles = (np.arange(bins) + 0.5) / bins
    known = rows > 0
    axes.bar(middles[known], right[known], width=0.9 / bins, color="C0")
    axes.plot([0, 1], [0, 1], linestyle="--", color="0.5", linewidth=1)
    axes.plot(confidence[known], right[known], "o", color="C1", markersize=4)
    for middle, share, count in zip(middles[known], right[known], rows[known], strict=True):
        axes.annotate(
            str(int(count)), (middle, share), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=6
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.08)
    axes.set_xlabel("confidence of the answer")
    axes.set_ylabel("share of right answers")
    return figure


def _axes(size: float) -> tuple[Any, Figure]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size, size), layout="constrained")
    return figure.subplots(), figure
