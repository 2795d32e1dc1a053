"""Exponential smoothing inside the network: what it sees and forecasts is what smoothing of each series leaves.

Each series has its own level, trend and seasons, multiplicative (in logarithms) where its train part is above zero and
additive else. The window that the network sees is the series without the seasons and the level of its origin; what the
network gives is added to what smoothing expects. So an untrained network forecasts as smoothing does.

Source: Smyl 2020, "A hybrid method of exponential smoothing and recurrent neural networks for time series
forecasting" (ES-RNN), sections 3.1 to 3.3. What differs: each series' parameters are chosen by its errors in the train
part and not by gradients, so that a series which comes later gets its own; and errors are counted in units of what
smoothing errs by.

Shapes: S series, B windows, T steps of the past, N steps of the horizon.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from unroll.baselines.smoothing import CYCLES, LEAST, Parameters, Path, fit, paths

#: Series up to which each gets a form of its own; of more, so many choose the form of all.
_CHOSEN = 500
#: Origins of one series at which errors are looked at.
_ORIGINS = 16
#: The smallest unit, as a share of a series' size.
_LEAST_UNIT = 1e-4


class Form(NamedTuple):
    """A form of smoothing.

    Attributes:
        logarithm: whether level and seasons are factors, for a series above zero.
        trend: whether there is a damped trend.
        used: which of the seasons there are, a bit each.
    """

    logarithm: bool
    trend: bool
    used: int


class Own(NamedTuple):
    """The smoothing of one series.

    Attributes:
        level: alpha.
        trend: beta.
        damping: phi.
        season: gamma.
        floor: values below it are taken for it before the logarithm; 0: no logarithm.
        unit: what smoothing errs by in the train part.
        used: which of the seasons there are, a bit each.
    """

    level: float
    trend: float
    damping: float
    season: float
    floor: float
    unit: float
    used: float


class SavedInside(BaseModel):
    """What the run folder keeps of the smoothing: the seasons, the usual form, and what each series has."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seasons: tuple[int, ...]
    usual: Form
    series: dict[str, Own] = Field(default_factory=dict)


