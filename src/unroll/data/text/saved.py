"""The file of a vocabulary: one form for every kind, and the older forms it is read from.

Nothing in the file is trusted: schema and sizes are checked before anything is built.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from unroll.data.text.bpe import BPETokenizer
from unroll.data.text.characters import CharacterTokenizer
from unroll.data.text.features import BPE, UNITS, StepFeatures
from unroll.data.text.tokenizers import Tokenizer
from unroll.data.text.tokens import TEMPLATES, TokenFeatures
from unroll.data.text.vocabulary import MAX_PIECE_LENGTH, MAX_PIECES, VERSION
from unroll.data.text.words import WordTokenizer
from unroll.errors import BundleError, ConfigError

_MAX_JSON = 256 * 2**20
_Piece = Annotated[str, Field(min_length=1, max_length=MAX_PIECE_LENGTH)]
_Pieces = Annotated[list[_Piece], Field(max_length=MAX_PIECES)]
#: Features of a token are texts of their own making, which may be longer, or empty.
_Features = list[Annotated[str, Field(max_length=4096)]]


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    version: Literal[2]


class _Characters(Closed):
    kind: Literal["character"]
    lower: bool
    jamo: bool
    spell: bool
    pieces: _Pieces

    def build(self) -> CharacterTokenizer:
        return CharacterTokenizer(self.pieces, lower=self.lower, jamo=self.jamo, spell=self.spell)


class _Words(Closed):
    kind: Literal["word"]
    lower: bool
    spell: bool
    pieces: _Pieces

    def build(self) -> WordTokenizer:
        return WordTokenizer(self.pieces, lower=self.lower, spell=self.spell)


class _Bpe(Closed):
    kind: Literal["bpe"]
    pieces: _Pieces
    merges: Annotated[list[tuple[_Piece, _Piece]], Field(max_length=MAX_PIECES)]

    def build(self) -> BPETokenizer:
        return BPETokenizer(self.pieces, self.merges)


class _Steps(Closed):
    kind: Literal["steps"]
    unit: str
    longest: Annotated[int, Field(ge=0, le=64)]
    pairs: bool
    names: list[str]
    pieces: _Bpe | None = None

    def build(self) -> StepFeatures:
        if self.unit not in UNITS or (self.pieces is not None) != (self.unit == BPE):
            raise ValueError(f"unit {self.unit!r} with{'out' if self.pieces is None else ''} pieces")
        pieces = None if self.pieces is None else self.pieces.build()
        return StepFeatures(self.unit, self.longest, self.pairs, self.names, pieces)


class _Tokens(Closed):
    kind: Literal["tokens"]
    jamo: bool
    characters: _Features
    templates: dict[str, _Features]

    def build(self) -> TokenFeatures:
        for name in self.templates:
            if name not in TEMPLATES:
                raise ValueError(f"unknown feature {name!r}")
        return TokenFeatures(self.templates, self.characters, jamo=self.jamo)


_Saved = _Characters | _Words | _Bpe | _Steps | _Tokens
_SCHEMA: TypeAdapter[_Saved] = TypeAdapter(Annotated[_Saved, Field(discriminator="kind")])


def vocabulary_from_json(text: str) -> Tokenizer | StepFeatures | TokenFeatures:
    """Build whatever vocabulary a text holds, from what its `to_json` gave.

    >>> vocabulary_from_json(WordTokenizer(["red", "blue"]).to_json()).encode("red").tolist()
    [2]

    Raises:
        BundleError: it is no vocabulary of this version or the one before.
    """
    if len(text) > _MAX_JSON:
        raise BundleError(f"the vocabulary has {len(text)} characters; at most {_MAX_JSON} can be loaded")
    try:
        return _SCHEMA.validate_json(_renewed(text)).build()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the top"
        raise BundleError(f"not a vocabulary of unroll, version {VERSION}: {first['msg']} at {where}") from None
    except (ValueError, ConfigError, RecursionError) as error:
        raise BundleError(f"not a vocabulary of unroll, version {VERSION}: {error}") from None


def _renewed(text: str) -> str:
    """The text in the form of this version. In version 1 the byte-pair pieces of steps were JSON inside a text."""
    value: Any = json.loads(text)
    if not isinstance(value, dict) or value.get("version") != 1:
        return text
    if value.get("kind") == "steps" and isinstance(value.get("pieces"), str):
        value["pieces"] = json.loads(_renewed(value["pieces"]))
    return json.dumps({**value, "version": VERSION})


def tokenizer_from_json(text: str) -> Tokenizer:
    """Build a tokenizer from what its `to_json` gave.

    Raises:
        BundleError: it is none, or of another version.
    """
    found = vocabulary_from_json(text)
    if isinstance(found, StepFeatures | TokenFeatures):
        raise _another("a tokenizer", text)
    return found


def steps_from_json(text: str) -> StepFeatures:
    """Build a classifier's vocabulary from what its `to_json` gave.

    Raises:
        BundleError: it is none, or of another version.
    """
    found = vocabulary_from_json(text)
    if not isinstance(found, StepFeatures):
        raise _another("a vocabulary of the kind 'steps'", text)
    return found


def tokens_from_json(text: str) -> TokenFeatures:
    """Build a tagger's vocabulary from what its `to_json` gave.

    Raises:
        BundleError: it is none, or of another version.
    """
    found = vocabulary_from_json(text)
    if not isinstance(found, TokenFeatures):
        raise _another("a vocabulary of the kind 'tokens'", text)
    return found


def _another(expected: str, text: str) -> BundleError:
    return BundleError(f"expected {expected}, got one of the kind {json.loads(text)['kind']!r}")
