"""What a tagger sees of a token: the word, its affixes, its shape, its neighbours, its characters.

Shapes: T tokens of a sentence, F features of a token.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from unroll.data.text import jamo as hangul
from unroll.data.text.split import shape
from unroll.data.text.vocabulary import Vocabulary, dump, most_common
from unroll.ids import PAD_ID, UNKNOWN_ID

#: Stands before the first token of a sentence and after the last.
_EDGE = "\u0002"
#: A feature that a token does not have, such as the suffix of three letters of a word of two.
_NONE = ""


def _folded(token: str) -> str:
    """A token in lower case with every digit as 0."""
    return "".join("0" if character.isdigit() else character for character in token.lower())


def _shape(token: str) -> str:
    """The kinds of a token's characters: "Xx", "0.0", "가", "-"."""
    return shape(token, "가")[:8]


def _prefix(length: int) -> Callable[[Sequence[str], int], str]:
    return lambda tokens, at: _folded(tokens[at])[:length] if len(tokens[at]) > length else _NONE


def _suffix(length: int) -> Callable[[Sequence[str], int], str]:
    return lambda tokens, at: _folded(tokens[at])[-length:] if len(tokens[at]) > length else _NONE


def _window(first: int, last: int) -> Callable[[Sequence[str], int], str]:
    def joined(tokens: Sequence[str], at: int) -> str:
        around = range(at + first, at + last + 1)
        return "\u0001".join(_folded(tokens[i]) if 0 <= i < len(tokens) else _EDGE for i in around)

    return joined


#: Every feature by name: from the tokens of a sentence and a position to a text.
TEMPLATES: dict[str, Callable[[Sequence[str], int], str]] = {
    "word": lambda tokens, at: _folded(tokens[at]),
    "form": lambda tokens, at: tokens[at],
    "shape": lambda tokens, at: _shape(tokens[at]),
    "prefix1": _prefix(1),
    "prefix2": _prefix(2),
    "prefix3": _prefix(3),
    "suffix1": _suffix(1),
    "suffix2": _suffix(2),
    "suffix3": _suffix(3),
    "suffix4": _suffix(4),
    "left2": _window(-1, 0),
    "right2": _window(0, 1),
    "left3": _window(-2, 0),
    "right3": _window(0, 2),
}
#: For sentences of words, and for sentences whose tokens are single characters.
WORD_TEMPLATES = ("word", "shape", "prefix1", "prefix2", "prefix3", "suffix1", "suffix2", "suffix3", "suffix4")
CHARACTER_TEMPLATES = ("word", "shape", "left2", "right2", "left3", "right3")


class Encoded(NamedTuple):
    """A sentence as ids.

    Attributes:
        features: (T, F).
        characters: those of each token.
        pieces: (P,) the sentence in the tokens of a language model that is started from; empty without one.
        starts: (T,) the first piece of each token; empty without pieces.
        ends: (T,) the last.
    """

    features: np.ndarray
    characters: list[np.ndarray]
    pieces: np.ndarray = np.zeros(0, dtype=np.int64)
    starts: np.ndarray = np.zeros(0, dtype=np.int64)
    ends: np.ndarray = np.zeros(0, dtype=np.int64)


class TokenFeatures:
    """The ids of every feature and character that were seen often enough. 0 is "none" (and padding), 1 is "unknown".

    Args:
        templates: names of features in order, and the texts that have ids from 2 on.
        characters: characters that have ids from 2 on.
        jamo: take Hangul syllables apart into letters.
    """

    unknown_id = UNKNOWN_ID

    def __init__(self, templates: dict[str, list[str]], characters: Sequence[str], *, jamo: bool = False) -> None:
        self._templates = {name: Vocabulary(texts) for name, texts in templates.items()}
        self._characters = Vocabulary(characters)
        self.jamo = jamo

    @classmethod
    def train(
        cls,
        sentences: Iterable[Sequence[str]],
        names: Sequence[str],
        *,
        min_count: int = 2,
        max_size: int = 100_000,
        jamo: bool = False,
    ) -> TokenFeatures:
        """Learn the features of some sentences.

        Args:
            sentences: the tokens of each, read once.
            names: which features.
            min_count: keep what occurs at least so often; the rest is unknown, so the model learns what unknown means.
            max_size: keep at most so many of each feature, the most frequent ones.
            jamo: take Hangul syllables apart into letters.
        """
        counts: dict[str, Counter[str]] = {name: Counter() for name in names}
        characters: Counter[str] = Counter()
        for tokens in sentences:
            for name, counter in counts.items():
                template = TEMPLATES[name]
                counter.update(template(tokens, at) for at in range(len(tokens)))
            for token in tokens:
                characters.update(hangul.decompose(token) if jamo else token)
        for counter in counts.values():
            del counter[_NONE]
        kept = {name: most_common(counter, max_size, min_count, max_length=None) for name, counter in counts.items()}
        return cls(kept, most_common(characters, None, min_count), jamo=jamo)

    def sizes(self) -> list[int]:
        """How many ids each feature has."""
        return [vocabulary.size for vocabulary in self._templates.values()]

    @property
    def character_size(self) -> int:
        """How many ids there are for characters."""
        return self._characters.size

    def encode(self, tokens: Sequence[str]) -> Encoded:
        """A sentence as ids, (T, F) int32 and (length,) int32 for each token."""
        features = np.empty((len(tokens), len(self._templates)), dtype=np.int32)
        for column, (name, vocabulary) in enumerate(self._templates.items()):
            template, index = TEMPLATES[name], vocabulary.index
            texts = (template(tokens, at) for at in range(len(tokens)))
            features[:, column] = [PAD_ID if text == _NONE else index.get(text, UNKNOWN_ID) for text in texts]
        characters = [
            np.fromiter(self._characters.ids(hangul.decompose(token) if self.jamo else token), dtype=np.int32)
            for token in tokens
        ]
        return Encoded(features, characters)

    def to_json(self) -> str:
        """All of it as JSON, for `tokens_from_json`."""
        return dump(
            "tokens",
            jamo=self.jamo,
            characters=list(self._characters.pieces),
            templates={name: list(vocabulary.pieces) for name, vocabulary in self._templates.items()},
        )
