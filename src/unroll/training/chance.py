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


def nothing_learnt(
    history: History, chance: float | None, settings: TrainSettings, *, aided: bool = False
) -> str | None:
    """Return a sentence if the training loss never left where it began, with one thing to try; None if it did.

    Args:
        history: of the run.
        chance: the loss of the best answer that never looks at its input; None where it is not known, and then the
            loss of the first epoch must do: it cannot tell a run that learnt nothing from one that was done by then.
        settings: how it was trained.
        aided: whether something that was fitted beside the network answers, too.
    """
    losses = [epoch.loss for epoch in history.epochs if math.isfinite(epoch.loss)]
    if chance is not None and losses and min(losses) > chance - _LEAST_GAIN * abs(chance):
        who = "the network learnt nothing" if aided else "nothing was learnt"
        left = "only what was fitted beside it answers" if aided else "the answers do not depend on what is asked about"
        return (
            f"{who}: the training loss, {min(losses):.4g} at best, never left that of the frequencies alone,"
            f" {chance:.4g}, so {left}; {_advice(history, settings)}"
        )
    if chance is None and len(losses) > 1 and min(losses[1:]) > losses[0] - _LEAST_GAIN * abs(losses[0]):
        return (
            f"the training loss, {min(losses[1:]):.4g} at best, never left that of the first epoch, {losses[0]:.4g}:"
            f" either all that there is was learnt in it, or nothing was; {_advice(history, settings)}"
        )
    return None


def _advice(history: History, settings: TrainSettings) -> str:
    steps = history.epochs[-1].steps
    if settings.learning_rate >= _HIGH:
        return f"try a lower learning rate: --set training.learning_rate={settings.learning_rate / 10:.2g}"
    if steps < _SHORT:
        epochs = max(4, math.ceil(4 * _SHORT / steps)) * len(history.epochs)
        return f"it was trained for {steps} steps only: try --epochs {epochs}"
    return f"try a higher learning rate: --set training.learning_rate={settings.learning_rate * 3:.2g}"
