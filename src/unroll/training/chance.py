"""Whether a run learnt anything at all."""

from __future__ import annotations

import math

import numpy as np

from unroll.training.history import History
from unroll.training.settings import TrainSettings

#: Share of the loss of chance that a run must have got rid of.
_LEAST_GAIN = 0.01
#: Steps below which a run is called short, and a learning rate from which on it is called high.
_SHORT, _HIGH = 500, 5e-3


def entropy(counts: np.ndarray) -> float:
    """The loss, in nats, of answering every time with the shares of these counts."""
    shares = np.asarray(counts, dtype=np.float64) / np.sum(counts)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def nothing_learnt(history: History, chance: float | None, settings: TrainSettings) -> str | None:
    """Return a sentence if the training loss never left that of chance, with one thing to try; None if it did.

    Args:
        history: of the run.
        chance: the loss of the best answer that never looks at its input; None where it is not known, and then a run
            of several epochs has learnt nothing if no epoch was better than the first.
        settings: how it was trained.
    """
    losses = [epoch.loss for epoch in history.epochs if math.isfinite(epoch.loss)]
    if not losses:
        return None
    if chance is not None:
        bound, than = chance, f"that of the frequencies alone, {chance:.4g}"
    elif len(losses) > 1:
        bound, than = losses[0], f"that of the first epoch, {losses[0]:.4g}"
    else:
        return None
    least = min(losses) if chance is not None else min(losses[1:])
    if least < bound - _LEAST_GAIN * abs(bound):
        return None
    return (
        f"nothing was learnt: the training loss, {least:.4g} at best, never left {than}, so the answers do not depend"
        f" on what is asked about; {_advice(history, settings)}"
    )


def _advice(history: History, settings: TrainSettings) -> str:
    steps = history.epochs[-1].steps
    if settings.learning_rate >= _HIGH:
        return f"try a lower learning rate: --set training.learning_rate={settings.learning_rate / 10:.2g}"
    if steps < _SHORT:
        epochs = max(4, math.ceil(4 * _SHORT / steps)) * len(history.epochs)
        return f"it was trained for {steps} steps only: try --epochs {epochs}"
    return f"try a higher learning rate: --set training.learning_rate={settings.learning_rate * 3:.2g}"
