"""The settings of a model of the missing word."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from unroll.bundle import OneOf
from unroll.cells import CELLS

#: What a token may be.
Tokens = Literal["word", "character", "bpe"]


class FillSettings(BaseModel):
    """A model of the missing word."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: Annotated[str, OneOf(CELLS)] = Field("lstm", description=f"one of {', '.join(CELLS)}")
    tokens: Tokens = Field("word", description="what is missing: a word, a character, or a byte-pair piece")
    vocabulary: int = Field(20_000, ge=258, description="most tokens that are known, the most frequent first")
    embedding_size: int = Field(128, ge=1, description="numbers of a token's vector")
    hidden_size: int = Field(256, ge=1, description="features of one token in each direction")
    num_layers: int = Field(1, ge=1, description="recurrent layers in each direction")
    bidirectional: bool = Field(True, description="read what stands right of the gap, too")
    dropout: float = Field(0.2, ge=0, lt=1, description="of the vectors, between layers, and of what is known of a gap")
    window: int = Field(128, ge=2, description="tokens of a row; longer rows are cut")
    compare: bool = Field(True, description="train the same model with the left side only beside it")
    frame: str = Field(
        "keep", pattern="^(keep|drop)$", description="the licence text that Project Gutenberg puts around a book"
    )
    best: int = Field(5, ge=1, le=100, description="words that a prediction lists")
    baseline_order: int = Field(3, ge=1, le=5, description="longest n-gram tried as a baseline")
    engine: str = Field("auto", description="what runs the recurrent layers; see `unroll info`")

    @property
    def compared(self) -> bool:
        """Whether the same model with the left side only is trained beside the model."""
        return self.compare and self.bidirectional
