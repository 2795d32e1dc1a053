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

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from unroll.baselines.smoothing import CYCLES, Parameters, Path, fit, paths

#: The smallest unit, as a share of a series' size.
_LEAST_UNIT = 1e-4


class Own(NamedTuple):
    """The smoothing of one series.

    Attributes:
        level: alpha.
        trend: beta.
        damping: phi.
        season: gamma.
        floor: values below it are taken for it before the logarithm; 0: no logarithm.
        unit: what smoothing errs by in the train part.
    """

    level: float
    trend: float
    damping: float
    season: float
    floor: float
    unit: float


class SavedInside(BaseModel):
    """What the run folder keeps of the smoothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seasons: tuple[int, ...]
    trend: bool
    logarithm: bool
    series: dict[str, tuple[float, float, float, float, float, float]] = Field(default_factory=dict)


class Inside:
    """The smoothing of some series, run through all their steps.

    Args:
        values: of each series, NaN where missing.
        names: of the series.
        fitted: (S,) how many first steps of each may be fitted on.
        horizon: N.
        saved: the form, and what was fitted on the series that are known.
    """

    def __init__(
        self,
        values: Sequence[np.ndarray],
        names: Sequence[str],
        fitted: np.ndarray,
        horizon: int,
        saved: SavedInside,
    ) -> None:
        known = [name in saved.series for name in names]
        floors = np.array(
            [
                saved.series[name][4] if there else floor_of(own[:end], logarithm=saved.logarithm)
                for name, there, own, end in zip(names, known, values, fitted.tolist(), strict=True)
            ]
        )
        self.floors = floors
        moved = [self._moved(own, floor) for own, floor in zip(values, floors.tolist(), strict=True)]
        found = np.array([saved.series.get(name, (0.0,) * 6) for name in names])
        new = np.flatnonzero(~np.array(known))
        if len(new):
            some = [moved[i] for i in new]
            own = fit(some, fitted[new], horizon, saved.seasons, trend=saved.trend)
            found[new, :4] = np.stack(own, axis=1)
            found[new, 4] = floors[new]
            for number, path in paths(some, fitted[new], own, saved.seasons):
                found[new[number], 5] = _unit(some[number], int(fitted[new[number]]), path, horizon)
        self.series = {name: Own(*row) for name, row in zip(names, found.tolist(), strict=True)}
        self.units = found[:, 5]
        self.damping = found[:, 2]
        lengths = np.array([len(own) for own in values])
        self._starts = np.concatenate([[0], np.cumsum(lengths)])[:-1]
        self._level, self._trend = np.empty(lengths.sum(), np.float32), np.empty(lengths.sum(), np.float32)
        self._lengths = saved.seasons
        shift = np.arange(len(values))
        self._cycle_starts = [self._starts + shift * season for season in saved.seasons]
        self._cycles = [np.empty(lengths.sum() + len(values) * season, np.float32) for season in saved.seasons]
        everyone = Parameters(*(found[:, i] for i in range(4)))
        # The start of the seasons is the same for every history of a series that is long enough.
        started = np.minimum(np.maximum(fitted, 1), first_origin(saved))
        for number, path in paths(moved, started, everyone, saved.seasons):
            own_steps = slice(self._starts[number], self._starts[number] + lengths[number])
            self._level[own_steps], self._trend[own_steps] = path.level, path.trend
            for kept, starts, cycle in zip(self._cycles, self._cycle_starts, path.seasons, strict=True):
                kept[starts[number] : starts[number] + len(cycle)] = cycle

    @staticmethod
    def _moved(values: np.ndarray, floor: float) -> np.ndarray:
        if floor <= 0:
            return values
        with np.errstate(invalid="ignore"):
            return np.log(np.maximum(values, floor))

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
        last = self._starts[series] + origins - 1
        behind = self._level[last][:, None] + self._season(series, origins, np.arange(-past.shape[1], 0))
        base = self.base(series, origins, ahead.shape[1])
        return (_logarithm(past, floors) - behind) / units, (_logarithm(ahead, floors) - base) / units

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


def floor_of(values: np.ndarray, *, logarithm: bool) -> float:
    """Below what values are taken for it before the logarithm: half of the smallest; 0 where none is taken."""
    known = values[~np.isnan(values)]
    return float(known.min()) / 2 if logarithm and len(known) and known.min() > 0 else 0.0


def _unit(values: np.ndarray, end: int, path: Path, horizon: int) -> float:
    """The mean absolute error of smoothing over a horizon, in the part that it was fitted on."""
    origins = np.arange(max(1, end // 4), end - horizon + 1)
    known = values[:end][~np.isnan(values[:end])]
    least = _LEAST_UNIT * max(float(np.abs(known).mean()) if len(known) else 0.0, 1e-6)
    if len(origins) == 0:
        return max(least, float(known.std()) if len(known) else 0.0)
    truth = values[origins[:, None] + np.arange(horizon)]
    errors = np.abs(truth - path.ahead(origins, horizon))
    return max(least, float(np.nanmean(errors)) if not np.isnan(errors).all() else 0.0)


def choose_inside(
    values: Sequence[np.ndarray], names: Sequence[str], trains: np.ndarray, horizon: int, seasons: Sequence[int]
) -> tuple[SavedInside, float]:
    """The form of smoothing that errs least in the last quarter of the train parts, and by how much, in units of the
    errors of the last value.

    Args:
        values: of each series.
        names: of the series.
        trains: (S,) where the train parts end.
        horizon: N.
        seasons: what may be used, the shorter first.
    """
    some = np.linspace(0, len(values) - 1, min(len(values), _LOOKED_AT)).astype(int)
    some = np.unique(some)
    begins = np.maximum(1, trains[some] - np.maximum(horizon, trains[some] // 4))
    tried = {tuple(seasons), tuple(seasons[:1]), ()}
    best: tuple[float, Any] = (np.inf, None)
    for own in sorted(tried, key=len):
        for logarithm in (False, True):
            for trend in (False, True):
                form = SavedInside(seasons=own, trend=trend, logarithm=logarithm)
                error = _error_of(form, [values[i] for i in some], begins, trains[some], horizon)
                if error < best[0] * 0.999:
                    best = (error, form)
    return best[1], best[0]


#: Series on which the form is chosen.
_LOOKED_AT = 200


def _error_of(
    form: SavedInside, values: Sequence[np.ndarray], begins: np.ndarray, ends: np.ndarray, horizon: int
) -> float:
    numbered = [str(i) for i in range(len(values))]
    cut = [own[:end] for own, end in zip(values, ends.tolist(), strict=True)]
    inside = Inside(cut, numbered, begins, horizon, form)
    errors = []
    for number, (own, begin, end) in enumerate(zip(cut, begins.tolist(), ends.tolist(), strict=True)):
        origins = np.arange(begin, end - horizon + 1)
        if len(origins) == 0:
            continue
        series = np.full(len(origins), number)
        made = inside.back(series, origins, np.zeros((len(origins), horizon)))
        truth = own[origins[:, None] + np.arange(horizon)]
        scale = np.nanmean(np.abs(np.diff(own))) if len(own) > 1 else 1.0
        error = np.abs(truth - made)
        if scale > 0 and not np.isnan(error).all():
            errors.append(float(np.nanmean(error)) / scale)
    # The middle series, so that one wild one does not choose for all.
    return float(np.median(errors)) if errors else np.inf


def first_origin(saved: SavedInside) -> int:
    """The first step from which the start of the seasons is known without looking ahead."""
    return max(1, CYCLES * max((1, *saved.seasons)))


def saved_with(form: SavedInside, series: Mapping[str, Own]) -> SavedInside:
    """The form with what was fitted."""
    return form.model_copy(update={"series": {name: tuple(own) for name, own in series.items()}})
