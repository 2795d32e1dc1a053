"""From the steps of CTC to a text: greedy, and prefix beam search with a model of letters; and back, which step holds
which letter.

Shapes: S steps, V letters and blank (number 0).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

BLANK = 0
_NEVER = -math.inf
#: Letters less likely than this at a step are not tried there.
_UNLIKELY = math.log(1e-4)


class LetterModel(Protocol):
    """What knows how letters follow each other."""

    @property
    def order(self) -> int:
        """Letters that count: one more than it looks back at."""

    def log_probabilities(self, before: tuple[int, ...]) -> np.ndarray:
        """ln p of every letter, (V,), after the last letters before it; that of the blank is not looked at."""


class Hypothesis(NamedTuple):
    """A text that a beam keeps in mind.

    Attributes:
        letters: of the text.
        log_p: of all paths that give it, so far.
        score: `log_p` with what the model of letters says of it.
    """

    letters: tuple[int, ...]
    log_p: float
    score: float


def greedy(log_p_SV: np.ndarray) -> list[int]:
    """The letters of the likeliest path: equal ones in a row count once, blanks not at all.

    Source: Graves et al. 2006, section 3.2, "best path decoding".
    """
    return GreedyDecoder().push(log_p_SV)


class GreedyDecoder:
    """Greedy decoding of steps as they come."""

    def __init__(self) -> None:
        self._last = BLANK

    def push(self, log_p_SV: np.ndarray) -> list[int]:
        """The letters that these steps add."""
        found = []
        for letter in log_p_SV.argmax(axis=1).tolist():
            if letter not in (self._last, BLANK):
                found.append(letter)
            self._last = letter
        return found

    def finish(self) -> list[int]:
        """Nothing was held back."""
        return []


class _Paths(NamedTuple):
    """Of the paths that give a text: ln p of those that end in a blank and in its last letter, and what the model of
    letters says of the text."""

    blank: float
    letter: float
    prior: float

    @property
    def log_p(self) -> float:
        return _plus(self.blank, self.letter)


class PrefixBeam:
    """Prefix beam search over steps as they come: the probabilities of all paths that give the same text are added.

    Source: Hannun, Maas, Jurafsky, Ng 2014, "First-pass large vocabulary continuous speech recognition using
    bi-directional recurrent DNNs", algorithm 1, with a model of letters in place of one of words; without one it
    follows Graves et al. 2006, section 3.2, "prefix search decoding".

    Args:
        width: texts that are kept in mind.
        model: of letters; None for none.
        weight: how much the model of letters counts.
        bonus: what every letter earns, so that the model does not prefer short texts.
        unlikely: letters whose ln p at a step is below this are not tried there.

    Raises:
        ValueError: the width is below 1.
    """

    def __init__(
        self,
        width: int,
        *,
        model: LetterModel | None = None,
        weight: float = 0.0,
        bonus: float = 0.0,
        unlikely: float = _UNLIKELY,
    ) -> None:
        if width < 1:
            raise ValueError(f"PrefixBeam: width must be at least 1, got {width}")
        self._width = width
        self._model, self._weight, self._bonus = model if weight else None, weight, bonus
        self._unlikely = unlikely
        self._paths: dict[tuple[int, ...], _Paths] = {(): _Paths(0.0, _NEVER, 0.0)}
        #: Letters that all texts share and that have been given out: no longer part of the keys.
        self._given: tuple[int, ...] = ()

    def push(self, log_p_SV: np.ndarray) -> None:
        """Take more steps."""
        for log_p_V in log_p_SV.astype(np.float64):
            self._step(log_p_V)

    def _step(self, log_p_V: np.ndarray) -> None:
        grown: dict[tuple[int, ...], list[float]] = {}
        tried = [int(v) for v in np.flatnonzero(log_p_V >= self._unlikely) if v != BLANK]
        blank = float(log_p_V[BLANK])
        for text, paths in self._paths.items():
            whole = paths.log_p
            own = grown.setdefault(text, [_NEVER, _NEVER, paths.prior])
            own[0] = _plus(own[0], whole + blank)
            last = self._last(text)
            if last is not None:
                own[1] = _plus(own[1], paths.letter + float(log_p_V[last]))
            priors = self._priors(text) if tried else None
            for letter in tried:
                # A letter that was the last one needs a blank between.
                before = paths.blank if letter == last else whole
                if before == _NEVER:
                    continue
                longer = (*text, letter)
                more = grown.get(longer)
                if more is None:
                    added = 0.0 if priors is None else self._weight * float(priors[letter])
                    more = grown[longer] = [_NEVER, _NEVER, paths.prior + added + self._bonus]
                more[1] = _plus(more[1], before + float(log_p_V[letter]))
        found = {text: _Paths(*values) for text, values in grown.items()}
        if len(found) > self._width:
            best = sorted(found, key=lambda text: (-found[text].log_p - found[text].prior, text))[: self._width]
            found = {text: found[text] for text in best}
        self._paths = found

    def _last(self, text: tuple[int, ...]) -> int | None:
        return text[-1] if text else self._given[-1] if self._given else None

    def _priors(self, text: tuple[int, ...]) -> np.ndarray | None:
        if self._model is None:
            return None
        back = self._model.order - 1
        before = (*self._given, *text)
        return self._model.log_probabilities(before[len(before) - back :] if back < len(before) else before)

    def hypotheses(self) -> list[Hypothesis]:
        """The texts in mind behind what was given out, the best first."""
        found = [Hypothesis(text, paths.log_p, paths.log_p + paths.prior) for text, paths in self._paths.items()]
        return sorted(found, key=lambda one: (-one.score, one.letters))

    def best(self) -> tuple[int, ...]:
        """The best text in mind, behind what was given out."""
        return self.hypotheses()[0].letters

    def forget_others(self) -> None:
        """Keep only the best text in mind."""
        best = self.best()
        self._paths = {best: self._paths[best]}

    def settled(self) -> list[int]:
        """Give out the letters that all texts in mind share: no step to come can change them."""
        texts = list(self._paths)
        shared = 0
        for column in zip(*texts, strict=False):
            if any(letter != column[0] for letter in column):
                break
            shared += 1
        letters = texts[0][:shared]
        keep = 1 if self._model is None else max(1, self._model.order - 1)
        self._given = (*self._given, *letters)[-keep:]
        self._paths = {text[shared:]: paths for text, paths in self._paths.items()}
        return list(letters)

    def finish(self) -> list[int]:
        """The letters of the best text that were not given out yet."""
        return list(self.best())


def _plus(a: float, b: float) -> float:
    """ln(e^a + e^b)."""
    if a < b:
        a, b = b, a
    return a if b == _NEVER else a + math.log1p(math.exp(b - a))


class Placed(NamedTuple):
    """A letter and the steps that hold it: from `first` to before `end`."""

    letter: int
    first: int
    end: int


def align(log_p_SV: np.ndarray, letters: Sequence[int]) -> list[Placed]:
    """Where the likeliest path that gives a text has each of its letters.

    Source: the Viterbi form of Graves et al. 2006, section 4.1 (max in place of sum).

    Raises:
        ValueError: the text has more letters than the steps allow.
    """
    states = [BLANK]
    for letter in letters:
        states += [letter, BLANK]
    steps, count = len(log_p_SV), len(states)
    best = np.full((steps + 1, count), _NEVER)
    came = np.zeros((steps + 1, count), np.int8)
    skips = np.array([k > 1 and states[k] != BLANK and states[k] != states[k - 2] for k in range(count)])
    for step in range(steps):
        if step == 0:
            choices = np.full((3, count), _NEVER)
            choices[0, : min(2, count)] = 0.0
        else:
            before = best[step]
            choices = np.stack([before, np.roll(before, 1), np.where(skips, np.roll(before, 2), _NEVER)])
            choices[1, 0] = _NEVER
        came[step + 1] = choices.argmax(axis=0)
        best[step + 1] = choices.max(axis=0) + log_p_SV[step, states]
    state = count - 1 if count == 1 or best[steps, count - 1] >= best[steps, count - 2] else count - 2
    if steps == 0 or best[steps, state] == _NEVER:
        if not letters:
            return []
        raise ValueError(f"align: {len(letters)} letters do not fit into {steps} steps")
    path = []
    for step in range(steps, 0, -1):
        path.append(state)
        state -= int(came[step, state])
    path.reverse()
    placed = []
    for number, letter in enumerate(letters):
        at = [step for step, state in enumerate(path) if state == 2 * number + 1]
        placed.append(Placed(letter, at[0], at[-1] + 1))
    return placed
