"""A window of a series as a forecaster takes it, and what is taken out of it.

Shapes: B batch, T steps of the window, N steps of the horizon, F features known ahead, P features known for the past
only, K lags.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from unroll.errors import ConfigError

#: Smallest scale of a window, in units of the standardised series: a constant window must not blow up its forecast.
_LEAST_SCALE = 1e-2


class Window(NamedTuple):
    """What is known when a forecast is made.

    Attributes:
        past: (B, T) values of the series, standardised, no NaN.
        known: (B, T + N, F) what is known of every step in advance: the calendar, plans, what never changes.
        seen: (B, T, P) what is known of the past alone.
        told: (B, N) what came, in training: a decoder that feeds back is fed with it (teacher forcing).
        lagged: (B, T + N, K) values of the series far before each step, in the units of `past`, NaN where unknown.
    """

    past: Tensor
    known: Tensor
    seen: Tensor
    told: Tensor | None = None
    lagged: Tensor | None = None

    def to(self, device: torch.device) -> Window:
        """The same on a device."""
        told = None if self.told is None else self.told.to(device)
        lagged = None if self.lagged is None else self.lagged.to(device)
        return Window(self.past.to(device), self.known.to(device), self.seen.to(device), told, lagged)

    def row(self, row: int) -> Window:
        """One of the windows, as a batch of one, without what came after it."""
        one = slice(row, row + 1)
        lagged = None if self.lagged is None else self.lagged[one]
        return Window(self.past[one], self.known[one], self.seen[one], lagged=lagged)


class InstanceScale(nn.Module):
    """Takes each window's own level (and spread) out before the network and puts it back after.

    Source: Kim et al. 2022, "Reversible instance normalization for accurate time-series forecasting", section 3.1,
    without the affine part; the level "last" is that of Zeng et al. 2023, "Are transformers effective for time series
    forecasting?", section 4 (NLinear).

    Args:
        level: "last" value, "mean" of the window, or "none".
        spread: whether to divide by the standard deviation of the window.
        counts: divide by one more than the window's mean instead, as DeepAR does (Salinas et al. 2020, section 3.3).
    """

    def __init__(self, level: str, *, spread: bool, counts: bool = False) -> None:
        super().__init__()
        if level not in ("last", "mean", "none"):
            raise ConfigError(f"InstanceScale: level must be last, mean or none, got '{level}'")
        self.level = level
        self.spread = spread
        self.counts = counts

    def forward(self, past: Tensor) -> tuple[Tensor, Tensor]:
        """The level and the scale of windows (B, T): (B, 1) each."""
        if self.level == "last":
            level = past[:, -1:]
        elif self.level == "mean":
            level = past.mean(dim=1, keepdim=True)
        else:
            level = torch.zeros_like(past[:, :1])
        if self.counts:
            return level, 1.0 + past.abs().mean(dim=1, keepdim=True)
        if not self.spread:
            return level, torch.ones_like(level)
        return level, past.std(dim=1, keepdim=True, correction=0).clamp(min=_LEAST_SCALE)


def scaled_lags(window: Window, count: int, level: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """The values far back as a network sees them, 0 where unknown, and 1 where known: (B, T + N, K) each.

    Args:
        window: with its lags.
        count: K.
        level: (B, 1) taken out of the window.
        scale: (B, 1) that it is divided by.

    Raises:
        ConfigError: the window has another number of lags.
    """
    if window.lagged is None or window.lagged.shape[-1] != count:
        given = 0 if window.lagged is None else window.lagged.shape[-1]
        raise ConfigError(f"Forecaster: the window must have {count} lags of each step, got {given}")
    level, known = level.unsqueeze(-1), ~window.lagged.isnan()
    # Taken out before the division, so that no gradient is NaN.
    values = (torch.where(known, window.lagged, level) - level) / scale.unsqueeze(-1)
    return values, known.to(values.dtype)
