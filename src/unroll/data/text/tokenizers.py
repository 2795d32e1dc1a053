"""What every tokenizer can do, and how one is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from unroll.data.text.bpe import BPETokenizer
from unroll.data.text.characters import CharacterTokenizer
from unroll.data.text.vocabulary import MAX_PIECE_LENGTH, MAX_PIECES
from unroll.data.text.words import WordTokenizer
from unroll.errors import BundleError

_MAX_JSON = 256 * 2**20


class Tokenizer(Protocol):
    """What every tokenizer can do. Number 0 is padding and 1 is unknown; neither is ever part of a text.

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


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    version: Literal[1]


_Piece = Annotated[str, Field(min_length=1, max_length=MAX_PIECE_LENGTH)]
_Pieces = Annotated[list[_Piece], Field(max_length=MAX_PIECES)]


class _CharacterSchema(Closed):
    kind: Literal["character"]
    lower: bool
    jamo: bool
    spell: bool
    pieces: _Pieces


class _WordSchema(Closed):
    kind: Literal["word"]
    lower: bool
    spell: bool
    pieces: _Pieces


class _BPESchema(Closed):
    kind: Literal["bpe"]
    pieces: _Pieces
    merges: Annotated[list[tuple[_Piece, _Piece]], Field(max_length=MAX_PIECES)]


_SCHEMA: TypeAdapter[_CharacterSchema | _WordSchema | _BPESchema] = TypeAdapter(
    Annotated[_CharacterSchema | _WordSchema | _BPESchema, Field(discriminator="kind")]
)


def tokenizer_from_json(text: str) -> Tokenizer:
    """Build a tokenizer from what its `to_json` gave. The text is not trusted: schema and sizes are checked first.

    Raises:
        BundleError: it is not a tokenizer of this version.
    """
    if len(text) > _MAX_JSON:
        raise BundleError(f"the tokenizer has {len(text)} characters; at most {_MAX_JSON} can be loaded")
    try:
        content = _SCHEMA.validate_json(text)
        if isinstance(content, _CharacterSchema):
            return CharacterTokenizer(content.pieces, lower=content.lower, jamo=content.jamo, spell=content.spell)
        if isinstance(content, _WordSchema):
            return WordTokenizer(content.pieces, lower=content.lower, spell=content.spell)
        return BPETokenizer(content.pieces, content.merges)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the top"
        raise BundleError(f"not a tokenizer of unroll, version 1: {first['msg']} at {where}") from error
    except ValueError as error:
        raise BundleError(f"not a tokenizer of unroll, version 1: {error}") from error
