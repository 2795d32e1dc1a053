"""The settings of tasks that read one text and write another, and the network that they describe."""

from __future__ import annotations

import abc
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from unroll.bundle import OneOf
from unroll.cells import CELLS
from unroll.decoding import Beam
from unroll.ids import UNKNOWN_ID
from unroll.layers import Attention, Score
from unroll.models.attention_decoder import AttentionDecoder, new_embedding
from unroll.models.encoder_decoder import EncoderDecoder
from unroll.models.encoders import RecurrentEncoder, recurrent_stack


class PairSettings(BaseModel, abc.ABC):
    """An encoder, a decoder with attention, and how is searched. None: chosen for the data, and said aloud."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: Annotated[str, OneOf(CELLS)] = Field("gru", description=f"the cell of both sides: {', '.join(CELLS)}")
    hidden_size: int = Field(
        320, ge=2, multiple_of=2, description="features of the decoder; of the encoder, half in each direction"
    )
    num_layers: int = Field(1, ge=1, description="recurrent layers of each side")
    embedding_size: int = Field(256, ge=1, description="numbers of a token's vector, and of what enters the softmax")
    attention: Literal["additive", "dot", "general"] = Field(
        "general", description="how the decoder compares its state with those of the encoder"
    )
    input_feeding: bool = Field(False, description="a step reads what the one before looked at; slower")
    tokens: Literal["bpe", "character", "jamo", "word"] = Field(
        "bpe", description="what a step is; jamo: the letters of Hangul syllables"
    )
    vocabulary: int | None = Field(None, ge=258, description="most tokens of a side; None: by the amount of text")
    shared: bool | None = Field(None, description="one vocabulary for both sides; None: if they share their letters")
    tied: bool = Field(True, description="the softmax uses the tokens' vectors")
    dropout: float = Field(0.3, ge=0, lt=1, description="of vectors, of encoder states and before the softmax")
    smoothing: float = Field(0.1, ge=0, lt=1, description="share of a label that is spread over all tokens")
    longest: int = Field(150, ge=1, description="tokens of a text; pairs with a longer one do not train")
    empty: Literal["stop", "drop"] = Field("stop", description="what is done about pairs with an empty side")
    beam: int = Field(5, ge=1, description="hypotheses that are carried on; 1: greedy search")
    length_penalty: float = Field(1.0, ge=0, description="how much longer texts are preferred; 0: not")
    coverage_penalty: float = Field(0.0, ge=0, description="cost of source tokens that are hardly looked at; 0: none")
    min_length: int = Field(0, ge=0, description="tokens that are written, at least")
    max_length: int = Field(150, ge=1, description="tokens that are written, at most")
    block_ngrams: int = Field(0, ge=0, description="no so many tokens come twice in a text; 0: no such rule")
    best: int = Field(1, ge=1, description="texts that an answer lists; not more than beam")
    engine: str = Field("auto", description="what runs the recurrent layers; see `unroll info`")

    @model_validator(mode="after")
    def _search_is_possible(self) -> PairSettings:
        if self.best > self.beam:
            raise ValueError(f"best must be at most beam = {self.beam}, got {self.best}")
        if self.min_length > self.max_length:
            raise ValueError(f"min_length must be at most max_length = {self.max_length}, got {self.min_length}")
        return self

    def search(self) -> Beam:
        """How is searched. What no vocabulary holds is never written."""
        return Beam(
            self.beam,
            length_penalty=self.length_penalty,
            coverage_penalty=self.coverage_penalty,
            min_length=self.min_length,
            max_length=self.max_length,
            block_ngrams=self.block_ngrams,
            forbidden=(UNKNOWN_ID,),
            n_best=self.best,
        )


def build_network(settings: PairSettings, source: int, target: int, *, shared: bool) -> EncoderDecoder:
    """The untrained network.

    Args:
        settings: of the run.
        source: tokens of the source's vocabulary.
        target: tokens of the target's.
        shared: whether the two are one.
    """
    cell, size, half = CELLS[settings.encoder], settings.embedding_size, settings.hidden_size // 2
    between = settings.dropout if settings.num_layers > 1 else 0.0
    read = [size, *[settings.hidden_size] * (settings.num_layers - 1)]
    written = [size * (2 if settings.input_feeding else 1), *[settings.hidden_size] * (settings.num_layers - 1)]
    encoder = recurrent_stack(
        [(cell(width, half), cell(width, half)) for width in read], dropout=between, engine=settings.engine
    )
    body = recurrent_stack(
        [(cell(width, settings.hidden_size),) for width in written], dropout=between, engine=settings.engine
    )
    decoder = AttentionDecoder(
        target,
        body,
        Attention(settings.hidden_size, settings.hidden_size, score=Score(settings.attention)),
        summary_size=settings.hidden_size,
        input_feeding=settings.input_feeding,
        tied=settings.tied,
        dropout=settings.dropout,
    )
    embedding = decoder.embedding if shared else new_embedding(source, size)
    return EncoderDecoder(embedding, RecurrentEncoder(encoder), decoder, dropout=settings.dropout)
