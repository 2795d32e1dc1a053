"""Steps for a text classifier: every word (or character) as a handful of features, so that an unseen word is still
partly known.

A word's features are the word itself, its character n-grams with the word's edges marked, its shape (capitals,
digits), and the pair it makes with the word before. A character's features are the n-grams that end at it; so are
those of a letter of a Hangul syllable, and of a byte-pair piece. Only features met often enough in the train part are
kept.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from unroll.data.text.bpe import BPETokenizer
from unroll.data.text.jamo import decompose
from unroll.data.text.split import shape, split_words
from unroll.data.text.vocabulary import Vocabulary, dump, most_common
from unroll.errors import ConfigError
from unroll.ids import UNKNOWN_ID

WORD = "word"
CHARACTER = "character"
JAMO = "jamo"
BPE = "bpe"
UNITS = (WORD, CHARACTER, JAMO, BPE)
#: The longest n-gram of units that is worth its place, where nothing else is said: about a word for letters.
LONGEST = {WORD: 4, CHARACTER: 4, JAMO: 8, BPE: 2}
#: Byte-pair pieces that are learnt; more would be words again.
_PIECES = 8_000
#: Words whose features are remembered, and their letters at most: most words of a text have been met before.
_REMEMBERED, _LETTERS = 100_000, 64
#: Stands between the pieces of an n-gram.
_JOINT = "\u0001"


class Steps(NamedTuple):
    """One text as steps.

    Attributes:
        ids: (N,) int32, the features of all steps, one step after the other.
        counts: (S,) int32, how many features each step has, at least one.
    """

    ids: np.ndarray
    counts: np.ndarray


class StepFeatures:
    """The vocabulary of features: made from a train part, read from a file, used on any text.

    Args:
        unit: "word", "character", "jamo" (a letter of a Hangul syllable, or another character) or "bpe": what a step
            is.
        longest: length of the longest n-gram, of a word's characters or of units; 0 for none.
        pairs: whether a word and the one before make a feature.
        names: the features that are known, in the order of their ids from 2 on; 0 is padding and 1 is unknown.
        pieces: cuts a text into pieces; needed for "bpe" and only there.
    """

    def __init__(
        self, unit: str, longest: int, pairs: bool, names: Sequence[str], pieces: BPETokenizer | None = None
    ) -> None:
        if unit not in UNITS:
            raise ConfigError(f"StepFeatures: unit must be one of {', '.join(UNITS)}, got {unit!r}")
        if (unit == BPE) != (pieces is not None):
            raise ConfigError(f"StepFeatures: pieces belong to the unit '{BPE}' and only there, got {unit!r}")
        self.unit = unit
        self.longest = longest
        self.pairs = pairs
        self.pieces = pieces
        self._vocabulary = Vocabulary(names)
        #: The ids of the features that a word has by itself.
        self._words: dict[str, tuple[int, ...]] = {}

    @classmethod
    def train(
        cls, texts: Iterable[str], *, unit: str, longest: int, pairs: bool, least: int = 2, most: int = 50_000
    ) -> StepFeatures:
        """Count the features of the train part.

        Args:
            texts: the train part; read twice for byte-pair pieces.
            unit: as in the constructor.
            longest: as in the constructor.
            pairs: as in the constructor.
            least: how many texts a feature must be met in.
            most: how many features are kept, the most frequent first.
        """
        pieces = None
        if unit == BPE:
            texts = list(texts)
            pieces = BPETokenizer.train((unicodedata.normalize("NFC", text) for text in texts), size=_PIECES)
        maker = cls(unit, longest, pairs, (), pieces)
        counts = maker._count(texts)
        return cls(unit, longest, pairs, most_common(counts, most, least, max_length=None), pieces)

    def _count(self, texts: Iterable[str]) -> Counter[str]:
        """How many texts each feature is met in."""
        if self.unit != WORD:
            return Counter(
                itertools.chain.from_iterable(set(itertools.chain.from_iterable(self.describe(text))) for text in texts)
            )
        # A feature is counted by a number, so that a word that comes again is a few numbers and no new names.
        numbers: dict[str, int] = {}
        words: dict[str, tuple[int, ...]] = {}
        seen: Counter[int] = Counter()
        for text in texts:
            found: set[int] = set()
            for word, pair in self._paired(text):
                known = words.get(word)
                if known is None:
                    known = tuple(numbers.setdefault(name, len(numbers)) for name in self._word_features(word))
                    if len(words) < _REMEMBERED and len(word) <= _LETTERS:
                        words[word] = known
                found.update(known)
                if pair is not None:
                    found.add(numbers.setdefault(pair, len(numbers)))
            seen.update(found)
        return Counter({name: seen[number] for name, number in numbers.items()})

    @property
    def names(self) -> tuple[str, ...]:
        """The features that are known, in the order of their ids from 2 on."""
        return self._vocabulary.pieces

    @property
    def size(self) -> int:
        """How many ids there are, padding and unknown included."""
        return self._vocabulary.size

    def describe(self, text: str) -> Iterator[list[str]]:
        """The features of every step by name, known or not."""
        text = unicodedata.normalize("NFC", text)
        if self.unit == CHARACTER:
            yield from self._unit_steps(list(text.casefold()), "")
            return
        if self.unit == JAMO:
            yield from self._unit_steps(list(decompose(text.casefold())), "")
            return
        if self.pieces is not None:
            yield from self._unit_steps([str(piece) for piece in self.pieces.encode(text)], _JOINT)
            return
        for word, pair in self._paired(text):
            yield [*self._word_features(word), *([] if pair is None else [pair])]

    def _paired(self, text: str) -> Iterator[tuple[str, str | None]]:
        """The words of a text, each with the name of the pair that it makes with the one before, if pairs count."""
        before = ""
        for word in split_words(unicodedata.normalize("NFC", text)):
            folded = word.casefold()
            yield word, f"p:{before} {folded}" if self.pairs else None
            before = folded

    def units(self, text: str) -> list[str]:
        """What every step stands for: a word, or a unit between the two edges, which are empty."""
        text = unicodedata.normalize("NFC", text)
        if self.unit == WORD:
            return list(split_words(text))
        if self.pieces is not None:
            return ["", *(self.pieces.decode([piece]) for piece in self.pieces.encode(text)), ""]
        folded = text.casefold()
        return ["", *(folded if self.unit == CHARACTER else decompose(folded)), ""]

    def _word_features(self, word: str) -> list[str]:
        folded = word.casefold()
        names = ["w:" + folded, "s:" + shape(word)]
        # No digit is a letter.
        if not word.isalpha() and any(character.isdigit() for character in word):
            names.append("d:" + re.sub(r"\d", "0", folded))
        marked = f"<{folded}>"
        for size in range(1, self.longest + 1):
            source = folded if size == 1 else marked
            names.extend("n:" + source[start : start + size] for start in range(len(source) - size + 1))
        return names

    def _unit_steps(self, units: list[str], joint: str) -> Iterator[list[str]]:
        """The n-grams that end at every unit, the edges of the text marked."""
        marked = ["\u0002", *units, "\u0003"]
        for end in range(1, len(marked) + 1):
            sizes = range(1, min(max(self.longest, 1), end) + 1)
            yield ["n:" + joint.join(marked[end - size : end]) for size in sizes]

    def encode(self, text: str) -> Steps:
        """The steps of a text; a step none of whose features is known has the one feature "unknown"."""
        ids: list[int] = []
        counts: list[int] = []
        for step in self.steps(text):
            ids.extend(step or (UNKNOWN_ID,))
            counts.append(len(step) or 1)
        return Steps(np.asarray(ids, dtype=np.int32), np.asarray(counts, dtype=np.int32))

    def steps(self, text: str) -> Iterator[tuple[int, ...]]:
        """The ids of the known features of every step; empty for a step that has none."""
        known = self._vocabulary.index
        if self.unit != WORD:
            for names in self.describe(text):
                yield tuple(known[name] for name in names if name in known)
            return
        for word, name in self._paired(text):
            own = self._words.get(word)
            if own is None:
                own = self._remember(word)
            pair = None if name is None else known.get(name)
            yield own if pair is None else (*own, pair)

    def of_word(self, word: str) -> tuple[int, ...]:
        """The ids of the known features that a word has by itself."""
        known = self._vocabulary.index
        return tuple(number for number in map(known.get, self._word_features(word)) if number is not None)

    def _remember(self, word: str) -> tuple[int, ...]:
        own = self.of_word(word)
        if len(self._words) < _REMEMBERED and len(word) <= _LETTERS:
            self._words[word] = own
        return own

    def to_json(self) -> str:
        """The vocabulary as JSON, for the run folder."""
        return dump(
            "steps",
            unit=self.unit,
            longest=self.longest,
            pairs=self.pairs,
            names=list(self.names),
            # The byte-pair pieces are saved as any tokenizer is.
            **({} if self.pieces is None else {"pieces": self.pieces.saved()}),
        )

    def encode_whole(self, text: str) -> Steps:
        """A text as one step, which has every feature once, in the order of their ids."""
        ids = sorted(set(itertools.chain.from_iterable(self.steps(text)))) or [UNKNOWN_ID]
        return Steps(np.asarray(ids, dtype=np.int32), np.array([len(ids)], dtype=np.int32))
