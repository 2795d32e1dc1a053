"""Text to numbers and back: characters (Hangul as letters on request), words, and byte-pair pieces."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from unroll.data import jamo as hangul
from unroll.errors import BundleError, DataError

PAD_ID = 0
UNKNOWN_ID = 1
#: Numbers before the first piece: padding and unknown.
_FIRST = 2
_MAX_JSON = 256 * 2**20
_MAX_PIECES = 2**20
_MAX_PIECE_LENGTH = 1024
_UNKNOWN_TEXT = "\ufffd"


class Tokeniser(Protocol):
    """What every tokeniser can do. Number 0 is padding and 1 is unknown; neither is ever part of a text.

    Attributes:
        size: how many numbers there are, these two included.
        pad_id: 0.
        unknown_id: 1.
    """

    @property
    def size(self) -> int: ...
    @property
    def pad_id(self) -> int: ...
    @property
    def unknown_id(self) -> int: ...
    def encode(self, text: str) -> np.ndarray: ...
    def decode(self, ids: Iterable[int]) -> str: ...
    def to_json(self) -> str: ...


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"the text holds a lone surrogate (U+{ord(text[error.start]):04X} at character "
            f"{error.start + 1}), which is half a character and no text; remove it"
        ) from error


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    version: Literal[1]


_Piece = Annotated[str, Field(min_length=1, max_length=_MAX_PIECE_LENGTH)]
_Pieces = Annotated[list[_Piece], Field(max_length=_MAX_PIECES)]


class _CharacterSchema(_Schema):
    kind: Literal["character"]
    lower: bool
    jamo: bool
    spell: bool
    pieces: _Pieces


class _WordSchema(_Schema):
    kind: Literal["word"]
    lower: bool
    spell: bool
    pieces: _Pieces


class _BPESchema(_Schema):
    kind: Literal["bpe"]
    pieces: _Pieces
    merges: Annotated[list[tuple[_Piece, _Piece]], Field(max_length=_MAX_PIECES)]


_SCHEMA: TypeAdapter[_CharacterSchema | _WordSchema | _BPESchema] = TypeAdapter(
    Annotated[_CharacterSchema | _WordSchema | _BPESchema, Field(discriminator="kind")]
)


class _Vocabulary:
    """Pieces and their numbers. With `spell`, an unknown piece is spelled in UTF-8 bytes, so that nothing is lost.

    Numbers: 0 padding, 1 unknown, then the pieces, then with `spell` the 256 bytes and the mark that opens a spelled
    piece.
    """

    def __init__(self, pieces: Sequence[str], spell: bool) -> None:
        self.pieces = tuple(pieces)
        self.spell = spell
        self._numbers = {piece: number for number, piece in enumerate(self.pieces, _FIRST)}
        if len(self._numbers) != len(self.pieces):
            raise ValueError("a piece stands twice in the vocabulary")
        self._bytes = _FIRST + len(self.pieces)
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
                yield _UNKNOWN_TEXT
            elif _FIRST <= number < self._bytes:
                yield self.pieces[number - _FIRST]
            else:
                raise ValueError(f"token numbers must lie in 0 to {self.size - 1}, got {number}")
        if spelled:
            yield spelled.decode("utf-8", errors="replace")


def _most_common(counts: Counter[str], max_size: int | None, min_count: int) -> list[str]:
    # Ties go by the piece itself, so that the order of the texts does not matter.
    kept = sorted(
        (item for item in counts.items() if item[1] >= min_count and len(item[0]) <= _MAX_PIECE_LENGTH),
        key=lambda item: (-item[1], item[0]),
    )
    return [piece for piece, _ in kept[: _MAX_PIECES if max_size is None else max_size]]


class CharacterTokeniser:
    """One number per Unicode character, or per letter of a Hangul syllable.

    ``decode(encode(text)) == text`` if every character is known, and with `spell` for every text; `lower` gives the
    lower-case text.

    Args:
        pieces: the known characters, or with `jamo` letters, in the order of their numbers.
        lower: turn the text to lower case first.
        jamo: take Hangul syllables apart into letters (한: ㅎ ㅏ ㄴ).
        spell: spell unknown characters in UTF-8 bytes instead of giving 1; this takes 257 numbers more.
    """

    pad_id = PAD_ID
    unknown_id = UNKNOWN_ID

    def __init__(self, pieces: Sequence[str], *, lower: bool = False, jamo: bool = False, spell: bool = False) -> None:
        self._vocabulary = _Vocabulary(pieces, spell)
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
    ) -> CharacterTokeniser:
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
        return cls(_most_common(counts, max_size, min_count), lower=lower, jamo=jamo, spell=spell)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return self._vocabulary.size

    def encode(self, text: str) -> np.ndarray:
        """The numbers of a text, (T,) int32.

        Raises:
            DataError: the text holds a lone surrogate.
        """
        _refuse_surrogates(text)
        return np.fromiter(self._vocabulary.numbers(_characters(text, self.lower, self.jamo)), dtype=np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some numbers; padding gives nothing and unknown gives U+FFFD.

        Raises:
            ValueError: a number out of range.
        """
        pieces = self._vocabulary.read(_integers(ids))
        return hangul.compose(pieces) if self.jamo else "".join(pieces)

    def to_json(self) -> str:
        """All of it as JSON, for `tokeniser_from_json`."""
        return _dump(
            kind="character",
            lower=self.lower,
            jamo=self.jamo,
            spell=self._vocabulary.spell,
            pieces=list(self._vocabulary.pieces),
        )


