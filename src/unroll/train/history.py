"""The record of a training run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows.

    Attributes:
        number: counted from 1.
        steps: optimiser steps since the beginning of the run.
        loss: mean training loss per item.
        metrics: the validation scores; empty without validation rows.
        learning_rate: of the first parameter group, at the end.
        tokens: time steps seen in this epoch by all processes.
        seconds: wall time of the epoch, validation included.
    """

    number: int
    steps: int
    loss: float
    metrics: dict[str, float]
    learning_rate: float
    tokens: int
    seconds: float


@dataclass
class History:
    """What happened in a run, over all its sittings.

    Attributes:
        epochs: one entry per finished epoch.
        best: number of the epoch whose weights were kept; 0 if none has been validated.
        stopped: why the run ended: "epochs", "patience", or empty while it has not.
        seconds: wall time of training, validation included.
    """

    epochs: list[Epoch] = field(default_factory=list)
    best: int = 0
    stopped: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> History:
        """The inverse of `to_json`."""
        return cls(**{**value, "epochs": [Epoch(**epoch) for epoch in value["epochs"]]})
