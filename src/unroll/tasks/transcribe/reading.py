"""From log-probabilities of steps to a text: greedy, or a beam with an n-gram model of the training transcripts.

Shapes: S steps, V letters and blank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from unroll.baselines.ngram import NGramModel, Smoothing
from unroll.decoding.ctc import PrefixBeam, greedy
from unroll.tasks.transcribe.network import letters_of, text_of
from unroll.tasks.transcribe.settings import Saved

#: Weights of the n-gram model and bonuses per letter that are tried on validation, the plainest first.
CHOICES = ((0.0, 0.0), (0.3, 0.0), (0.3, 0.6), (0.6, 0.6), (0.6, 1.2))
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
    """

    width: int
    model: SpokenLetters | None = None
    weight: float = 0.0
    bonus: float = 0.0

    def beam(self) -> PrefixBeam:
        """A beam search that has heard nothing yet."""
        return PrefixBeam(max(1, self.width), model=self.model, weight=self.weight, bonus=self.bonus)

    def text(self, log_p_SV: np.ndarray, saved: Saved) -> str:
        """The text of a recording."""
        if not self.width:
            return tidy(text_of(greedy(log_p_SV), saved))
        beam = self.beam()
        beam.push(log_p_SV)
        return tidy(text_of(beam.finish(), saved))

    def texts(self, log_ps: Sequence[np.ndarray], saved: Saved) -> list[str]:
        """The texts of recordings."""
        return [self.text(own, saved) for own in log_ps]


def tidy(text: str) -> str:
    """Single spaces, and none at the ends."""
    return " ".join(text.split())
