"""The one vocabulary: pieces and their ids, and the limits of both."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from unroll.errors import DataError
from unroll.ids import FIRST_ID, PAD_ID, UNKNOWN_ID

MAX_PIECES = 2**20
MAX_PIECE_LENGTH = 1024
UNKNOWN_TEXT = "\ufffd"
#: Version of the one form in which vocabularies are saved; `unroll.data.text.saved` reads it and the older one.
VERSION = 2


def refuse_surrogates(text: str) -> None:
    """Raise a DataError if the text holds half a character."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"the text holds a lone surrogate (U+{ord(text[error.start]):04X} at character "
            f"{error.start + 1}), which is half a character and no text; remove it"
        ) from error


class Vocabulary:
    """Pieces (words, characters, features) and their ids.

    Ids: 0 padding, 1 unknown, then the pieces, then with `spell` the 256 bytes and the mark that opens a spelled piece.

    >>> vocabulary = Vocabulary(["red", "blue"])
    >>> list(vocabulary.ids(["blue", "green"])), vocabulary.size
    ([3, 1], 4)

    Args:
        pieces: in the order of their ids.
        spell: spell an unknown piece in UTF-8 bytes, so that nothing is lost.
    """

    def __init__(self, pieces: Sequence[str], spell: bool = False) -> None:
        self.pieces = tuple(pieces)
        self.spell = spell
        #: The id of every piece.
        self.index = {piece: number for number, piece in enumerate(self.pieces, FIRST_ID)}
        if len(self.index) != len(self.pieces):
            raise ValueError("a piece stands twice in the vocabulary")
        self._bytes = FIRST_ID + len(self.pieces)
        self._mark = self._bytes + 256
        self.size = self._mark + 1 if spell else self._bytes

    def ids(self, pieces: Iterable[str]) -> Iterator[int]:
        """The id of every piece; several for one that is spelled."""
        get = self.index.get
        for piece in pieces:
            number = get(piece)
            if number is not None:
                yield number
            elif self.spell:
                yield self._mark
                yield from (self._bytes + byte for byte in piece.encode("utf-8"))
            else:
                yield UNKNOWN_ID

    def read(self, ids: Iterable[int]) -> Iterator[str]:
        """The pieces of some ids; padding gives none, unknown gives U+FFFD.

        Raises:
            ValueError: an id out of range.
        """
        spelled: bytearray | None = None
        for number in ids:
            if self.spell and self._bytes <= number < self._mark:
                spelled = bytearray() if spelled is None else spelled
                spelled.append(number - self._bytes)
                continue
            if spelled:
                yield spelled.decode("utf-8", errors="replace")
            spelled = None
            if self.spell and number == self._mark:
                spelled = bytearray()
            elif number == PAD_ID:
                continue
            elif number == UNKNOWN_ID:
                yield UNKNOWN_TEXT
            elif FIRST_ID <= number < self._bytes:
                yield self.pieces[number - FIRST_ID]
            else:
                raise out_of_range(number, self.size)
        if spelled:
            yield spelled.decode("utf-8", errors="replace")


def out_of_range(number: int, size: int) -> ValueError:
    """The error for an id that a vocabulary of this size does not have."""
    return ValueError(f"token ids must lie in 0 to {size - 1}, got {number}")


def most_common(
    counts: Counter[str], max_size: int | None, min_count: int, *, max_length: int | None = MAX_PIECE_LENGTH
) -> list[str]:
    """The pieces that were met often enough, the most frequent first.

    Ties go by the piece itself, so that the order of the texts does not matter.

    >>> most_common(Counter("abracadabra"), 3, 2)
    ['a', 'b', 'r']

    Args:
        counts: how often each was met.
        max_size: keep at most so many; None: as many as a vocabulary may hold.
        min_count: keep those that were met at least so often.
        max_length: leave out longer ones; None: none is too long.
    """
    kept = sorted(
        (
            item
            for item in counts.items()
            if item[1] >= min_count and (max_length is None or len(item[0]) <= max_length)
        ),
        key=lambda item: (-item[1], item[0]),
    )
    return [piece for piece, _ in kept[: MAX_PIECES if max_size is None else max_size]]


def integers(ids: Iterable[int]) -> Iterable[int]:
    """Ids as Python's own integers."""
    return ids.tolist() if isinstance(ids, np.ndarray) else map(int, ids)


def dump(kind: str, **content: object) -> str:
    """A vocabulary as JSON, in the one form of all kinds."""
    return json.dumps({"version": VERSION, "kind": kind, **content}, ensure_ascii=False)
