"""A stream of sound to words while it comes, the same words however it is cut.

What arrives is held until a whole block of frames is there, so the arithmetic of every block, and with it every bit of
the result, depends on the sound alone and not on the pieces in which it came.

Shapes: S samples, T frames, M bands, N steps, V letters and blank.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from unroll.data.audio.resample import Resampler
from unroll.errors import ConfigError
from unroll.models.recognizer import Recognizer
from unroll.tasks.transcribe.reading import BLOCK, Reading, TextStream
from unroll.tasks.transcribe.settings import Saved
from unroll.tasks.transcribe.sound import Ears


class StepStream:
    """From samples as they come to the log-probabilities of every step.

    Args:
        network: one that reads forwards only, in evaluation mode.
        ears: how it hears.
        rate: of the samples.

    Raises:
        ConfigError: the network reads from both ends.
    """

    def __init__(self, network: Recognizer, ears: Ears, rate: int) -> None:
        if network.both_ways:
            raise ConfigError(
                "the model reads every recording from both ends, so it must have all of it; train one with"
                " --no-bidirectional, or ask this one with `unroll predict RUN FILE`"
            )
        self._network, self._ears = network.eval(), ears
        self._resampler = Resampler(rate, ears.features.rate)
        self._frames = BLOCK * ears.frames
        self._held = np.empty(0, np.float32)
        self._samples = 0
        self._done = 0
        self._state: Any = None
        self._early = network.delay

    def push(self, samples: np.ndarray) -> list[np.ndarray]:
        """Take more samples, (S,) float32; the log-probabilities of the blocks that are complete, each (N, V)."""
        return self._take(self._resampler.push(samples))

    def finish(self) -> list[np.ndarray]:
        """The rest, as if silence followed; nothing may be pushed afterwards."""
        found = self._take(self._resampler.flush())
        features = self._ears.features
        rest = features.frames(self._samples) - self._done
        if self._samples == 0:
            return found
        padded = np.zeros(features.span(rest) if rest > 0 else 0, np.float32)
        padded[: len(self._held)] = self._held[: len(padded)]
        return [*found, *self._read(padded, rest, last=True)]

    def _take(self, heard: np.ndarray) -> list[np.ndarray]:
        self._samples += len(heard)
        self._held = np.concatenate([self._held, heard])
        features = self._ears.features
        found = []
        span, move = features.span(self._frames), self._frames * features.hop
        while len(self._held) >= span:
            found += self._read(self._held[:span], self._frames, last=False)
            self._held = self._held[move:]
        return found

    @torch.no_grad()
    def _read(self, samples: np.ndarray, frames: int, *, last: bool) -> list[np.ndarray]:
        network = self._network
        x_TM = torch.empty(0, network.bands)
        if frames > 0:
            # A copy of its own: sums of the same numbers are the same only where they lie alike in memory.
            x_TM = self._ears.features.exact(torch.from_numpy(samples).clone())
        self._done += max(frames, 0)
        x_BSI = network.stacked(network.normalised(x_TM.to(network.mean.device)).unsqueeze(0), ended=last)
        if not x_BSI.shape[1]:
            return []
        log_p, self._state = network.read(x_BSI, self._state)
        # The first answers are for steps before the first one.
        left = min(self._early, log_p.shape[1])
        self._early -= left
        return [log_p[0, left:].cpu().numpy()] if left < log_p.shape[1] else []


class Listener:
    """A model that listens: samples in, text out as soon as no later sound can change it.

    Args:
        network: one that reads forwards only.
        ears: how it hears.
        reading: how texts are read off its steps.
        saved: the letters.
        rate: of the samples.

    Raises:
        ConfigError: the network reads from both ends.
    """

    def __init__(self, network: Recognizer, ears: Ears, reading: Reading, saved: Saved, rate: int) -> None:
        self._steps = StepStream(network, ears, rate)
        self._text = TextStream(reading, saved)

    def push(self, samples: np.ndarray) -> str:
        """Take more samples, (S,) float32 between -1 and 1; what they add to the text."""
        return "".join(self._text.push(log_p) for log_p in self._steps.push(samples))

    def finish(self) -> str:
        """What the end adds to the text."""
        return "".join([*(self._text.push(log_p) for log_p in self._steps.finish()), self._text.finish()])
