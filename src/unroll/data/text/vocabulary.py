"""What the tokenizers share: pieces and their numbers, and the limits of both."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from unroll.errors import DataError

PAD_ID = 0
UNKNOWN_ID = 1
#: Numbers before the first piece: padding and unknown.
FIRST_ID = 2
MAX_PIECES = 2**20
MAX_PIECE_LENGTH = 1024
UNKNOWN_TEXT = "\ufffd"


def refuse_surrogates(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"the text holds a lone surrogate (U+{ord(text[error.start]):04X} at character "
            f"{error.start + 1}), which is half a character and no text; remove it"
        ) from error


class Vocabulary:
    """Pieces and their numbers. With `spell`, an unknown piece is spelled in UTF-8 bytes, so that nothing is lost.

    Numbers: 0 padding, 1 unknown, then the pieces, then with `spell` the 256 bytes and the mark that opens a spelled
    piece.
    """

    def __init__(self, pieces: Sequence[str], spell: bool) -> None:
        self.pieces = tuple(pieces)
        self.spell = spell
        self._numbers = {piece: number for number, piece in enumerate(self.pieces, FIRST_ID)}
        if len(self._numbers) != len(self.pieces):
            raise ValueError("a piece stands twice in the vocabulary")
        self._bytes = FIRST_ID + len(self.pieces)
        self._mark = self._bytes + 256
        self.size = self._mark + 1 if spell else self._bytes

    def numbers(self, pieces: Iterable[str]) -> Iterator[int]:
        get = self._numbers.get
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
                raise ValueError(f"token numbers must lie in 0 to {self.size - 1}, got {number}")
        if spelled:
            yield spelled.decode("utf-8", errors="replace")


def most_common(counts: Counter[str], max_size: int | None, min_count: int) -> list[str]:
    # Ties go by the piece itself, so that the order of the texts does not matter.
    kept = sorted(
        (item for item in counts.items() if item[1] >= min_count and len(item[0]) <= MAX_PIECE_LENGTH),
        key=lambda item: (-item[1], item[0]),
    )
    return [piece for piece, _ in kept[: MAX_PIECES if max_size is None else max_size]]


def integers(ids: Iterable[int]) -> Iterable[int]:
    return ids.tolist() if isinstance(ids, np.ndarray) else map(int, ids)


def dump(**content: Any) -> str:
    return json.dumps({"version": 1, **content}, ensure_ascii=False)
