"""One id per word, with spacing understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from unroll.data.text.split import split_pieces
from unroll.data.text.vocabulary import Vocabulary, dump, integers, most_common, refuse_surrogates
from unroll.ids import PAD_ID, UNKNOWN_ID

#: Stands for "no space here", where a space would be usual.
_GLUE = "\u2060"
#: Stands for "one space here", where none would be usual.
_SPACE = " "
_OPENING = frozenset("([{<«\u201c\u2018「『《〈【（")
_CLOSING = frozenset(")]}>»\u201d」』》〉】）.,!?;:%…。、，！？；：~")


def _usual_space(before: str | None, after: str) -> bool:
    """Whether one space usually stands between these two pieces."""
    if before is None or before.isspace() or after.isspace():
        return False
    return before[-1] not in _OPENING and after[0] not in _CLOSING


class WordTokenizer:
    """One id per word, punctuation mark or run of white space.

    A single space between two words is understood, and so is none before a comma; where the text differs, the ids
    say so, so that
    ``decode(encode(text)) == text`` if every word is known, and with `spell` for every text; `lower` gives the
    lower-case text.

    Args:
        pieces: the known words in the order of their ids.
        lower: turn the text to lower case first.
        spell: spell unknown words in UTF-8 bytes instead of giving 1; this takes 257 ids more.
    """

    pad_id = PAD_ID
    unknown_id = UNKNOWN_ID

    def __init__(self, pieces: Sequence[str], *, lower: bool = False, spell: bool = False) -> None:
        self._vocabulary = Vocabulary(pieces, spell)
        self.lower = lower

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        *,
        max_size: int | None = 50_000,
        min_count: int = 1,
        lower: bool = False,
        spell: bool = False,
    ) -> WordTokenizer:
        """Learn the words of some texts.

        Args:
            texts: read once.
            max_size: keep at most so many, the most frequent ones.
            min_count: keep those that occur at least so often.
            lower: see the class.
            spell: see the class.
        """
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(_words(text.lower() if lower else text))
        for mark in (_GLUE, _SPACE):
            counts[mark] = max(sum(counts.values()), min_count)
        return cls(most_common(counts, max_size, min_count), lower=lower, spell=spell)

    @property
    def size(self) -> int:
        """How many ids there are."""
        return self._vocabulary.size

    def words(self, text: str) -> list[str]:
        """The pieces of a text, among them the marks for unusual spacing."""
        return list(_words(text.lower() if self.lower else text))

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text, (T,) int32.

        Raises:
            DataError: the text holds a lone surrogate.
        """
        refuse_surrogates(text)
        return np.fromiter(self._vocabulary.ids(_words(text.lower() if self.lower else text)), dtype=np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids; padding gives nothing and unknown gives U+FFFD.

        Raises:
            ValueError: an id out of range.
        """
        return _join(self._vocabulary.read(integers(ids)))

    def to_json(self) -> str:
        """All of it as JSON, for `tokenizer_from_json`."""
        return dump("word", lower=self.lower, spell=self._vocabulary.spell, pieces=list(self._vocabulary.pieces))


def _words(text: str) -> Iterator[str]:
    before: str | None = None
    gap = False
    for piece in split_pieces(text):
        if piece == " " and before is not None and not gap:
            gap = True
            continue
        if piece.isspace():
            if gap:
                yield _GLUE + _SPACE
            gap = False
            before = piece
            yield _GLUE + piece
            continue
        if _usual_space(before, piece) and not gap:
            yield _GLUE
        elif gap and not _usual_space(before, piece):
            yield _SPACE
        gap = False
        before = piece
        yield _GLUE + piece if piece in (_GLUE, _SPACE) else piece
    if gap:
        yield _GLUE + _SPACE


def _join(pieces: Iterable[str]) -> str:
    out: list[str] = []
    before: str | None = None
    forced: bool | None = None
    for piece in pieces:
        if piece in (_GLUE, _SPACE):
            forced = piece == _SPACE
            continue
        literal = len(piece) > 1 and piece[0] == _GLUE
        text = piece[1:] if literal else piece
        if forced if forced is not None else _usual_space(before, text):
            out.append(" ")
        forced = None
        out.append(text)
        before = text
    return "".join(out)
