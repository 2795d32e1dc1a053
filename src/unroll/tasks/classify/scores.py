"""From a classifier's logits to scores with intervals and the sections that show them.

Shapes: N rows, K classes or labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

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

#: Rows that are scored at once.
SCORED = 256

#: Examples shown as the worst.
_WORST = 15


def as_scores(measured: Mapping[str, Measured]) -> dict[str, Score]:
    """The metrics as the tasks hand them on."""
    return {
        name: Score(value, None if interval is None else (interval[0], interval[1]))
        for name, (value, interval) in measured.items()
    }


def run_batches(network: Network, batches: Iterable[tuple[Tensor, ...]]) -> Tensor:
    """(N, K) logits of all rows of all batches, without dropout; the network's mode is left as it was."""
    device = network.decision.temperature.device
    training = network.training
    network.eval()
    with torch.no_grad():
        logits = [network(*(tensor.to(device) for tensor in batch)) for batch in batches]
    network.train(training)
    return torch.cat(logits) if logits else torch.empty(0, network.decision.thresholds.shape[0], device=device)


def probabilities_of(network: Network, logits: Tensor) -> np.ndarray:
    """(N, K) probabilities, float64."""
    with torch.no_grad():
        probabilities: np.ndarray = network.decision(logits.double()).cpu().numpy()
    return probabilities


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


class Labelled(NamedTuple):
    """Rows with their classes, as the network takes them and as the report shows them.

    Attributes:
        table: for the file and line of the worst examples.
        examples: the table's rows as inputs.
        rows: (N,) row numbers.
        truth_NK: (N, K) bool.
    """

    table: Table
    examples: Examples
    rows: np.ndarray
    truth_NK: np.ndarray


def row_logits(network: Network, examples: Examples, rows: np.ndarray) -> Tensor:
    """(N, K) logits of rows, which are read in batches of like length."""
    order = np.argsort(examples.sizes()[rows], kind="stable")
    found = run_batches(network, [])
    # Into one block: small ones that stay, between large ones that go, would keep those from being used again.
    for at in range(0, len(order), SCORED):
        places = order[at : at + SCORED]
        logits = run_batches(network, [examples.batch(rows[places])])
        if at == 0:
            found = logits.new_empty(len(rows), logits.shape[1])
        found[torch.from_numpy(places).to(found.device)] = logits
    return found


def score_rows(network: Network, classes: tuple[str, ...], labelled: Labelled) -> Scores:
    """Metrics of labelled rows and the sections of the report.

    Args:
        network: whose thresholds are used.
        classes: (K,).
        labelled: the rows.
    """
    truth_NK = labelled.truth_NK
    probabilities_NK = probabilities_of(network, row_logits(network, labelled.examples, labelled.rows))
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
    sections.append(_worst(labelled, classes, probabilities_NK))
    return Scores(metrics, sections)


def _worst(labelled: Labelled, classes: tuple[str, ...], probabilities_NK: np.ndarray) -> Section:
    """The rows whose truth was least likely; with several labels, by the least likely of all their decisions."""
    table, examples, rows, truth_NK = labelled
    likely = np.where(truth_NK, probabilities_NK, 1.0).min(axis=1)
    if not truth_NK.any(axis=1).all():
        likely = np.minimum(likely, np.where(truth_NK, 1.0, 1 - probabilities_NK).min(axis=1))
    listed = []
    for position in np.argsort(likely, kind="stable")[:_WORST]:
        path, line = table.place(int(rows[position]))
        listed.append(
            {
                "example": examples.show(int(rows[position])),
                "true": ", ".join(classes[k] for k in np.flatnonzero(truth_NK[position])) or "none",
                "predicted": classes[int(probabilities_NK[position].argmax())],
                "probability of the truth": words.percent(likely[position]),
                "where": f"{path.name}:{line}",
            }
        )
    return worst_section(listed)
