"""One id per character, Hangul syllables as letters on request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from unroll.data.text import jamo as hangul
from unroll.data.text.vocabulary import Vocabulary, dump, integers, most_common, refuse_surrogates
from unroll.ids import PAD_ID, UNKNOWN_ID


class CharacterTokenizer:
    """One id per Unicode character, or per letter of a Hangul syllable.

    ``decode(encode(text)) == text`` if every character is known, and with `spell` for every text; `lower` gives the
    lower-case text.

    Args:
        pieces: the known characters, or with `jamo` letters, in the order of their ids.
        lower: turn the text to lower case first.
        jamo: take Hangul syllables apart into letters (한: ㅎ ㅏ ㄴ).
        spell: spell unknown characters in UTF-8 bytes instead of giving 1; this takes 257 ids more.
    """

    pad_id = PAD_ID
    unknown_id = UNKNOWN_ID

    def __init__(self, pieces: Sequence[str], *, lower: bool = False, jamo: bool = False, spell: bool = False) -> None:
        self._vocabulary = Vocabulary(pieces, spell)
        self.lower = lower
        self.jamo = jamo

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        *,
        max_size: int | None = None,
        min_count: int = 1,
        lower: bool = False,
        jamo: bool = False,
        spell: bool = False,
    ) -> CharacterTokenizer:
        """Learn the characters of some texts.

        Args:
            texts: read once.
            max_size: keep at most so many, the most frequent ones.
            min_count: keep those that occur at least so often.
            lower: see the class.
            jamo: see the class.
            spell: see the class.
        """
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(_characters(text, lower, jamo))
        return cls(most_common(counts, max_size, min_count), lower=lower, jamo=jamo, spell=spell)

    @property
    def size(self) -> int:
        """How many ids there are."""
        return self._vocabulary.size

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text, (T,) int32.

        Raises:
            DataError: the text holds a lone surrogate.
        """
        refuse_surrogates(text)
        return np.fromiter(self._vocabulary.ids(_characters(text, self.lower, self.jamo)), dtype=np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids; padding gives nothing and unknown gives U+FFFD.

        Raises:
            ValueError: an id out of range.
        """
        pieces = self._vocabulary.read(integers(ids))
        return hangul.compose(pieces) if self.jamo else "".join(pieces)

    def to_json(self) -> str:
        """All of it as JSON, for `tokenizer_from_json`."""
        return dump(
            "character",
            lower=self.lower,
            jamo=self.jamo,
            spell=self._vocabulary.spell,
            pieces=list(self._vocabulary.pieces),
        )


def _characters(text: str, lower: bool, jamo: bool) -> Iterable[str]:
    text = text.lower() if lower else text
    return hangul.decompose(text) if jamo else text
