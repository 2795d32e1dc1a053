"""From log-probabilities of steps to a text: greedy, or a beam with an n-gram model of the training transcripts.

Shapes: S steps, V letters and blank.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from unroll.baselines.ngram import NGramModel, Smoothing
from unroll.decoding.ctc import GreedyDecoder, PrefixBeam
from unroll.tasks.transcribe.network import letters_of, text_of
from unroll.tasks.transcribe.settings import Saved

#: Weights of the n-gram model and bonuses per letter that are tried on validation, the plainest first.
CHOICES = ((0.0, 0.0), (0.3, 0.0), (0.3, 0.6), (0.6, 0.6), (0.6, 1.2))
#: Steps that are read at once: what a model that listens waits for before it goes on.
BLOCK = 4
#: Blocks after which a text that has not changed is taken for decided: a second of silence, about.
_PATIENCE = 8
#: Contexts whose letters are kept at hand.
_CONTEXTS = 1 << 16
#: Letters of a transcript that comes often count so often at most: the model is of the language, not of the data set.
_MOST_OFTEN = 100


class SpokenLetters:
    """An n-gram model of letters, made of transcripts.

    The blank's number stands for what is between two transcripts, so the model knows how they begin.

    Args:
        counts: transcript -> how often it came.
        saved: the letters.
        order: letters that count.
    """

    def __init__(self, counts: Mapping[str, int], saved: Saved, order: int) -> None:
        self.order = order
        tokens = [0] * (order - 1)
        for text, count in sorted(counts.items()):
            tokens += [*letters_of(text, saved), 0] * min(count, _MOST_OFTEN)
        vocabulary = len(saved.letters) + 1
        self._model = NGramModel(np.array([*tokens, 0]), vocabulary, order, Smoothing.WITTEN_BELL)
        self._known = lru_cache(_CONTEXTS)(self._ask)

    def log_probabilities(self, before: tuple[int, ...]) -> np.ndarray:
        """ln p of every letter, (V,), after the last letters before it."""
        return self._known((*(0,) * (self.order - 1 - len(before)), *before))

    def _ask(self, context: tuple[int, ...]) -> np.ndarray:
        return np.asarray(np.log(self._model.distribution(np.array(context, dtype=np.int64))))


class Reading(NamedTuple):
    """How texts are read off.

    Attributes:
        width: of the beam; 0 for greedy.
        model: of letters.
        weight: how much it counts.
        bonus: what every letter earns.
        decide: whether a text that stays the same for a second is taken for decided, so that a stream can go on.
    """

    width: int
    model: SpokenLetters | None = None
    weight: float = 0.0
    bonus: float = 0.0
    decide: bool = False

    def beam(self) -> PrefixBeam:
        """A beam search that has heard nothing yet."""
        return PrefixBeam(max(1, self.width), model=self.model, weight=self.weight, bonus=self.bonus)

    def text(self, log_p_SV: np.ndarray, saved: Saved) -> str:
        """The text of a recording, which is that of its stream."""
        stream = TextStream(self, saved)
        return stream.push(log_p_SV) + stream.finish()

    def texts(self, log_ps: Iterable[np.ndarray], saved: Saved) -> list[str]:
        """The texts of recordings."""
        return [self.text(own, saved) for own in log_ps]


class TextStream:
    """From log-probabilities as they come to a text as it is decided.

    Args:
        reading: how texts are read off.
        saved: the letters.
    """

    def __init__(self, reading: Reading, saved: Saved) -> None:
        self._saved = saved
        self._decoder: GreedyDecoder | PrefixBeam = reading.beam() if reading.width else GreedyDecoder()
        self._decide = reading.decide
        self._steps, self._same = 0, 0
        self._best: tuple[int, ...] = ()
        self._begun, self._space = False, False

    def push(self, log_p_SV: np.ndarray) -> str:
        """The letters that these steps decide."""
        if isinstance(self._decoder, GreedyDecoder):
            return self._written(self._decoder.push(log_p_SV))
        for start in range(len(log_p_SV)):
            self._decoder.push(log_p_SV[start : start + 1])
            self._steps += 1
            # By the steps of the stream, so that it does not matter in which pieces they come.
            if self._decide and self._steps % BLOCK == 0:
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
