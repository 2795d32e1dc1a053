"""Whether values far back tell more of the horizon than the window and the calendar do, before anything is trained.

Shapes: W windows, T steps of the past, N steps of the horizon, F features known ahead, K lags.
"""

from __future__ import annotations

import numpy as np

from unroll.metrics.forecast import blocks_of
from unroll.tasks.forecast.combination import beats
from unroll.tasks.forecast.windows import SeriesStore, Windows

#: Train windows that are looked at, the share of them that a straight line is fitted on, and the fewest of either part.
_LOOKED_AT, _FITTED, _LEAST = 2_000, 0.75, 40
#: Steps of the past that it sees.
_STEPS = 200
#: Of its error without them, what must be left at most with values far back: less is not worth the inputs.
_WORTH = 0.98
#: How much the line is held, as a share of what its inputs vary by.
_HELD = 1e-2


def tell_more(store: SeriesStore, train: Windows, past: int, horizon: int) -> bool:
    """Whether a straight line from what is known errs less with the lags of the store, by more than chance and by more
    than a little, in the last quarter of the train windows.

    Args:
        store: all series, with lags.
        train: the windows of the train part.
        past: T.
        horizon: N.
    """
    if not len(train):
        return False
    series, origins = train.locate(np.unique(np.linspace(0, len(train) - 1, _LOOKED_AT).astype(np.int64)))
    cut = np.quantile(origins, _FITTED)
    fitted, tested = origins + horizon <= cut, origins >= cut
    if min(fitted.sum(), tested.sum()) < _LEAST:
        return False
    batch = store.gather(series, origins, past, horizon)
    window, lagged = batch.window, batch.window.lagged
    if lagged is None:
        return False
    seen, level = window.past.numpy()[:, -_STEPS:].astype(np.float64), window.past.numpy()[:, -1:].astype(np.float64)
    truth = np.where(batch.known.numpy(), batch.truth.numpy().astype(np.float64) - level, np.nan)
    straight = np.column_stack([seen - level, np.ones(len(seen))])
    whole = fitted & ~np.isnan(truth).any(axis=1)
    if whole.sum() < _LEAST:
        return False
    left = truth - straight @ _line(straight[whole], truth[whole])
    # What follows is the same for every step of the horizon: how the calendar and the values far back change.
    known = window.known.numpy().astype(np.float64)
    calendar = known[:, past:] - known[:, past - 1 : past]
    values = lagged.numpy().astype(np.float64)
    change, place = values[:, past:] - values[:, past - 1 : past], values[:, past:] - level[..., None]
    far = np.nan_to_num(np.concatenate([calendar, change, place], axis=-1))
    errors = []
    for inputs in (calendar, far):
        flat, wanted = inputs[fitted].reshape(int(fitted.sum()) * horizon, inputs.shape[-1]), left[fitted].ravel()
        there = ~np.isnan(wanted)
        weights = _line(flat[there], wanted[there])
        errors.append(left[tested] - inputs[tested] @ weights)
    without, with_lags = errors
    if not np.nanmean(np.abs(with_lags)) <= _WORTH * np.nanmean(np.abs(without)):
        return False
    # Series of one time go up and down together: they are no evidence of each other.
    blocks = blocks_of(np.zeros_like(series[tested]), origins[tested], horizon)
    return beats(with_lags, without, np.zeros_like(without), np.ones(len(without)), blocks)


def _line(inputs: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The weights of a straight line, held by a little so that inputs which go together do no harm."""
    if not inputs.shape[-1]:
        return np.zeros((0, *wanted.shape[1:]))
    gram = inputs.T @ inputs
    held = _HELD * max(float(np.trace(gram)) / len(gram), 1e-12)
    return np.asarray(np.linalg.solve(gram + held * np.eye(len(gram)), inputs.T @ wanted))
