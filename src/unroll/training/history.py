"""The record of a training run."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _number(value: object) -> object:
    return math.nan if value is None else value


#: A metric's value; JSON has no word for NaN and says null.
Value = Annotated[float, BeforeValidator(_number)]


class Epoch(BaseModel):
    """One pass over the training rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(description="counted from 1")
    steps: int = Field(description="optimiser steps since the beginning of the run")
    loss: float = Field(description="mean training loss per item")
    metrics: dict[str, Value] = Field(description="the validation scores; empty without validation rows")
    learning_rate: float = Field(description="of the first parameter group, at the end")
    tokens: int = Field(description="time steps seen in this epoch by all processes")
    seconds: float = Field(description="wall time of the epoch, validation included")
    data_seconds: float = Field(default=0.0, description="of it, how long steps waited for their rows")
    exchange_seconds: float = Field(default=0.0, description="of it, how long sums over several processes took")
    sent_bytes: int = Field(default=0, description="what the main process gave to those sums")


class History(BaseModel):
    """What happened in a run, over all its sittings."""

    model_config = ConfigDict(extra="forbid")

    epochs: list[Epoch] = Field(default_factory=list, description="one entry per finished epoch")
    best: int = Field(default=0, description="number of the epoch whose weights were kept; 0 if none was validated")
    stopped: str = Field(default="", description='why the run ended: "epochs" or "patience"; empty while it has not')
    seconds: float = Field(default=0.0, description="wall time of training, validation included")

    def to_json(self) -> dict[str, Any]:
        """As plain values, for metrics and reports."""
        return self.model_dump()
