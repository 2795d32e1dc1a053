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
from unroll.decoding.ctc import GreedyDecoder, PrefixBeam
from unroll.errors import ConfigError
from unroll.models.recognizer import Recognizer
from unroll.tasks.transcribe.network import text_of
from unroll.tasks.transcribe.reading import Reading
from unroll.tasks.transcribe.settings import Saved
from unroll.tasks.transcribe.sound import Ears

#: Steps of a block: what the model waits for before it goes on.
BLOCK = 4
#: Blocks after which a text that has not changed is taken for decided: a second of silence, about.
_PATIENCE = 8


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
        return [log_p[0].cpu().numpy()]


class TextStream:
    """From log-probabilities as they come to a text as it is decided.

    Args:
        reading: how texts are read off.
        saved: the letters.
        decide: whether a text that stays the same for a second is taken for decided, so that a stream goes on.
    """

    def __init__(self, reading: Reading, saved: Saved, *, decide: bool) -> None:
        self._saved = saved
        self._decoder: GreedyDecoder | PrefixBeam = reading.beam() if reading.width else GreedyDecoder()
        self._decide = decide
        self._same = 0
        self._best: tuple[int, ...] = ()
        self._begun, self._space = False, False

    def push(self, log_p_SV: np.ndarray) -> str:
        """The letters that these steps decide."""
        if isinstance(self._decoder, GreedyDecoder):
            return self._written(self._decoder.push(log_p_SV))
        for start in range(0, len(log_p_SV), BLOCK):
            self._decoder.push(log_p_SV[start : start + BLOCK])
            if self._decide:
                best = self._decoder.best()
                self._same = self._same + 1 if best == self._best else 0
                self._best = best
                if self._same >= _PATIENCE:
                    self._decoder.forget_others()
        letters = self._decoder.settled()
        self._best = self._best[len(letters) :]
        return self._written(letters)

    def finish(self) -> str:
        """The letters that were still open."""
        return self._written(self._decoder.finish())

    def _written(self, letters: list[int]) -> str:
        """Letters with single spaces, none at the beginning; one at the end waits for what follows it."""
        found = ""
        for letter in text_of(letters, self._saved):
            if letter == " ":
                self._space = self._begun
                continue
            found += " " * self._space + letter
            self._begun, self._space = True, False
        return found


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
        self._text = TextStream(reading, saved, decide=True)

    def push(self, samples: np.ndarray) -> str:
        """Take more samples, (S,) float32 between -1 and 1; what they add to the text."""
        return "".join(self._text.push(log_p) for log_p in self._steps.push(samples))

    def finish(self) -> str:
        """What the end adds to the text."""
        return "".join([*(self._text.push(log_p) for log_p in self._steps.finish()), self._text.finish()])
