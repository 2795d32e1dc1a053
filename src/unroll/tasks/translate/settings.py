"""The settings of a translator, and what its run folder keeps of its data."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from unroll.metrics.translation import Words
from unroll.tasks.pair_settings import PairSettings

#: What the run folder's file of columns is called.
FILE = "translate.json"


class TranslateSettings(PairSettings):
    """A translator."""

    source: str | None = Field(None, description="the column to translate from; None: the other one of two")
    ratio: float = Field(
        9.0, ge=1, description="pairs whose longer side has more than so many times the words are found odd"
    )
    odd: Literal["keep", "drop", "stop"] = Field("keep", description="what is done about odd pairs")
    tokenize: Words | None = Field(
        None, description="how BLEU cuts texts into words; None: by the script of the target"
    )


class Saved(BaseModel):
    """What the run folder keeps beside weights, config and vocabularies: a closed, versioned schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    source: str
    target: str
    tokenize: Words
    judged_by: Literal["bleu", "chrf"] = "bleu"
