"""The settings of a model that answers, and what its run folder keeps of its data."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from unroll.metrics.translation import Words
from unroll.tasks.pair_settings import PairSettings

#: What the run folder's file of columns is called.
FILE = "chat.json"


class ChatSettings(PairSettings):
    """A model that answers."""

    history: int = Field(2, ge=1, le=20, description="turns that are read before an answer")
    tokenize: Words | None = Field(
        None, description="how BLEU cuts texts into words; None: by the script of the answers"
    )


class Saved(BaseModel):
    """What the run folder keeps beside weights, config and vocabularies: a closed, versioned schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    question: str
    answer: str | None
    passage: str | None = None
    tokenize: Words
