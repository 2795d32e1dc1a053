"""From one sample rate to another, all at once or in pieces as they come.

Source: Smith, Gossett 1984, "A flexible sampling-rate conversion method"; the window is Kaiser's (Kaiser, Schafer 1980,
"On the use of the I0-sinh window for spectrum analysis").

Shapes: N samples out, K taps, L phases.
"""

from __future__ import annotations

import math

import numpy as np

#: Zero crossings of the sinc on either side, and Kaiser's beta: beyond the transition what is cut off is 80 dB down.
_CROSSINGS, _BETA = 32, 8.0
#: Where the pass band ends, as a share of the lower Nyquist frequency.
_ROLLOFF = 0.94
#: Samples that are made at once. The cut is one of the output, so it does not depend on the pieces that come in.
_BLOCK = 1024
#: Filters are kept ready for so many phases at most; for odder ratios they are made as they are needed.
_MOST_PHASES = 4096


class Resampler:
    """A windowed-sinc filter of fixed phase. Sample n of the output lies at the time n / rate_out, as in the input.

    The output is the same to the bit however the input is cut into pieces.

    Example:
        >>> import numpy as np
        >>> down = Resampler(16000, 8000)
        >>> len(np.concatenate([down.push(np.ones(5000, np.float32)), down.flush()]))
        2500

    Args:
        rate_in: samples per second that come.
        rate_out: samples per second that are made.

    Raises:
        ValueError: a rate is below 1.
    """

    def __init__(self, rate_in: int, rate_out: int) -> None:
        if rate_in < 1 or rate_out < 1:
            raise ValueError(f"Resampler: rates must be at least 1, got {rate_in} and {rate_out}")
        shared = math.gcd(rate_in, rate_out)
        self._up, self._down = rate_out // shared, rate_in // shared
        #: Cycles per input sample where the filter cuts off, doubled.
        self._cutoff = _ROLLOFF * min(1.0, rate_out / rate_in)
        self._half = math.ceil(_CROSSINGS / self._cutoff)
        # Silence before the first sample, so that every output sees as many taps.
        self._held = np.zeros(self._half - 1, np.float32)
        self._first = 1 - self._half
        self._read = 0
        self._made = 0
        phases = np.arange(self._up)
        self._filters = self._filters_of(phases) if 1 < self._up <= _MOST_PHASES or self._down > 1 else None
        if self._up > _MOST_PHASES:
            self._filters = None

    @property
    def same(self) -> bool:
        """Whether nothing is to be done."""
        return self._up == self._down

    def _filters_of(self, phases_N: np.ndarray) -> np.ndarray:
        """The taps for outputs that lie at these fractions (of L) after an input sample, (N, K) float64."""
        offsets = np.arange(1 - self._half, self._half + 1) - phases_N[:, None] / self._up
        inside = np.maximum(1 - (offsets / self._half) ** 2, 0.0)
        return np.asarray(
            self._cutoff * np.sinc(self._cutoff * offsets) * np.i0(_BETA * np.sqrt(inside)) / np.i0(_BETA)
        )

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take more samples, (S,) float32, and return what can be made of all so far, (N,) float32."""
        if self.same:
            return samples
        self._held = np.concatenate([self._held, samples.astype(np.float32, copy=False)])
        self._read += len(samples)
        made = []
        while (self._made + _BLOCK - 1) * self._down // self._up + self._half < self._read:
            made.append(self._make(_BLOCK))
        return np.concatenate(made) if made else np.empty(0, np.float32)

    def flush(self) -> np.ndarray:
        """Return the rest; nothing may be pushed afterwards."""
        if self.same:
            return np.empty(0, np.float32)
        total = -(-self._read * self._up // self._down)
        self._held = np.concatenate([self._held, np.zeros(2 * self._half, np.float32)])
        made = []
        while self._made < total:
            made.append(self._make(min(_BLOCK, total - self._made)))
        return np.concatenate(made) if made else np.empty(0, np.float32)

    def _make(self, count: int) -> np.ndarray:
        at = np.arange(self._made, self._made + count) * self._down
        starts = at // self._up + 1 - self._half - self._first
        phases = at % self._up
        filters = self._filters_of(phases) if self._filters is None else self._filters[phases]
        windows = np.lib.stride_tricks.sliding_window_view(self._held, 2 * self._half)[starts]
        self._made += count
        # What no later output looks at is let go.
        keep = self._made * self._down // self._up + 1 - self._half
        if keep > self._first:
            self._held = self._held[keep - self._first :].copy()
            self._first = keep
        return np.asarray(np.einsum("nk,nk->n", windows.astype(np.float64), filters).astype(np.float32))


def resample(samples: np.ndarray, rate_in: int, rate_out: int) -> np.ndarray:
    """A whole recording at another rate, (S,) float32 to (N,) float32; N is S * rate_out / rate_in, rounded up."""
    resampler = Resampler(rate_in, rate_out)
    return np.concatenate([resampler.push(samples), resampler.flush()])