def _characters(text: str, lower: bool, jamo: bool) -> Iterable[str]:
    text = text.lower() if lower else text
    return hangul.decompose(text) if jamo else text


#: A word is letters, marks, digits and inner apostrophes; every other visible character stands alone; white space is
#: kept in runs.
_WORD = re.compile(r"[^\W_]+(?:[\u0300-\u036f\u200d]+[^\W_]*)*(?:['\u2019][^\W_]+)*|\s+|\S")
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


class WordTokeniser:
    """One number per word, punctuation mark or run of white space.

    A single space between two words is understood, and so is none before a comma; where the text differs, the numbers
    say so, so that
    ``decode(encode(text)) == text`` if every word is known, and with `spell` for every text; `lower` gives the
    lower-case text.

    Args:
        pieces: the known words in the order of their numbers.
        lower: turn the text to lower case first.
        spell: spell unknown words in UTF-8 bytes instead of giving 1; this takes 257 numbers more.
    """

    pad_id = PAD_ID
    unknown_id = UNKNOWN_ID

    def __init__(self, pieces: Sequence[str], *, lower: bool = False, spell: bool = False) -> None:
        self._vocabulary = _Vocabulary(pieces, spell)
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
    ) -> WordTokeniser:
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
        return cls(_most_common(counts, max_size, min_count), lower=lower, spell=spell)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return self._vocabulary.size

    def words(self, text: str) -> list[str]:
        """The pieces of a text, among them the marks for unusual spacing."""
        return list(_words(text.lower() if self.lower else text))

    def encode(self, text: str) -> np.ndarray:
        """The numbers of a text, (T,) int32.

        Raises:
            DataError: the text holds a lone surrogate.
        """
        _refuse_surrogates(text)
        return np.fromiter(self._vocabulary.numbers(_words(text.lower() if self.lower else text)), dtype=np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some numbers; padding gives nothing and unknown gives U+FFFD.

        Raises:
            ValueError: a number out of range.
        """
        return _join(self._vocabulary.read(_integers(ids)))

    def to_json(self) -> str:
        """All of it as JSON, for `tokeniser_from_json`."""
        return _dump(kind="word", lower=self.lower, spell=self._vocabulary.spell, pieces=list(self._vocabulary.pieces))


def _words(text: str) -> Iterator[str]:
    before: str | None = None
    gap = False
    for match in _WORD.finditer(text):
        piece = match.group()
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


class BPETokeniser:
    """Pieces learnt by byte-pair encoding over bytes.

    Source: Sennrich et al. 2016, section 3.2; on bytes as in Radford et al. 2019, section 2.2.

    Every text has an encoding and ``decode(encode(text)) == text`` without exception: nothing is normalised and no
    piece is special.

    Args:
        pieces: the pieces in the order of their numbers, in the printable byte alphabet of GPT-2; the 256 bytes must
            be among them.
        merges: pairs of pieces in the order in which they are merged.
    """

    pad_id = PAD_ID
    unknown_id = UNKNOWN_ID

    def __init__(self, pieces: Sequence[str], merges: Sequence[tuple[str, str]]) -> None:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers

        numbers = {piece: number for number, piece in enumerate(pieces)}
        missing = set(pre_tokenizers.ByteLevel.alphabet()) - set(numbers)
        if missing or len(numbers) != len(pieces):
            raise ValueError(f"the pieces must be distinct and hold all 256 bytes ({len(missing)} are missing)")
        for left, right in merges:
            if left not in numbers or right not in numbers or left + right not in numbers:
                raise ValueError(f"the merge of {left!r} and {right!r} is not made of known pieces")
        self._pieces = tuple(pieces)
        self._merges = [(left, right) for left, right in merges]
        self._model = Tokenizer(models.BPE(vocab=numbers, merges=self._merges))
        self._model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self._model.decoder = decoders.ByteLevel()

    @classmethod
    def train(cls, texts: Iterable[str], *, size: int = 8000, min_count: int = 2) -> BPETokeniser:
        """Learn pieces from some texts.

        Args:
            texts: read once.
            size: how many numbers there are to be, the 256 bytes, padding and unknown included; fewer if the texts are
                short.
            min_count: merge pairs that occur at least so often.

        Raises:
            ValueError: a size below 258.
        """
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers

        if size < 256 + _FIRST:
            raise ValueError(f"size must be at least {256 + _FIRST}, the bytes and the two special numbers, got {size}")
        model = Tokenizer(models.BPE())
        model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(
            vocab_size=size - _FIRST,
            min_frequency=min_count,
            initial_alphabet=alphabet,
            special_tokens=[],
            show_progress=False,
        )
        model.train_from_iterator(_checked(texts), trainer)
        learnt = json.loads(model.to_str())["model"]
        pieces = sorted(learnt["vocab"], key=learnt["vocab"].__getitem__)
        merges = [_pair(merge) for merge in learnt["merges"]]
        return cls(pieces, merges)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self._pieces) + _FIRST

    def encode(self, text: str) -> np.ndarray:
        """The numbers of a text, (T,) int32.

        Raises:
            DataError: the text holds a lone surrogate.
        """
        _refuse_surrogates(text)
        return np.asarray(self._model.encode(text, add_special_tokens=False).ids, dtype=np.int32) + _FIRST

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some numbers; padding gives nothing, unknown gives U+FFFD, and so do bytes that are no UTF-8.

        Raises:
            ValueError: a number out of range.
        """
        parts: list[str] = []
        run: list[int] = []
        for number in _integers(ids):
            if not 0 <= number < self.size:
                raise ValueError(f"token numbers must lie in 0 to {self.size - 1}, got {number}")
            if number >= _FIRST:
                run.append(number - _FIRST)
            elif number == UNKNOWN_ID:
                parts += [self._model.decode(run, skip_special_tokens=False), _UNKNOWN_TEXT]
                run = []
        parts.append(self._model.decode(run, skip_special_tokens=False))
        return "".join(parts)

    def to_json(self) -> str:
        """All of it as JSON, for `tokeniser_from_json`."""
        return _dump(kind="bpe", pieces=list(self._pieces), merges=[list(merge) for merge in self._merges])


def _pair(merge: str | list[str]) -> tuple[str, str]:
    """A merge as the library writes it: two pieces in a list, or before version 0.20 in one text."""
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right


def _checked(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        _refuse_surrogates(text)
        yield text


def _integers(ids: Iterable[int]) -> Iterable[int]:
    return ids.tolist() if isinstance(ids, np.ndarray) else map(int, ids)


def _dump(**content: Any) -> str:
    return json.dumps({"version": 1, **content}, ensure_ascii=False)


def tokeniser_from_json(text: str) -> Tokeniser:
    """Build a tokeniser from what its `to_json` gave. The text is not trusted: schema and sizes are checked first.

    Raises:
        BundleError: it is not a tokeniser of this version.
    """
    if len(text) > _MAX_JSON:
        raise BundleError(f"the tokeniser has {len(text)} characters; at most {_MAX_JSON} can be loaded")
    try:
        content = _SCHEMA.validate_json(text)
        if isinstance(content, _CharacterSchema):
            return CharacterTokeniser(content.pieces, lower=content.lower, jamo=content.jamo, spell=content.spell)
        if isinstance(content, _WordSchema):
            return WordTokeniser(content.pieces, lower=content.lower, spell=content.spell)
        return BPETokeniser(content.pieces, content.merges)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the top"
        raise BundleError(f"not a tokeniser of unroll, version 1: {first['msg']} at {where}") from error
    except ValueError as error:
        raise BundleError(f"not a tokeniser of unroll, version 1: {error}") from error
