"""The linear model of fixed convolutions beside a classifier of numeric sequences: how it is fitted.

Shapes: N rows, K classes or labels.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unroll.models.ensemble import SeriesEnsemble, own_steps
from unroll.tasks.classify.examples import SeriesExamples

#: Rows whose features are computed at once.
_AT_ONCE = 32


@torch.no_grad()
def fit_fixed(
    network: SeriesEnsemble, examples: SeriesExamples, truth_NK: np.ndarray, train: np.ndarray, *, seed: int
) -> Tensor | None:
    """Fit the linear model on the train part.

    Args:
        network: that it stands in.
        examples: the rows.
        truth_NK: (rows, K) bool, of all rows.
        train: rows of the train part.
        seed: of the draw of channels and biases.

    Returns:
        (N, K): the scores of every train row by a fit without it; None if there is no linear model.
    """
    if network.fixed is None:
        return None
    convolutions = network.fixed.convolutions
    standardise = network.steps.standardise

    def steps(rows: np.ndarray) -> tuple[Tensor, Tensor]:
        x, lengths = examples.batch(rows)
        return own_steps(standardise(x), lengths), lengths

    # Biases are quantiles on drawn rows; more than this many are never drawn from.
    drawn = train if len(train) <= 1_000 else train[:: -(-len(train) // 1_000)]
    x, lengths = steps(drawn[examples.sizes()[drawn] > 0])
    convolutions.fit(x, lengths, seed=seed)
    features = [convolutions(*steps(train[at : at + _AT_ONCE])) for at in range(0, len(train), _AT_ONCE)]
    return network.fixed.fit(
        torch.cat(features), torch.from_numpy(truth_NK[train]), exclusive=network.decision.exclusive
    )
