"""Log-mel features: the energy of sound in bands as wide as the ear tells them apart.

Source: Davis, Mermelstein 1980, "Comparison of parametric representations for monosyllabic word recognition", section
II; the mel scale and the triangles as in Young et al. 2006, "The HTK Book", section 5.6.

Shapes: S samples, T frames, F frequencies, M bands.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

#: Seconds of a window and between two windows.
_WINDOW, _HOP = 0.025, 0.01
#: Energy that is added to every band: about 16-bit rounding noise, so that digital silence has a finite logarithm.
_FLOOR = 1e-6
#: Frames that are made of a whole recording at once, which bounds the memory.
_BLOCK = 4096


def mel(hertz: np.ndarray | float) -> np.ndarray:
    """Frequency in mel."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hertz, dtype=np.float64) / 700.0))


def filter_bank(rate: int, size: int, bands: int) -> np.ndarray:
    """Triangles of equal width in mel, each with its peak of 1 where its neighbours begin and end, (F, M) float64.

    Args:
        rate: samples per second.
        size: of the Fourier transform; F is size // 2 + 1.
        bands: M.

    Raises:
        ValueError: a band would lie between two frequencies of the transform and see nothing.
    """
    edges = np.linspace(0.0, float(mel(rate / 2)), bands + 2)
    at = mel(np.arange(size // 2 + 1) * rate / size)[:, None]
    rising = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    bank = np.maximum(0.0, np.minimum(rising, falling))
    empty = np.flatnonzero(bank.sum(axis=0) == 0)
    if len(empty):
        raise ValueError(f"{bands} bands are too many for {rate} samples per second: band {empty[0] + 1} sees nothing")
    return np.asarray(bank)


class LogMel:
    """Log-mel features of sound at one rate. Frame t begins at sample t * hop and sees only its own window.

    Example:
        >>> features = LogMel(8000, 20)
        >>> tuple(features(np.zeros(8000, np.float32)).shape)
        (98, 20)

    Args:
        rate: samples per second.
        bands: M.

    Raises:
        ValueError: too many bands for the rate.
    """

    def __init__(self, rate: int, bands: int) -> None:
        self.rate = rate
        self.hop = round(_HOP * rate)
        window = round(_WINDOW * rate)
        #: Samples that one frame sees.
        self.size = 1 << max(window - 1, 1).bit_length()
        self._window = torch.hann_window(window)
        self._width = window
        self._bank = torch.from_numpy(filter_bank(rate, self.size, bands)).float()

    def frames(self, samples: int) -> int:
        """T of a recording of S samples: the last frame holds its last sample; none if there is no sample."""
        return 0 if samples == 0 else 1 + math.ceil(max(0, samples - self.size) / self.hop)

    def span(self, frames: int) -> int:
        """Samples that so many frames in a row see."""
        return (frames - 1) * self.hop + self.size

    def exact(self, samples: Tensor) -> Tensor:
        """Features of `span(T)` samples, (S,) float32, as (T, M)."""
        spectrum = torch.stft(
            samples, self.size, self.hop, self._width, self._window, center=False, return_complex=True
        )
        power_TF = torch.view_as_real(spectrum).square().sum(dim=-1).T
        return (power_TF @ self._bank + _FLOOR).log()

    def __call__(self, samples: np.ndarray) -> Tensor:
        """Features of a whole recording, (S,) float32, as (T, M); silence fills its last frame up."""
        total = self.frames(len(samples))
        if total == 0:
            return torch.empty(0, self._bank.shape[1])
        padded = torch.zeros(self.span(total))
        padded[: len(samples)] = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))
        parts = []
        for start in range(0, total, _BLOCK):
            count = min(_BLOCK, total - start)
            parts.append(self.exact(padded[start * self.hop :][: self.span(count)]))
        return torch.cat(parts)
