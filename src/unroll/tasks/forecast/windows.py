"""Windows over series on disk: an index, not copies.

All series stand one after the other in memory-mapped arrays. A window is a number; its values are gathered when it is
asked for.

Shapes: S series, W windows, B batch, T steps of the past, N steps of the horizon, C covariates, K lags.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unroll.data import TimeSeries
from unroll.models.forecast_window import Window
from unroll.tasks.forecast.columns import Bounds
from unroll.tasks.forecast.inside import Inside
from unroll.tasks.forecast.lags import places

_DAY = np.timedelta64(1, "D")
#: A cycle of the calendar.
Cycle = Literal["day", "week", "year"]
_CYCLES: dict[Cycle, np.timedelta64] = {"day": _DAY, "week": 7 * _DAY, "year": 365 * _DAY}


class Scaling(NamedTuple):
    """How a series' values become those the network sees: (value - centre) / size, from the train split.

    Attributes:
        centre: subtracted.
        size: divided by; above zero.
    """

    centre: float
    size: float


def fit_scaling(kind: str, values: np.ndarray) -> Scaling:
    """The scaling of a series by its train split: "standard", "mean" (divide by the mean size) or "none"."""
    known = values[~np.isnan(values)]
    if kind == "none" or known.size == 0:
        return Scaling(0.0, 1.0)
    if kind == "mean":
        size = float(np.abs(known).mean())
        return Scaling(0.0, size if size > 0 else 1.0)
    size = float(known.std())
    return Scaling(float(known.mean()), size if size > 1e-9 * max(1.0, float(np.abs(known).max())) else 1.0)


class Gathered(NamedTuple):
    """A batch of windows.

    Attributes:
        window: what the model takes.
        truth: (B, N) standardised, zero where unknown.
        known: (B, N), whether the truth is known.
    """

    window: Window
    truth: Tensor
    known: Tensor


class SeriesStore:
    """All series on disk, with missing values filled in twice: over the gap, and from the past alone.

    A gap that ends before the forecast begins is bridged by a straight line; one that is still open then holds the last
    value, so that no window sees what comes after it.

    Args:
        series: the series.
        bounds: where their train splits end; covariates are standardised by those. None: take `covariate_scaling`.
        folder: where the arrays are mapped.
        scaling: of every series.
        ahead: positions of the covariates that are known ahead (or constant).
        cycles: of the calendar, among what is known ahead.
        mask: whether "was measured" is among what is known of the past.
        covariate_scaling: (C, 2) means and sizes.
        inside: the smoothing of the series, where the network sees what it leaves.
        lags: steps back from each step of a window at which values are looked up.
    """

    def __init__(
        self,
        series: Sequence[TimeSeries],
        bounds: Sequence[Bounds] | None,
        folder: Path,
        scaling: Sequence[Scaling],
        *,
        ahead: Sequence[int],
        cycles: Sequence[Cycle],
        mask: bool,
        covariate_scaling: np.ndarray | None = None,
        inside: Inside | None = None,
        lags: Sequence[int] = (),
    ) -> None:
        self.inside = inside
        self.lags = tuple(lags)
        self.names = tuple(item.name for item in series)
        self.lengths = np.array([len(item.values) for item in series], dtype=np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)
        self.scaling = tuple(scaling)
        self._sizes = np.array([own.size for own in scaling])
        self._centres = np.array([own.centre for own in scaling])
        self._times = [item.clock.wall(item.times) for item in series]
        where = Path(tempfile.mkdtemp(prefix="series-", dir=folder))
        total = int(self.starts[-1])
        self.values = _mapped(where / "values.npy", (total,), np.float64)
        for item, start in zip(series, self.starts, strict=False):
            self.values[start : start + len(item.values)] = item.values
        self.missing = int(np.isnan(self.values).sum())
        self._bridged, self._carried, self._next = self._fill(where)
        count = series[0].covariates.shape[1]
        if covariate_scaling is None:
            covariate_scaling = _fit_covariates(series, bounds)
        self.covariate_scaling = covariate_scaling
        behind = [c for c in range(count) if c not in ahead]
        calendar = 2 * len(cycles)
        self.known = _mapped(where / "known.npy", (total, calendar + len(ahead)), np.float32)
        self.seen = _mapped(where / "seen.npy", (total, len(behind) + mask), np.float32)
        self.missing_covariates = 0
        for item, start in zip(series, self.starts, strict=False):
            own = slice(start, start + len(item.values))
            if calendar:
                self.known[own, :calendar] = calendar_features(item.clock.wall(item.times), cycles)
            if count:
                covariates = (item.covariates - covariate_scaling[:, 0]) / covariate_scaling[:, 1]
                self.missing_covariates += int(np.isnan(covariates).sum())
                covariates = _carry_forward(covariates)
                self.known[own, calendar:] = covariates[:, list(ahead)]
                self.seen[own, : len(behind)] = covariates[:, behind]
            if mask:
                self.seen[own, len(behind)] = ~np.isnan(item.values)

    def _fill(self, where: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        if self.missing == 0:
            return self.values, self.values, None
        bridged = _mapped(where / "bridged.npy", self.values.shape, np.float64)
        carried = _mapped(where / "carried.npy", self.values.shape, np.float64)
        following = _mapped(where / "next.npy", self.values.shape, np.int64)
        for start, end in zip(self.starts[:-1], self.starts[1:], strict=True):
            own = self.values[start:end]
            at = np.flatnonzero(~np.isnan(own))
            t = np.arange(len(own))
            bridged[start:end] = np.interp(t, at, own[at])
            carried[start:end] = own[at[np.maximum(np.searchsorted(at, t, side="right") - 1, 0)]]
            after = np.searchsorted(at, t)
            following[start:end] = np.where(after < len(at), start + at[np.minimum(after, len(at) - 1)], end)
        return bridged, carried, following

    def gather(self, series: np.ndarray, origins: np.ndarray, past: int, horizon: int) -> Gathered:
        """The windows that begin to forecast at these steps.

        Args:
            series: (B,) numbers of series.
            origins: (B,) steps within the series; at least `past`, at most its length minus `horizon`.
            past: T.
            horizon: N.
        """
        begin = self.starts[series] + origins
        back = begin[:, None] + np.arange(-past, 0)
        values = self._bridged[back]
        if self._next is not None:
            values = np.where(self._next[back] >= begin[:, None], self._carried[back], values)
        ahead = begin[:, None] + np.arange(horizon)
        truth = self.values[ahead]
        known = ~np.isnan(truth)
        if self.inside is not None:
            values, truth = self.inside.forward(series, origins, values, truth)
        else:
            size = self._sizes[series][:, None]
            centre = self._centres[series][:, None]
            values, truth = (values - centre) / size, (truth - centre) / size
        whole = begin[:, None] + np.arange(-past, horizon)
        lagged = self._lagged(series, origins, past, horizon) if self.lags else None
        window = Window(_tensor(values), _tensor(self.known[whole]), _tensor(self.seen[back]), lagged=lagged)
        return Gathered(window, _tensor(np.where(known, truth, 0.0)), torch.from_numpy(known))

    def _lagged(self, series: np.ndarray, origins: np.ndarray, past: int, horizon: int) -> Tensor:
        """(B, T + N, K) values before the origins as they were measured, NaN where there is none."""
        back = places(self.lags, past, horizon)
        steps = back.ravel()
        at = origins[:, None] + steps
        values = self.values[self.starts[series][:, None] + np.maximum(at, 0)]
        values = np.where(at < 0, np.nan, values)
        if self.inside is not None:
            values = self.inside.seen(series, origins, steps, values)
        else:
            values = (values - self._centres[series][:, None]) / self._sizes[series][:, None]
        return _tensor(values.reshape(len(series), *back.shape))

    def in_units(self, series: np.ndarray, origins: np.ndarray, given: np.ndarray) -> np.ndarray:
        """What the network gave for windows (B, N, ...), in the series' own units."""
        if self.inside is not None:
            return self.inside.back(series, origins, given)
        one = (slice(None), *([None] * (given.ndim - 1)))
        return np.asarray(given * self._sizes[series][one] + self._centres[series][one])

    def truth(self, series: np.ndarray, origins: np.ndarray, horizon: int) -> np.ndarray:
        """(B, N) values in their own units, NaN where unknown."""
        return np.asarray(self.values[(self.starts[series] + origins)[:, None] + np.arange(horizon)])

    def history(self, series: int, origin: int) -> np.ndarray:
        """The values of one series before a step, gaps bridged as a window that begins there sees them."""
        start = int(self.starts[series])
        span = slice(start, start + origin)
        if self._next is None:
            return np.asarray(self._bridged[span])
        return np.where(self._next[span] >= start + origin, self._carried[span], self._bridged[span])

    def measured(self, series: int, end: int) -> np.ndarray:
        """The values of one series before a step as they are, NaN where missing."""
        start = int(self.starts[series])
        return np.asarray(self.values[start : start + end])

    def longest_gap(self) -> int:
        """The most steps in a row of one series that have no value."""
        known = np.flatnonzero(~np.isnan(self.values))
        gaps = np.diff(known) - 1
        # From the last value of one series to the first of the next there is no gap of either.
        within = np.searchsorted(self.starts, known[:-1], side="right") == np.searchsorted(
            self.starts, known[1:], side="right"
        )
        return int(gaps[within].max(initial=0))

    def times(self, series: int) -> np.ndarray:
        """The times of one series."""
        return self._times[series]