class Inside:
    """The smoothing of some series, run through all their steps.

    Args:
        values: of each series, NaN where missing.
        names: of the series.
        fitted: (S,) how many first steps of each may be fitted on.
        horizon: N.
        saved: the seasons, and what was fitted on the series that are known.
        forms: of the series that are not known; None: the usual one.
    """

    def __init__(
        self,
        values: Sequence[np.ndarray],
        names: Sequence[str],
        fitted: np.ndarray,
        horizon: int,
        saved: SavedInside,
        forms: Sequence[Form] | None = None,
    ) -> None:
        given = [saved.usual] * len(values) if forms is None else forms
        found: list[Own | None] = [saved.series.get(name) for name in names]
        new: dict[Form, list[int]] = {}
        for number, own in enumerate(found):
            if own is None:
                new.setdefault(given[number], []).append(number)
        for form, some in new.items():
            made = _fit_form(form, [values[i] for i in some], fitted[some], horizon, saved.seasons)
            for number, own in zip(some, made, strict=True):
                found[number] = own
        every = [own for own in found if own is not None]
        self.series = dict(zip(names, every, strict=True))
        table = np.array(every, dtype=np.float64).reshape(len(every), len(Own._fields))
        self.floors, self.units, self.damping = table[:, 4], table[:, 5], table[:, 2]
        lengths = np.array([len(own) for own in values])
        self._starts = np.concatenate([[0], np.cumsum(lengths)])[:-1]
        self._level, self._trend = np.empty(lengths.sum(), np.float32), np.empty(lengths.sum(), np.float32)
        self._lengths = saved.seasons
        shift = np.arange(len(values))
        self._cycle_starts = [self._starts + shift * season for season in saved.seasons]
        self._cycles = [np.zeros(lengths.sum() + len(values) * season, np.float32) for season in saved.seasons]
        # The start of the seasons is the same for every history of a series that is long enough.
        started = np.minimum(np.maximum(fitted, 1), first_origin(saved))
        for used in np.unique(table[:, 6]).astype(int).tolist():
            rows = np.flatnonzero(table[:, 6] == used)
            places = [j for j in range(len(saved.seasons)) if used >> j & 1]
            moved = [_moved(values[i], float(self.floors[i])) for i in rows.tolist()]
            own_parameters = Parameters(*(table[rows, i] for i in range(4)))
            for at, path in paths(moved, started[rows], own_parameters, [saved.seasons[j] for j in places]):
                number = int(rows[at])
                own_steps = slice(self._starts[number], self._starts[number] + lengths[number])
                self._level[own_steps], self._trend[own_steps] = path.level, path.trend
                for j, cycle in zip(places, path.seasons, strict=True):
                    start = self._cycle_starts[j][number]
                    self._cycles[j][start : start + len(cycle)] = cycle

    def forward(
        self, series: np.ndarray, origins: np.ndarray, past: np.ndarray, ahead: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the network sees and should give: (B, T) and (B, N), in units of each series' smoothing errors.

        Args:
            series: (B,) numbers.
            origins: (B,).
            past: (B, T) values, in their own units.
            ahead: (B, N) values, NaN where unknown.
        """
        units, floors = self.units[series][:, None], self.floors[series][:, None]
        behind = self.seen(series, origins, np.arange(-past.shape[1], 0), past)
        base = self.base(series, origins, ahead.shape[1])
        return behind, (_logarithm(ahead, floors) - base) / units

    def seen(self, series: np.ndarray, origins: np.ndarray, steps: np.ndarray, values: np.ndarray) -> np.ndarray:
        """(B, M) values without the level of their origin and its seasons, in units of each series' smoothing errors.

        Args:
            series: (B,) numbers.
            origins: (B,).
            steps: (M,) where the values stand, counted from the origin: below 0.
            values: (B, M), in their own units; NaN stays.
        """
        last = self._starts[series] + origins - 1
        behind = self._level[last][:, None] + self._season(series, origins, steps)
        moved = _logarithm(values, self.floors[series][:, None])
        return np.asarray((moved - behind) / self.units[series][:, None])

    def back(self, series: np.ndarray, origins: np.ndarray, given: np.ndarray) -> np.ndarray:
        """What the network gave (B, N, ...) in the values' own units."""
        more = (slice(None), slice(None), *([None] * (given.ndim - 2)))
        one = (slice(None), *([None] * (given.ndim - 1)))
        whole = given * self.units[series][one] + self.base(series, origins, given.shape[1])[more]
        logarithm = self.floors[series][one] > 0
        # A forecast in logarithms must not run out of the numbers.
        return np.asarray(np.where(logarithm, np.exp(np.minimum(whole, 700.0)), whole))

    def base(self, series: np.ndarray, origins: np.ndarray, horizon: int) -> np.ndarray:
        """(B, N) what smoothing expects, in logarithms where the series is."""
        last, steps = self._starts[series] + origins - 1, np.arange(horizon)
        powers = np.cumsum(self.damping[series][:, None] ** (steps + 1), axis=1)
        straight = self._level[last][:, None] + self._trend[last][:, None] * powers
        return np.asarray(straight + self._season(series, origins, steps))

    def _season(self, series: np.ndarray, origins: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """(B, steps) the seasons' sum at steps from the origins, negative for the past, as known at the origins."""
        found = np.zeros((len(series), len(steps)))
        for cycle, starts, length in zip(self._cycles, self._cycle_starts, self._lengths, strict=True):
            found += cycle[(starts[series] + origins)[:, None] + steps % length]
        return found


def _logarithm(values: np.ndarray, floors: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(floors > 0, np.log(np.maximum(values, np.where(floors > 0, floors, 1.0))), values))


def _moved(values: np.ndarray, floor: float) -> np.ndarray:
    if floor <= 0:
        return values
    with np.errstate(invalid="ignore"):
        return np.asarray(np.log(np.maximum(values, floor)))


def _fit_form(
    form: Form, values: Sequence[np.ndarray], fitted: np.ndarray, horizon: int, seasons: Sequence[int]
) -> list[Own]:
    own_seasons = [season for j, season in enumerate(seasons) if form.used >> j & 1]
    floors = [_floor(own[:end], logarithm=form.logarithm) for own, end in zip(values, fitted.tolist(), strict=True)]
    moved = [_moved(own, floor) for own, floor in zip(values, floors, strict=True)]
    chosen = fit(moved, fitted, horizon, own_seasons, trend=form.trend)
    units = np.empty(len(values))
    for number, path in paths(moved, fitted, chosen, own_seasons):
        units[number] = _unit(moved[number], int(fitted[number]), path, horizon)
    rows = np.stack([*chosen, np.array(floors), units, np.full(len(values), form.used)], axis=1)
    return [Own(*row) for row in rows.tolist()]


def _floor(values: np.ndarray, *, logarithm: bool) -> float:
    """Below what values are taken for it before the logarithm: half of the smallest; 0 where none is taken."""
    known = values[~np.isnan(values)]
    return float(known.min()) / 2 if logarithm and len(known) and known.min() > 0 else 0.0


def _unit(values: np.ndarray, end: int, path: Path, horizon: int) -> float:
    """The mean absolute error of smoothing over a horizon, in the part that it was fitted on."""
    origins = np.arange(max(1, end // 4), end - horizon + 1)
    origins = origins[:: max(1, len(origins) // _ORIGINS)]
    known = values[:end][~np.isnan(values[:end])]
    least = _LEAST_UNIT * max(float(np.abs(known).mean()) if len(known) else 0.0, 1e-6)
    if len(origins) == 0:
        return max(least, float(known.std()) if len(known) else 0.0)
    errors = np.abs(values[origins[:, None] + np.arange(horizon)] - path.ahead(origins, horizon))
    return max(least, float(np.nanmean(errors)) if not np.isnan(errors).all() else 0.0)


def fit_inside(
    values: Sequence[np.ndarray], names: Sequence[str], trains: np.ndarray, horizon: int, seasons: Sequence[int]
) -> tuple[SavedInside, Inside]:
    """Choose a form for each series by its errors in the last quarter of its train part, and fit it on that part.

    What is best for all series together counts as much as what is best for the one; of very many series all have the
    form that is best for some.

    Args:
        values: of each series.
        names: of the series.
        trains: (S,) where the train parts end; at least 1.
        horizon: N.
        seasons: what may be used, the shorter first.
    """
    whole = (1 << len(seasons)) - 1
    forms = [
        Form(logarithm, trend, used)
        for used in sorted({0, 1 & whole, whole})
        for logarithm in (False, True)
        for trend in (False, True)
    ]
    looked = np.unique(np.linspace(0, len(values) - 1, min(len(values), _CHOSEN)).astype(np.int64))
    ends = trains[looked]
    begins = np.maximum(1, ends - np.maximum(horizon, ends // 4))
    cut = [values[i][:end] for i, end in zip(looked.tolist(), ends.tolist(), strict=True)]
    errors_FS = np.stack([_errors_of(form, cut, begins, horizon, seasons) for form in forms])
    logs = np.log(np.maximum(errors_FS, np.finfo(np.float64).tiny))
    together = logs.mean(axis=1, keepdims=True)
    empty = SavedInside(seasons=tuple(seasons), usual=forms[int(together.argmin())])
    each = [forms[i] for i in (logs + together).argmin(axis=0)] if len(looked) == len(values) else None
    inside = Inside(values, names, trains, horizon, empty, each)
    return empty.model_copy(update={"series": inside.series}), inside


def _errors_of(
    form: Form, values: Sequence[np.ndarray], begins: np.ndarray, horizon: int, seasons: Sequence[int]
) -> np.ndarray:
    """(S,) mean absolute errors from origins after the first steps; 1 where there is none."""
    numbered = [str(i) for i in range(len(values))]
    inside = Inside(values, numbered, begins, horizon, SavedInside(seasons=tuple(seasons), usual=form))
    errors = np.ones(len(values))
    for number, (own, begin) in enumerate(zip(values, begins.tolist(), strict=True)):
        origins = np.arange(begin, len(own) - horizon + 1)
        if len(origins) == 0:
            continue
        origins = origins[:: max(1, len(origins) // _ORIGINS)]
        series = np.full(len(origins), number)
        made = inside.back(series, origins, np.zeros((len(origins), horizon)))
        error = np.abs(own[origins[:, None] + np.arange(horizon)] - made)
        if not np.isnan(error).all():
            errors[number] = float(np.nanmean(error))
    return errors


def first_origin(saved: SavedInside) -> int:
    """The first step from which the start of the seasons is known without looking ahead."""
    return max(LEAST, CYCLES * max((1, *saved.seasons)))
