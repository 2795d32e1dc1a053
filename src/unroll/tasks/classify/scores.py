"""From a classifier's answers to scores with intervals and the sections that show them.

Shapes: N rows, K classes or labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from unroll.data import Table
from unroll.metrics.class_scores import Measured, score_classes, score_labels
from unroll.metrics.classification import best_threshold, confusion_matrix, f1_by_class, reliability
from unroll.models.wide import Network
from unroll.report import Section, words
from unroll.report.classification import (
    calibration_section,
    classes_section,
    confusion_section,
    labels_section,
    worst_section,
)
from unroll.tasks.base import Score, Scores
from unroll.tasks.classify.examples import Examples

#: Examples shown as the worst.
_WORST = 15


def as_scores(measured: Mapping[str, Measured]) -> dict[str, Score]:
    """The metrics as the tasks hand them on."""
    return {
        name: Score(value, None if interval is None else (interval[0], interval[1]))
        for name, (value, interval) in measured.items()
    }


def run_batches(network: Network, batches: Iterable[tuple[Tensor, ...]]) -> Tensor:
    """(N, K) scores (logits) of all rows of all batches, without dropout; the network's mode is left as it was."""
    device = network.decision.temperature.device
    training = network.training
    network.eval()
    with torch.no_grad():
        found = [network(*(tensor.to(device) for tensor in batch)) for batch in batches]
    network.train(training)
    return torch.cat(found) if found else torch.empty(0, network.decision.thresholds.shape[0], device=device)


def probabilities_of(network: Network, scores: Tensor) -> np.ndarray:
    """(N, K) probabilities, float64."""
    with torch.no_grad():
        found: np.ndarray = network.decision(scores.double()).cpu().numpy()
    return found


def tuned_thresholds(truth_NK: np.ndarray, probabilities_NK: np.ndarray) -> np.ndarray:
    """(K,) the threshold of every label with the greatest F1 on these rows."""
    return np.array([best_threshold(truth_NK[:, k], probabilities_NK[:, k]) for k in range(truth_NK.shape[1])])


def measure(
    truth_NK: np.ndarray, probabilities_NK: np.ndarray, *, thresholds: np.ndarray | None, intervals: bool = True
) -> dict[str, Score]:
    """All metrics of some rows.

    Args:
        truth_NK: (N, K) bool.
        probabilities_NK: (N, K).
        thresholds: (K,) where a row may have several labels; None if it has one class.
        intervals: whether to compute them.
    """
    if thresholds is None:
        return as_scores(score_classes(truth_NK.argmax(axis=1), probabilities_NK, intervals=intervals))
    return as_scores(score_labels(truth_NK, probabilities_NK, thresholds, intervals=intervals))


def answers_scored(
    network: Network,
    table: Table,
    examples: Examples,
    classes: tuple[str, ...],
    rows: np.ndarray,
    truth_NK: np.ndarray,
    probabilities_NK: np.ndarray,
) -> Scores:
    """Metrics of some rows and the sections of the report.

    Args:
        network: whose answers they are; its thresholds are used.
        table: for the file and line of the worst examples.
        examples: for their words.
        classes: (K,).
        rows: (N,) row numbers.
        truth_NK: (N, K) bool.
        probabilities_NK: (N, K).
    """
    if network.decision.exclusive:
        metrics = measure(truth_NK, probabilities_NK, thresholds=None)
        truth, predicted = truth_NK.argmax(axis=1), probabilities_NK.argmax(axis=1)
        confusion = confusion_matrix(truth, predicted, len(classes))
        bins = reliability(probabilities_NK.max(axis=1), truth == predicted)
        sections = [
            confusion_section(confusion, classes),
            classes_section(confusion, f1_by_class(confusion), classes),
        ]
    else:
        thresholds = network.decision.thresholds.double().cpu().numpy()
        metrics = measure(truth_NK, probabilities_NK, thresholds=thresholds)
        sections = [labels_section(truth_NK, probabilities_NK >= thresholds, thresholds, classes)]
        bins = reliability(probabilities_NK.ravel(), truth_NK.ravel())
    sections.append(calibration_section(*bins, metrics["calibration_error"].value))
    sections.append(_worst(table, examples, classes, rows, truth_NK, probabilities_NK))
    return Scores(metrics, sections)


def _worst(
    table: Table,
    examples: Examples,
    classes: tuple[str, ...],
    rows: np.ndarray,
    truth_NK: np.ndarray,
    probabilities_NK: np.ndarray,
) -> Section:
    """The rows whose truth was least likely; with several labels, by the least likely of all their decisions."""
    likely = np.where(truth_NK, probabilities_NK, 1.0).min(axis=1)
    if not truth_NK.any(axis=1).all():
        likely = np.minimum(likely, np.where(truth_NK, 1.0, 1 - probabilities_NK).min(axis=1))
    found = []
    for position in np.argsort(likely, kind="stable")[:_WORST]:
        path, line = table.place(int(rows[position]))
        found.append(
            {
                "example": examples.show(int(rows[position])),
                "true": ", ".join(classes[k] for k in np.flatnonzero(truth_NK[position])) or "none",
                "predicted": classes[int(probabilities_NK[position].argmax())],
                "probability of the truth": words.percent(likely[position]),
                "where": f"{path.name}:{line}",
            }
        )
    return worst_section(found)
