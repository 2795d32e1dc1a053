"""What the loop needs of a task, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn


class Loss(NamedTuple):
    """The loss of some rows.

    Attributes:
        total: sum over the items (not the mean), a scalar with a gradient.
        items: how many items the sum runs over; 0 is allowed.
        tokens: time steps seen, for the rate that is shown.
    """

    total: Tensor
    items: int
    tokens: int


class Monitor(NamedTuple):
    """The validation metric that early stopping and the choice of the best weights go by."""

    metric: str
    higher_is_better: bool


class Inside(NamedTuple):
    """What was seen inside a network while it trains.

    Attributes:
        values: numbers by name, for the log.
        warning: one line, empty if nothing is wrong.
    """

    values: Mapping[str, float]
    warning: str


class Looker(Protocol):
    """Looks inside the network now and then, at a bounded share of the time, without a trace on the training."""

    def look(self, rows: np.ndarray, device: torch.device, elapsed: float) -> Inside | None:
        """What is seen on some rows of a batch; None if it is not time yet.

        Args:
            rows: of a global batch.
            device: where the network is.
            elapsed: seconds of training in this sitting.
        """


@runtime_checkable
class Timed(Protocol):
    """A learner that knows how long it waits for its data."""

    @property
    def waited(self) -> float:
        """Seconds that `loss` has waited so far for what the network is fed."""
        ...


class Learner(Protocol):
    """A task opened on its data, as the loop sees it.

    Attributes:
        model: the network that is trained.
    """

    model: nn.Module

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Global batches of row numbers: a pure function of the run's seed and the epoch (counted from 0)."""

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """The summed loss of these rows, which are this process's share of one global batch and never empty."""

    def validate(self) -> dict[str, float]:
        """Metric values on the validation rows, with the model used as it will be used; empty if there are none."""

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Parameter groups for AdamW, each with its `lr`, and with its `depth` where layers are told apart: 0 for what
        gives the answer, 1 for the layer below ... The first group is of depth 0."""

    def carried(self) -> dict[str, Tensor]:
        """State that passes from one batch to the next (truncated BPTT); mostly empty. Kept per process."""

    def carry(self, state: dict[str, Tensor]) -> None:
        """Take up the state that `carried` gave."""
