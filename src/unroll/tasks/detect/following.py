"""A detector's network on the last records of a stream, so that a look inside can follow it.

Shapes: B batch, T steps, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from unroll.models.next_step import NextStep
from unroll.tasks.base import Example
from unroll.tasks.following import Followed

#: Steps of a stream that are looked at: its last ones.
_LAST = 2000


class LastSteps:
    """A network that forecasts the step after each, on the last records of a stream; as `unroll.inspect.Predicts`.

    Args:
        network: that forecasts.
        encode: what the network is fed for all records of a stream.
    """

    def __init__(self, network: NextStep, encode: Callable[[Sequence[Any]], tuple[Tensor, ...]]) -> None:
        self.network = network
        self._encode = encode

    def followed(self) -> Followed:
        """How a look inside follows it: steps count for the last forecast."""
        return Followed(self, lambda answer: answer[:, -1].mean(), "forecast", apart=False, reads=False)

    def example(self, records: Sequence[Any], row: int = 0) -> Example:
        """All records as one row; its steps are numbered."""
        return Example(self._encode(records[-_LAST:]), ())

    def ask(self, inputs: tuple[Any, ...]) -> Tensor:
        """(B, T, C) forecasts of the step after each."""
        forecast: Tensor = self.network(*inputs)[0]
        return forecast

    def costs(self, inputs: tuple[Any, ...], answer: Tensor) -> Tensor:
        """(B, T) half the squared error of each forecast, but for the last, whose step is not there yet."""
        wrong = answer[:, :-1] - inputs[0][:, 1:, : answer.shape[2]]
        cost: Tensor = wrong.square().sum(dim=2) / 2
        return cost
