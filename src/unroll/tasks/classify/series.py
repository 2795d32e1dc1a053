"""What a classifier of numeric sequences decides by its data: which rows train, how large its networks are, how long
they are trained.

Shapes: I input size.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from unroll.bundle import RunConfig
from unroll.data import Split, Table
from unroll.errors import ConfigError
from unroll.models.lstm_fcn import LSTM_FCN
from unroll.tasks.classify.settings import ClassifySettings, SeriesPlan

#: Validation rows from which on they decide: with fewer, chance does.
_DECIDING = 50

#: Networks side by side, and filters of each: together they cost what the published network of 128 costs.
_MEMBERS, _FILTERS = 4, 64
#: The published size of the recurrent layer (Karim et al. 2018, section III-A).
HIDDEN = 8
#: Steps that the recurrent layer sees of a channel at most.
_LONGEST = 512

#: Multiplications that the forward passes of a whole training may take: half a minute on one core.
_WORK = 2e11
#: Optimiser steps at most; and where the work is too much, so many at least, in 10 to 100 epochs.
_STEPS = 1_500
#: Features of fixed convolutions by the most rows that they are for: the published number, and less where the fit
#: would take minutes.
_FIXED = ((1_000, 9_996), (20_000, 2_016), (math.inf, 0))
#: Steps that a stride must leave of a series.
_LEFT = 256


def training_rows(table: Table, split: Split, config: RunConfig, settings: ClassifySettings) -> Split:
    """The split with its drawn validation rows given back to training where they are too few to decide anything.

    Rows that the user named as validation stay what they are; without a test part they are all that can be scored. Too
    few of them do not decide all the same: see `decides`.
    """
    named = config.data.split_column is not None or (table.parts is not None and bool((table.parts == 1).any()))
    hold_out = settings.hold_out
    if hold_out is None:
        hold_out = len(split.validation) >= _DECIDING or len(split.test) == 0
    if hold_out or named or settings.network(series=True) != LSTM_FCN:
        return split
    return Split(np.sort(np.concatenate((split.train, split.validation))), split.validation[:0], split.test)


def decides(split: Split, settings: ClassifySettings) -> bool:
    """Whether the validation rows choose the best epoch, and what the temperature is fitted to."""
    return len(split.validation) > 0 and (
        settings.network(series=True) != LSTM_FCN or len(split.validation) >= _DECIDING or settings.hold_out is True
    )


def plan_series(lengths: np.ndarray, features: int, settings: ClassifySettings) -> SeriesPlan | None:
    """The sizes of the networks; None if it is another network that was asked for.

    Args:
        lengths: steps of every training row.
        features: I.
        settings: what was asked for.

    Raises:
        ConfigError: sizes were asked for that the network does not have.
    """
    if settings.network(series=True) != LSTM_FCN:
        for name in ("members", "filters", "stride", "fixed", "hold_out"):
            if getattr(settings, name) is not None:
                raise ConfigError(f"model.{name} goes with the encoder {LSTM_FCN}, got '{settings.encoder}'")
        return None
    for name, plain in (("skip", False), ("num_layers", 1)):
        if getattr(settings, name) != plain:
            raise ConfigError(f"model.{name} does not go with {LSTM_FCN}; name a cell with --cell, or leave it out")
    filters = settings.filters or _FILTERS
    longest = max(1, int(lengths.max()))
    # What one network costs that sees every row often enough; rather fewer networks than a coarser view.
    whole = max(1.0, _least_epochs(len(lengths)) * float(lengths.sum()) * _cost(features, filters))
    # Of few rows each must be left out by one network and answered by it.
    fewest = 2 if len(lengths) < _DECIDING / 0.1 else 1
    members = settings.members or max(fewest, min(_MEMBERS, int(_WORK / whole)))
    stride = settings.stride or max(1, min(math.ceil(whole * members / _WORK), longest // _LEFT))
    fixed = next(features for most, features in _FIXED if len(lengths) <= most)
    return SeriesPlan(
        members=members,
        filters=filters,
        stride=stride,
        steps=min(longest, _LONGEST),
        longest=longest,
        fixed=fixed if settings.fixed is None else settings.fixed,
    )


def series_training(plan: SeriesPlan, lengths: np.ndarray, features: int) -> dict[str, Any]:
    """Training settings for networks of this plan: as many epochs as the work allows.

    Args:
        plan: the networks.
        lengths: steps of every training row.
        features: I.
    """
    rows = len(lengths)
    batch_size = _batch_size(rows)
    work = float(lengths.sum()) / plan.stride * _cost(features, plan.filters) * plan.members
    most = round(_STEPS * batch_size / rows)
    epochs = max(_least_epochs(rows), min(most, int(_WORK / max(work, 1.0))))
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": 3e-3,
        "average": 0.99,
        "patience": max(3, epochs // 2),
    }


def _batch_size(rows: int) -> int:
    return 16 if rows < 2_000 else 32 if rows < 5_000 else 64


def _least_epochs(rows: int) -> int:
    return max(10, min(100, round(_STEPS * _batch_size(rows) / rows)))


def _cost(features: int, filters: int) -> float:
    """Multiplications of one network for one step of a series."""
    return filters * 8 * features + filters * 2 * filters * 5 + 2 * filters * filters * 3
