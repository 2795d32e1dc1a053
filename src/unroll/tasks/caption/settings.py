"""The settings of a model that captions pictures, and what its run folder keeps of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from unroll.bundle import OneOf
from unroll.cells import CELLS


class CaptionSettings(BaseModel):
    """The model of captions. None: chosen for the data, and said aloud."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    backbone: str | None = Field(
        None,
        min_length=1,
        description="safetensors of timm's tf_efficientnet_lite0, frozen; without, a small network is trained",
    )
    images: str | None = Field(None, min_length=1, description="the folder of the pictures, if it is not found")
    side: int | None = Field(
        None, ge=8, le=1024, description="pixels of the longer side; of a backbone, of both sides; default 128, 224"
    )
    encoder: Annotated[str, OneOf(CELLS)] = Field("lstm", description=f"one of {', '.join(CELLS)}")
    hidden_size: int = Field(256, ge=1, description="features of the recurrent layers that write")
    num_layers: int = Field(1, ge=1, description="recurrent layers that write")
    embedding_size: int = Field(256, ge=1, description="numbers of a word's vector, and of a cell after one linear map")
    input_feeding: bool = Field(True, description="whether a step reads what the step before it saw")
    stochastic: float = Field(1.0, ge=0, description="weight of the doubly stochastic term: looks shared by all cells")
    smoothing: float = Field(0.1, ge=0, lt=1, description="share of every label that is spread over all words")
    dropout: float = Field(0.4, ge=0, lt=1, description="of cells, words' vectors and what enters the softmax")
    min_count: int = Field(3, ge=1, description="words that come more rarely are unknown")
    beam: int = Field(3, ge=1, le=100, description="captions that are carried on side by side")
    length_penalty: float = Field(0.7, ge=0, le=10, description="how much longer captions are favoured; 0: not")
    longest: int = Field(40, ge=1, le=1000, description="tokens of a caption at most")
    best: int = Field(1, ge=1, le=100, description="captions that a prediction lists; at most `beam`")
    broken: Literal["stop", "drop"] = Field("stop", description="what is done about captions with something wrong")
    engine: str = Field("auto", description="what runs the recurrent layers; see `unroll info`")


class Saved(BaseModel):
    """What the run folder keeps beside weights, config and vocabulary: a closed, versioned schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    image: str
    caption: str
    height: int = Field(ge=1, le=4096)
    width: int = Field(ge=1, le=4096)
    #: SHA-256 of the backbone's file; None: a small network that was trained along.
    backbone: str | None
