"""The settings of a transcriber, and what its run folder keeps of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from unroll.bundle import OneOf
from unroll.cells import CELLS


class TranscribeSettings(BaseModel):
    """The model of a transcriber. None: chosen for the data, and said aloud."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: Annotated[str, OneOf(CELLS)] = Field("lstm", description=f"one of {', '.join(CELLS)}")
    hidden_size: int = Field(128, ge=1, description="features of one step in each direction")
    num_layers: int = Field(2, ge=1, description="recurrent layers")
    bidirectional: bool = Field(
        True, description="read every recording from both ends; without, the model can also listen to a stream"
    )
    rate: int | None = Field(
        None, ge=1_000, le=48_000, description="samples per second that the model hears; all others are resampled"
    )
    bands: int = Field(40, ge=2, le=256, description="log-mel bands of a frame of 25 ms, every 10 ms")
    frames: int = Field(3, ge=1, le=16, description="frames that are read in one step")
    delay: int | None = Field(
        None, ge=0, le=100, description="steps that a model which reads forwards only hears before it answers for one"
    )
    dropout: float = Field(0.3, ge=0, lt=1, description="of features, below, between and above the layers")
    masks: int = Field(2, ge=0, le=20, description="SpecAugment: stretches of frames, and of bands, hidden in training")
    mask_bands: float = Field(0.15, ge=0, le=1, description="SpecAugment: share of the bands that one mask hides")
    mask_frames: float = Field(0.15, ge=0, le=1, description="SpecAugment: share of the frames that one mask hides")
    stretch: float = Field(0.15, ge=0, lt=1, description="faster or slower in training, by at most this share")
    loudness: float = Field(6.0, ge=0, le=60, description="louder or softer in training, by at most so many dB")
    voice: float = Field(
        0.1, ge=0, lt=1, description="as of a longer or shorter throat in training, at most this share"
    )
    decoder: Literal["greedy", "beam"] = Field("beam", description="how letters are read off the network's steps")
    beam: int = Field(8, ge=1, le=1000, description="texts that the beam decoder keeps in mind")
    order: int = Field(6, ge=1, le=20, description="letters that the n-gram model of the beam decoder looks at")
    alphabet: str | None = Field(None, min_length=1, description="the letters; None: those of the training transcripts")
    longest: float = Field(40.0, gt=0, le=3600, description="seconds of the longest recording that is read")
    broken: Literal["stop", "drop"] = Field(
        "stop", description="what is done about recordings that are missing, unreadable, cut off, empty or too long"
    )
    silent: Literal["stop", "drop", "keep"] = Field("stop", description="what is done about silent recordings")
    clipped: Literal["stop", "drop", "keep"] = Field("keep", description="what is done about clipped recordings")
    unfit: Literal["stop", "drop"] = Field(
        "stop", description="what is done about transcripts that are empty or longer than CTC can fit into the sound"
    )
    outside: Literal["stop", "drop", "cut"] = Field(
        "stop", description="what is done about letters outside the alphabet; cut: they are left out of the transcript"
    )
    engine: str = Field("auto", description="what runs the recurrent layers; see `unroll info`")


class Saved(BaseModel):
    """What the run folder keeps beside weights and config: a closed, versioned schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    audio: str
    rate_column: str | None
    target: str
    rate: int = Field(ge=1_000, le=48_000)
    letters: tuple[str, ...] = Field(min_length=1, max_length=100_000)
    delay: int = Field(ge=0, le=100)


class Spoken(BaseModel):
    """The different transcripts of training, of which the n-gram model of letters is made, and how often each came."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    counts: dict[str, int] = Field(max_length=10_000_000)