class Windows:
    """The windows of one split, numbered from 0: of every series all origins, or every `stride`-th one.

    Args:
        first: (S,) first step of each series at which a horizon may begin.
        last: (S,) last such step; below `first` where there is none.
        stride: steps between origins.
    """

    def __init__(self, first: np.ndarray, last: np.ndarray, stride: int = 1) -> None:
        self.first = first.astype(np.int64)
        self.stride = stride
        self.counts = np.maximum((last - first) // stride + 1, 0).astype(np.int64)
        self.counts[last < first] = 0
        self._ends = np.cumsum(self.counts)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def locate(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The series and the origin of these windows, int64 (B,) each."""
        series = np.searchsorted(self._ends, rows, side="right")
        inside = rows - (self._ends[series] - self.counts[series])
        return series, self.first[series] + inside * self.stride

    def all(self) -> tuple[np.ndarray, np.ndarray]:
        """The series and the origin of every window."""
        return self.locate(np.arange(len(self), dtype=np.int64))


def split_windows(
    begins: Sequence[int],
    ends: Sequence[int],
    past: int,
    horizon: int,
    *,
    most: int | None = None,
    stride: int | None = None,
) -> Windows:
    """The windows whose whole horizon lies in [begin, end) of each series.

    Args:
        begins: (S,) where the split begins in each series.
        ends: (S,) where it ends.
        past: T; a window begins no earlier than at this step.
        horizon: N.
        most: how many windows there may be; where more are possible, only every so many steps one begins.
        stride: steps between origins; None: 1, or as `most` asks.
    """
    first = np.maximum(np.asarray(begins, dtype=np.int64), past)
    last = np.asarray(ends, dtype=np.int64) - horizon
    windows = Windows(first, last, stride or 1)
    if stride is None and most is not None and len(windows) > most:
        return Windows(first, last, -(-len(windows) // most))
    return windows


def calendar_cycles(series: Sequence[TimeSeries], ends: Sequence[int]) -> tuple[Cycle, ...]:
    """The cycles of the calendar that a model can learn from the train splits: any of "day", "week", "year".

    A cycle is left out where two steps are further apart than half of it, or no train split covers two of it.
    """
    learnable: set[Cycle] = set()
    for item, end in zip(series, ends, strict=True):
        times = item.times[:end]
        if times.dtype.kind == "M" and len(times) > 1:
            step, span = times[1] - times[0], times[-1] - times[0]
            learnable |= {name for name, length in _CYCLES.items() if 2 * step <= length and span >= 2 * length}
    return tuple(name for name in _CYCLES if name in learnable)


def calendar_features(times: np.ndarray, cycles: Sequence[Cycle]) -> np.ndarray:
    """Sine and cosine of the place in each cycle, (T, 2 * cycles) float32."""
    if not cycles:
        return np.empty((len(times), 0), np.float32)
    since_midnight = (times - times.astype("datetime64[D]")) / _DAY
    phases: dict[Cycle, np.ndarray] = {
        "day": since_midnight,
        # 1970-01-01 was a Thursday.
        "week": ((times - np.datetime64(0, "D")) / _DAY + 3) % 7 / 7,
        "year": (times - times.astype("datetime64[Y]")) / _DAY / 365.25,
    }
    angles = [2 * np.pi * phases[name] for name in cycles]
    return np.stack([wave(angle) for angle in angles for wave in (np.sin, np.cos)], axis=1).astype(np.float32)


def _mapped(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray:
    # An array without elements cannot be mapped.
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def _fit_covariates(series: Sequence[TimeSeries], bounds: Sequence[Bounds] | None) -> np.ndarray:
    count = series[0].covariates.shape[1]
    if count == 0 or bounds is None:
        return np.tile([0.0, 1.0], (count, 1))
    train = np.concatenate([item.covariates[: own.train] for item, own in zip(series, bounds, strict=True)])
    scaling = np.tile([0.0, 1.0], (count, 1))
    for column in range(count):
        scaling[column] = fit_scaling("standard", train[:, column])
    return scaling


def _carry_forward(values: np.ndarray) -> np.ndarray:
    """(T, C) with every NaN replaced by the last value before it; 0, the train split's mean, where there is none."""
    known = ~np.isnan(values)
    at = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], -1), axis=0)
    carried = np.take_along_axis(values, np.maximum(at, 0), axis=0)
    return np.where(at >= 0, carried, 0.0)
