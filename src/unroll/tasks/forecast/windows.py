"""Windows over series on disk: an index, not copies.

All series stand one after the other in memory-mapped arrays. A window is a number; its values are gathered when it is
asked for.

Shapes: S series, W windows, B batch, T steps of the past, N steps of the horizon, C covariates.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unroll.data import Frequency, Table, TimeSeries
from unroll.errors import DataError
from unroll.models.forecaster import Window
from unroll.tasks.forecast.columns import Bounds
from unroll.tasks.forecast.inside import Inside

_DAY = np.timedelta64(1, "D")
#: A cycle of the calendar.
Cycle = Literal["day", "week", "year"]
#: The share of a series that may be missing without a word from the user; it is said.
_FEW_MISSING = 0.1
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
    ) -> None:
        self.inside = inside
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
        window = Window(_tensor(values), _tensor(self.known[whole]), _tensor(self.seen[back]))
        return Gathered(window, _tensor(np.where(known, truth, 0.0)), torch.from_numpy(known))

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


def check_missing(table: Table, series: Sequence[TimeSeries], policy: str) -> None:
    """Raise if values are missing and the settings do not allow it: "error" allows none, "auto" a tenth of a series.

    Raises:
        DataError: says how many are missing and where the first is.
    """
    if policy == "interpolate":
        return
    for item in series:
        gaps = np.flatnonzero(np.isnan(item.values))
        if len(gaps) > (_FEW_MISSING * len(item.values) if policy == "auto" else 0):
            # A step that is not in the file at all is shown by the row before it.
            row = int(item.rows[gaps[0]]) if item.rows[gaps[0]] >= 0 else int(item.rows[gaps[0] - 1])
            many = f", more than {_FEW_MISSING:.0%}" if policy == "auto" else ""
            raise DataError(
                f"series '{item.name}': {len(gaps)} of {len(item.values)} values are missing{many}, the first at"
                f" {item.clock.text(item.times[gaps[:1]])[0]}; fill them in, bridge them with --set"
                " model.missing=interpolate, or let every row be a step with --set model.steps=rows",
                *table.place(row),
            )


def check_counts(table: Table, series: Sequence[TimeSeries]) -> None:
    """Raise if a value is no whole number from 0 on.

    Raises:
        DataError: says which and where.
    """
    for item in series:
        wrong = np.flatnonzero((item.values < 0) | (item.values != np.round(item.values)) & ~np.isnan(item.values))
        if len(wrong):
            raise DataError(
                f"series '{item.name}': likelihood negative-binomial needs whole numbers from 0 on, got"
                f" {item.values[wrong[0]]:g}; choose model.likelihood=gaussian or student-t",
                *table.place(int(item.rows[wrong[0]])),
            )


def until_last_value(series: TimeSeries) -> TimeSeries:
    """The series without the steps after its last known value."""
    kept = slice(0, int(np.flatnonzero(~np.isnan(series.values))[-1]) + 1)
    return series._replace(
        times=series.times[kept],
        values=series.values[kept],
        covariates=series.covariates[kept],
        rows=series.rows[kept],
    )


def extended(series: TimeSeries, steps: int) -> TimeSeries:
    """The series with at least `steps` steps without a value after its last known one.

    Covariates of steps that are put in are NaN.
    """
    known = np.flatnonzero(~np.isnan(series.values))
    length = (int(known[-1]) + 1 if len(known) else 0) + steps
    more = length - len(series.values)
    if more <= 0 or series.frequency is None:
        return series
    return series._replace(
        times=_longer(series.times, series.frequency, length),
        values=np.concatenate([series.values, np.full(more, np.nan)]),
        covariates=np.concatenate([series.covariates, np.full((more, series.covariates.shape[1]), np.nan)]),
        rows=np.concatenate([series.rows, np.full(more, -1, dtype=np.int64)]),
    )


def _longer(times: np.ndarray, frequency: Frequency, length: int) -> np.ndarray:
    if frequency.unit == "row":
        return np.concatenate([times, frequency.grid(times[-1], length - len(times) + 1)[1:]])
    return frequency.grid(times[0], length)


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
