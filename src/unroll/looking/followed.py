"""How models of every task are asked, so that a look inside can follow what they did.

Shapes: B batch, T steps, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from unroll.inspect.saliency import Score
from unroll.looking.written import writer_of
from unroll.models.next_step import NextStep
from unroll.models.span import SpanReader, Spans
from unroll.tasks.base import Example, Predictor
from unroll.trained import Model

#: Steps of a stream that are looked at: its last ones.
_LAST = 2000


class Followed(NamedTuple):
    """A model as `unroll.inspect` takes it.

    Attributes:
        subject: the model, or what asks it in a way that can be followed.
        score: what steps count for; None for its own first choice.
        decides: what that is called: the "answer", the "forecast", what was "written".
        apart: whether each record is an input of its own, and not a row of one.
        reads: whether texts of the training data are inputs like the one that is looked at.
    """

    subject: Any
    score: Score | None
    decides: str
    apart: bool
    reads: bool


def followed(model: Model, record: Any) -> Followed:
    """How a model is followed.

    Args:
        model: trained.
        record: that is looked at.
    """
    network = model.network
    if isinstance(network, NextStep):
        return Followed(Stream(model.predictor), _next, "forecast", False, False)
    if isinstance(network, SpanReader):
        return Followed(Span(model.predictor), _span, "answer", True, False)
    writer = writer_of(model)
    if writer is not None:
        return Followed(writer, writer.score(record), "written", True, False)
    apart = type(model.predictor).example is Predictor.example
    if model.task == "forecast":
        return Followed(model, _mean, "forecast", apart, False)
    return Followed(model, None, "answer", apart, True)


class Stream:
    """A network that forecasts the step after each, on the last records of a stream; as `unroll.inspect.Predicts`.

    Args:
        predictor: whose network it is.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.network: nn.Module = predictor.network
        self._predictor = predictor

    def example(self, records: Sequence[Any], row: int = 0) -> Example:
        """All records as one row; its steps are numbered."""
        return Example(self._predictor.encode(records[-_LAST:]), ())

    def ask(self, inputs: tuple[Any, ...]) -> Tensor:
        """(B, T, C) forecasts of the step after each."""
        forecast: Tensor = self.network(*inputs)[0]
        return forecast

    def costs(self, inputs: tuple[Any, ...], answer: Tensor) -> Tensor:
        """(B, T) half the squared error of each forecast, but for the last, whose step is not there yet."""
        wrong = answer[:, :-1] - inputs[0][:, 1:, : answer.shape[2]]
        cost: Tensor = wrong.square().sum(dim=2) / 2
        return cost


class Span:
    """A network that says where an answer begins and ends; as `unroll.inspect.Predicts`.

    Args:
        predictor: whose network it is.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.network: nn.Module = predictor.network
        self._predictor = predictor

    def example(self, records: Sequence[Any], row: int = 0) -> Example:
        """See `Predictor.example`."""
        return self._predictor.example(records, row)

    def ask(self, inputs: tuple[Any, ...]) -> Spans:
        """Log probabilities of both ends."""
        spans: Spans = self.network(*inputs)
        return spans

    def costs(self, inputs: tuple[Any, ...], answer: Spans) -> Tensor:
        """(B,) of the likeliest ends."""
        return -(answer.start.amax(dim=1) + answer.end.amax(dim=1))


def _span(answer: Spans) -> Tensor:
    return (answer.start.amax(dim=1) + answer.end.amax(dim=1)).sum()


def _next(answer: Tensor) -> Tensor:
    return answer[:, -1].mean()


def _mean(answer: Tensor) -> Tensor:
    return answer.mean()
