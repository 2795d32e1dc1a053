"""What a tagger sees of a token: the word, its affixes, its shape, its neighbours, its characters.

Shapes: T tokens of a sentence, F features of a token.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from unroll.data.text import jamo as hangul
from unroll.errors import BundleError

#: Stands before the first token of a sentence and after the last.
_EDGE = "\u0002"
#: A feature that a token does not have, such as the suffix of three letters of a word of two.
_NONE = ""
_MAX_JSON = 256 * 2**20


def _folded(token: str) -> str:
    """A token in lower case with every digit as 0."""
    return "".join("0" if character.isdigit() else character for character in token.lower())


def _shape(token: str) -> str:
    """The kinds of a token's characters, runs as one: "Xx", "0.0", "가", "-"."""
    kinds = (
        "X" if c.isupper() else "x" if c.islower() else "0" if c.isdigit() else "가" if c.isalpha() else c
        for c in token
    )
    return "".join(kind for kind, _ in itertools.groupby(kinds))[:8]


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
    """A sentence as numbers.

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


_Piece = Annotated[str, Field(max_length=4096)]


class _Saved(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    version: Literal[1]
    kind: Literal["tokens"]
    jamo: bool
    characters: list[_Piece]
    templates: dict[str, list[_Piece]]


class TokenFeatures:
    """The numbers of every feature and character that were seen often enough. 0 is "none" (and padding), 1 is
    "unknown".

    Args:
        templates: names of features in order, and the texts that have numbers from 2 on.
        characters: characters that have numbers from 2 on.
        jamo: take Hangul syllables apart into letters.
    """

    unknown_id = 1

    def __init__(self, templates: dict[str, list[str]], characters: Sequence[str], *, jamo: bool = False) -> None:
        self.templates = {name: list(texts) for name, texts in templates.items()}
        self.characters = list(characters)
        self.jamo = jamo
        self._numbers = {
            name: {_NONE: 0, **{text: number for number, text in enumerate(texts, 2)}}
            for name, texts in self.templates.items()
        }
        self._character_numbers = {text: number for number, text in enumerate(self.characters, 2)}

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
        kept = {
            name: [text for text, count in _ordered(counter)[:max_size] if count >= min_count and text != _NONE]
            for name, counter in counts.items()
        }
        return cls(kept, [text for text, count in _ordered(characters) if count >= min_count], jamo=jamo)

    def sizes(self) -> list[int]:
        """How many numbers each feature has."""
        return [len(texts) + 2 for texts in self.templates.values()]

    @property
    def character_size(self) -> int:
        """How many numbers there are for characters."""
        return len(self.characters) + 2

    def encode(self, tokens: Sequence[str]) -> Encoded:
        """A sentence as numbers, (T, F) int32 and (length,) int32 for each token."""
        features = np.empty((len(tokens), len(self.templates)), dtype=np.int32)
        for column, (name, numbers) in enumerate(self._numbers.items()):
            template = TEMPLATES[name]
            features[:, column] = [numbers.get(template(tokens, at), self.unknown_id) for at in range(len(tokens))]
        get = self._character_numbers.get
        characters = [
            np.array(
                [get(c, self.unknown_id) for c in (hangul.decompose(token) if self.jamo else token)], dtype=np.int32
            )
            for token in tokens
        ]
        return Encoded(features, characters)

    def to_json(self) -> str:
        """All of it as JSON, for `from_json`."""
        return _Saved(
            version=1, kind="tokens", jamo=self.jamo, characters=self.characters, templates=self.templates
        ).model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> TokenFeatures:
        """What `to_json` wrote.

        Raises:
            BundleError: it is not that.
        """
        if len(text) > _MAX_JSON:
            raise BundleError(f"token features of {len(text)} characters; at most {_MAX_JSON} are read")
        try:
            saved = TypeAdapter(_Saved).validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the top"
            raise BundleError(f"not token features of unroll, version 1: {first['msg']} at {where}") from None
        unknown = [name for name in saved.templates if name not in TEMPLATES]
        if unknown:
            raise BundleError(f"not token features of unroll, version 1: unknown feature {unknown[0]!r}")
        return cls(saved.templates, saved.characters, jamo=saved.jamo)


def _ordered(counter: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent first; ties go by the text, so that the order of the sentences does not matter."""
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))
