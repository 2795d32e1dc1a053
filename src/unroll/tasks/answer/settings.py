"""The settings of a reader that answers questions, and what its run folder keeps of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from unroll.bundle import OneOf
from unroll.cells import CELLS

#: What an answer is: one of those that training has, or a span of the text.
Form = Literal["choice", "span"]


class AnswerSettings(BaseModel):
    """The model of a reader. None: chosen for the data, and said aloud."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    answer: Form | None = Field(None, description="what an answer is: `choice`, one of training's, or `span` of a text")
    encoder: Annotated[str, OneOf(CELLS)] = Field("gru", description=f"one of {', '.join(CELLS)}")
    hidden_size: int = Field(64, ge=1, description="features of a sentence or token in each direction")
    num_layers: int = Field(1, ge=1, description="recurrent layers over the sentences or tokens")
    embedding_size: int = Field(64, ge=1, description="numbers of a word's vector")
    hops: int = Field(3, ge=1, le=20, description="of a choice: how often the story is looked at")
    memory: int = Field(64, ge=1, le=10_000, description="of a choice: sentences that are read, the last ones")
    support: float = Field(
        0.0, ge=0, description="of a choice: weight of a loss that tells the looks which lines support the answer"
    )
    longest: int = Field(12, ge=1, le=1000, description="of a span: tokens of an answer at most")
    min_count: int = Field(1, ge=1, description="words that come more rarely are unknown")
    dropout: float = Field(0.1, ge=0, lt=1, description="of sentences, tokens and features")
    best: int = Field(5, ge=1, le=100, description="answers that a prediction lists")
    broken: Literal["stop", "drop"] = Field("stop", description="what is done about questions with something wrong")
    unanswerable: Literal["stop", "drop"] = Field(
        "drop", description="of a span: what is done about questions that their text does not answer"
    )
    engine: str = Field("auto", description="what runs the recurrent layers; see `unroll info`")


class Saved(BaseModel):
    """What the run folder keeps beside weights, config and vocabulary: a closed, versioned schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    form: Form
    story: str
    question: str
    answer: str
    answers: tuple[str, ...] = Field(max_length=1_000_000)
    #: Of a span: log-ratios of how rare each word of training is, for the numbers beside a token.
    rarity: dict[str, float] = Field(default_factory=dict, max_length=10_000_000)
