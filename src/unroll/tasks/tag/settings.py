"""The settings of a tagger, and what its run folder keeps of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from unroll.bundle import OneOf
from unroll.cells import CELLS
from unroll.tasks.transfer import Start


class TagSettings(BaseModel):
    """The model of a tagger. None: chosen for the data, and said aloud."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: Annotated[str, OneOf(CELLS)] = Field("lstm", description=f"one of {', '.join(CELLS)}")
    hidden_size: int = Field(200, ge=1, description="features of one token in each direction")
    num_layers: int = Field(1, ge=1, description="recurrent layers over the tokens")
    bidirectional: bool = Field(True, description="read every sentence from both ends")
    word_size: int = Field(100, ge=1, description="numbers of a word's vector")
    affix_size: int = Field(
        24, ge=1, description="numbers of the vector of each prefix, suffix, shape or neighbourhood"
    )
    character_size: int = Field(32, ge=0, description="numbers of a character's vector; 0: no character layer")
    character_hidden: int = Field(48, ge=1, description="features of the character layer in each direction")
    jamo: bool | None = Field(None, description="characters of Hangul are its letters")
    crf: bool = Field(True, description="score whole tag sequences; without, every tag by itself")
    scheme: Literal["bioes", "keep"] = Field("bioes", description="how entities are marked inside the model")
    dropout: float = Field(0.4, ge=0, lt=1, description="of features, the same for all tokens of a sentence")
    word_dropout: float = Field(0.05, ge=0, lt=1, description="of whole words, which are then unknown")
    min_count: int = Field(2, ge=1, description="words and affixes that come more rarely are unknown")
    best: int = Field(1, ge=1, le=100, description="tag sequences that an answer lists")
    broken: Literal["stop", "drop"] = Field("stop", description="what is done about sentences with broken lines")
    illegal: Literal["stop", "drop", "repair"] = Field("stop", description="what is done about illegal tag sequences")
    init: str | None = Field(
        None,
        min_length=1,
        description="a run of a model of text whose tokens, vectors and layers this one starts from",
    )
    engine: str = Field("auto", description="what runs the recurrent layers; see `unroll info`")


class Saved(BaseModel):
    """What the run folder keeps beside weights, config and vocabulary: a closed, versioned schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    tokens: str
    target: str
    tags: tuple[str, ...] = Field(min_length=1, max_length=100_000)
    scheme: Literal["iob1", "iob2", "ioe1", "ioe2", "bioes", "bilou", "bmes", "bmewo"] | None
    inner: Literal["iob1", "iob2", "ioe1", "ioe2", "bioes", "bilou", "bmes", "bmewo"] | None
    characters: bool
    start: Start | None = None


class Words(BaseModel):
    """The different tokens of training, by which a score tells known words from unknown ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: tuple[str, ...] = Field(max_length=100_000_000)
