"""The settings of a language model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from unroll.bundle import OneOf
from unroll.cells import CELLS
from unroll.models.encoders import GRID


class GenerateSettings(BaseModel):
    """A language model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: Annotated[str, OneOf(CELLS, (GRID,))] = Field("lstm", description=f"one of {', '.join(CELLS)}, {GRID}")
    tokens: Literal["character", "jamo", "word", "bpe"] = Field(
        "character", description="what a step is; jamo: the letters of Hangul syllables"
    )
    vocabulary: int = Field(
        20_000, ge=258, description="most words or pieces that are kept; the rest is spelled in bytes"
    )
    embedding_size: int = Field(128, ge=1, description="numbers of a token's vector")
    hidden_size: int = Field(384, ge=1, description="features of one step")
    num_layers: int = Field(1, ge=1, description="recurrent layers, or blocks of a grid")
    tied: bool = Field(True, description="the softmax uses the tokens' vectors")
    dropout: float = Field(0.1, ge=0, lt=1, description="between layers and before the softmax")
    dropout_input: float = Field(0.0, ge=0, lt=1, description="of features of the tokens' vectors, for a whole chunk")
    weight_drop: float = Field(0.0, ge=0, lt=1, description="of recurrent weights")
    steps: int = Field(64, ge=1, description="tokens of a chunk, through which gradients pass; the state passes on")
    frame: Literal["keep", "drop"] = Field(
        "keep", description="the licence text that Project Gutenberg puts around a book"
    )
    temperature: float = Field(0.8, ge=0, description="of what `predict` writes; 0: always the likeliest token")
    top_k: int = Field(0, ge=0, description="draw from the k likeliest tokens only; 0: from all")
    top_p: float = Field(
        1.0, gt=0, le=1, description="draw from the fewest tokens that reach this probability together"
    )
    length: int = Field(400, ge=1, description="tokens that `predict` writes")
    baseline_order: int = Field(
        7, ge=1, le=12, description="longest n-gram tried as a baseline for characters; 4 at most for words"
    )
    engine: str = Field("auto", description="what runs the recurrent layers; see `unroll info`")

    @model_validator(mode="after")
    def _possible_for_a_grid(self) -> GenerateSettings:
        if self.encoder == GRID and self.weight_drop:
            raise ValueError(f"weight_drop is for {', '.join(CELLS)}: a grid has no recurrent matrix of its own")
        return self
