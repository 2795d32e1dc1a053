"""Which steps of a series an answer leans on: parts of it are hidden, and the answer is asked for again.

Shapes: N rows, T time, I input size, K classes.
"""

from __future__ import annotations

import numpy as np

from unroll.data import Table, pad_series
from unroll.models.wide import Network
from unroll.report.leaning import Leaning
from unroll.tasks.classify.examples import SeriesExamples
from unroll.tasks.classify.scores import SCORED, probabilities_of, run_batches

#: Share of a series that is hidden at once.
HIDDEN = 0.1
#: Classes that are shown, and steps below which there is nothing to tell apart.
_MOST, _LEAST_STEPS = 4, 4


def leanings(
    network: Network,
    classes: tuple[str, ...],
    table: Table,
    examples: SeriesExamples,
    rows: np.ndarray,
    truth: np.ndarray,
    probabilities_NK: np.ndarray,
) -> list[Leaning]:
    """What the least sure of the right answers of each class leans on; of many classes the first few.

    Args:
        network: whose answers they are.
        classes: (K,).
        table: for the places of the rows.
        examples: the table's rows.
        rows: (N,) row numbers.
        truth: (N,) class numbers.
        probabilities_NK: its answers.
    """
    found: list[Leaning] = []
    right = probabilities_NK.argmax(axis=1) == truth
    for number, label in enumerate(classes):
        own = np.flatnonzero(right & (truth == number))
        if len(own) == 0 or len(found) == _MOST:
            continue
        row = int(rows[own[probabilities_NK[own, number].argmin()]])
        values = examples.row(row)
        if len(values) < _LEAST_STEPS:
            continue
        probability, drop = occluded(network, values, number)
        path, line = table.place(row)
        found.append(Leaning(label, f"{path.name}:{line}", values, probability, drop))
    return found


def occluded(network: Network, values: np.ndarray, number: int) -> tuple[float, np.ndarray]:
    """The probability of a class, and by how much it falls when the steps around each one are hidden, (T,).

    A hidden part is a straight line between the steps around it. A step's fall is the mean over the parts that hold it.

    Args:
        network: that answers.
        values: (T, I).
        number: of the class.
    """
    parts = hidden_parts(len(values))
    asked = [values, *(without(values, start, end) for start, end in parts)]
    batches = (pad_series(asked[at : at + SCORED]) for at in range(0, len(asked), SCORED))
    probabilities = probabilities_of(network, run_batches(network, batches))[:, number]
    total, count = np.zeros(len(values)), np.zeros(len(values))
    for (start, end), probability in zip(parts, probabilities[1:], strict=True):
        total[start:end] += probabilities[0] - probability
        count[start:end] += 1
    return float(probabilities[0]), total / count


def hidden_parts(steps: int) -> list[tuple[int, int]]:
    """From which step to before which each part reaches: all of one length, every step in one or two of them."""
    width = max(1, round(HIDDEN * steps))
    starts = [*range(0, steps - width, max(1, width // 2)), steps - width]
    return [(start, start + width) for start in starts]


def without(values: np.ndarray, start: int, end: int) -> np.ndarray:
    """A series (T, I) with a straight line in the place of some steps; at an end, its nearest other value."""
    out = values.copy()
    known = np.r_[0:start, end : len(values)]
    for feature in range(values.shape[1]):
        out[start:end, feature] = np.interp(np.arange(start, end), known, values[known, feature])
    return out
