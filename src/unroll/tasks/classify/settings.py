"""The settings of a classifier, and what its run folder keeps of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from unroll.bundle import OneOf
from unroll.cells import CELLS
from unroll.errors import nearest
from unroll.models.encoders import GRID, OTHER_ENCODERS
from unroll.models.lstm_fcn import LSTM_FCN
from unroll.models.pooling import POOLINGS
from unroll.tasks.transfer import Start


class ClassifySettings(BaseModel):
    """The model of a classifier. None: chosen for the data, and said aloud."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: Annotated[str | None, OneOf(CELLS, (GRID, LSTM_FCN), OTHER_ENCODERS)] = Field(
        None,
        description=f"{', '.join(CELLS)}, {GRID}; {LSTM_FCN} for numeric sequences; for comparison"
        f" {', '.join(OTHER_ENCODERS)}",
    )
    hidden_size: int | None = Field(None, ge=1, description="features of one step in each direction")
    num_layers: int = Field(1, ge=1, description="recurrent layers, or blocks of a grid")
    bidirectional: bool = Field(True, description="read every row from both ends")
    members: int | None = Field(
        None, ge=1, le=64, description=f"{LSTM_FCN}: networks that learn side by side and answer together"
    )
    filters: int | None = Field(
        None, ge=1, description=f"{LSTM_FCN}: of the first and the last convolution; the middle one has twice as many"
    )
    stride: int | None = Field(
        None, ge=1, description=f"{LSTM_FCN}: steps of the series from one step of the convolutions to the next"
    )
    fixed: int | None = Field(
        None,
        ge=0,
        description=f"{LSTM_FCN}: features of fixed convolutions, whose linear model answers beside the networks; 0:"
        " none",
    )
    hold_out: bool | None = Field(
        None,
        description=f"{LSTM_FCN}: keep the drawn validation rows out of training; by default where they are enough"
        " to decide anything",
    )
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
    pooling: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description=f"any of {', '.join(POOLINGS)}; by default last, mean, max; {LSTM_FCN}: last, mean",
    )
    dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description=f"before the last layer and between recurrent layers; by default 0.5; {LSTM_FCN}: 0",
    )
    embedding_dropout: float = Field(0.3, ge=0, lt=1, description="of single numbers of a step's vector")
    step_dropout: float = Field(0.1, ge=0, lt=1, description="of whole words or characters")
    feature_dropout: float = Field(0.2, ge=0, lt=1, description="of single features of a step")
    noise: float | None = Field(
        None,
        ge=0,
        description=f"on numeric sequences in training, in standard deviations; by default 0.1; {LSTM_FCN}: 0",
    )
    label_smoothing: float = Field(0.05, ge=0, lt=1, description="share of the truth that is spread over all classes")
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: every class counts the same in the loss"
    )
    several: bool | None = Field(None, description="whether a row may have several labels, or none")
    engine: str = Field("auto", description="what runs the recurrent layers; see `unroll info`")

    @field_validator("pooling")
    @classmethod
    def _known_pooling(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in value or ():
            if name not in POOLINGS:
                raise ValueError(f"expected any of {', '.join(POOLINGS)}, got '{name}'{nearest(name, POOLINGS)}")
        return value

    def network(self, *, series: bool) -> str:
        """The encoder that is meant."""
        return self.encoder or (LSTM_FCN if series else "lstm")

    def dropped(self, name: str) -> float:
        """The dropout that is meant with this encoder."""
        if self.dropout is None:
            return 0.0 if name == LSTM_FCN else 0.5
        return self.dropout

    def poolings(self, name: str) -> tuple[str, ...]:
        """The poolings that are meant with this encoder."""
        return self.pooling or (("last", "mean") if name == LSTM_FCN else ("last", "mean", "max"))


class SeriesPlan(BaseModel):
    """The sizes of an LSTM-FCN, as they were chosen for the data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: int = Field(ge=1, le=64)
    filters: int = Field(ge=1, le=65_536)
    stride: int = Field(ge=1, le=1_000_000)
    steps: int = Field(ge=1, le=65_536, description="that a row is brought to for the LSTM")
    longest: int = Field(ge=1, le=100_000_000, description="steps of the longest row of the train part")
    fixed: int = Field(ge=0, le=10_000_000, description="features of fixed convolutions, about")


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
    plan: SeriesPlan | None = None
    gaps: bool = False
