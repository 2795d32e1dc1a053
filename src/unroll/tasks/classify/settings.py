"""The settings of a classifier, and what its run folder keeps of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from unroll.bundle import OneOf
from unroll.cells import CELLS
from unroll.errors import nearest
from unroll.models.encoders import GRID, OTHER_ENCODERS
from unroll.models.pooling import POOLINGS
from unroll.tasks.transfer import Start


class ClassifySettings(BaseModel):
    """The model of a classifier. None: chosen for the data, and said aloud."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: Annotated[str, OneOf(CELLS, (GRID,), OTHER_ENCODERS)] = Field(
        "lstm", description=f"{', '.join(CELLS)}, {GRID}; for comparison {', '.join(OTHER_ENCODERS)}"
    )
    hidden_size: int | None = Field(None, ge=1, description="features of one step in each direction")
    num_layers: int = Field(1, ge=1, description="recurrent layers, or blocks of a grid")
    bidirectional: bool = Field(True, description="read every row from both ends")
    embedding_size: int = Field(100, ge=1, description="numbers of a word's or character's vector")
    init: str | None = Field(
        None,
        min_length=1,
        description="a run of a model of text whose tokens, vectors and layers this one starts from",
    )
    words: bool = Field(True, description="with init: words with their n-grams are read beside its tokens")
    wide: Literal["none", "word", "character", "jamo"] = Field(
        "none", description="beside the network, a linear model of n-grams of these"
    )
    skip: bool = Field(False, description="a step's own vector is pooled beside what the recurrent layers make of it")
    tokens: Literal["word", "character", "jamo", "bpe"] | None = Field(
        None, description="what a step of a text is; jamo: the letters of Hangul syllables"
    )
    ngrams: int | None = Field(
        None, ge=0, le=12, description="longest n-gram, of a word's characters or of steps; 0: only the step itself"
    )
    pairs: bool = Field(False, description="a word and the one before it are a feature, too")
    vocabulary: int = Field(50_000, ge=1, description="features kept, the most frequent first")
    pooling: tuple[str, ...] = Field(("last", "mean", "max"), min_length=1, description=f"any of {', '.join(POOLINGS)}")
    dropout: float = Field(0.5, ge=0, lt=1, description="before the last layer and between recurrent layers")
    embedding_dropout: float = Field(0.3, ge=0, lt=1, description="of single numbers of a step's vector")
    step_dropout: float = Field(0.1, ge=0, lt=1, description="of whole words or characters")
    feature_dropout: float = Field(0.2, ge=0, lt=1, description="of single features of a step")
    noise: float = Field(0.1, ge=0, description="on numeric sequences in training, in standard deviations")
    label_smoothing: float = Field(0.05, ge=0, lt=1, description="share of the truth that is spread over all classes")
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: every class counts the same in the loss"
    )
    several: bool | None = Field(None, description="whether a row may have several labels, or none")
    engine: str = Field("auto", description="what runs the recurrent layers; see `unroll info`")

    @field_validator("pooling")
    @classmethod
    def _known_pooling(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in POOLINGS:
                raise ValueError(f"expected any of {', '.join(POOLINGS)}, got '{name}'{nearest(name, POOLINGS)}")
        return value


class Saved(BaseModel):
    """What the run folder keeps beside weights, config and vocabulary: a closed, versioned schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    classes: tuple[str, ...] = Field(min_length=2, max_length=1_000_000)
    inputs: tuple[str, ...] = Field(min_length=1)
    target: str
    series: bool
    several: bool
    input_size: int = Field(ge=1, le=100_000_000)
    hidden_size: int = Field(ge=1, le=65_536)
    start: Start | None = None
    wide_size: int | None = Field(None, ge=1, le=100_000_000)
