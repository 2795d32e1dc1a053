"""What the two forms of answers have in common: from questions to tensors, and from what a network says to answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from unroll.tasks.answer.questions import Question
from unroll.tasks.parts import NetworkParts
from unroll.training import Loss


class Answer(NamedTuple):
    """What a network answers.

    Attributes:
        text: the answer.
        best: the likeliest answers with their probabilities, this one first.
        start: where a span begins in the text, in characters; -1 for a choice.
        looks: of a choice: for each hop the weights of all sentences that were read, the last ones of the story.
    """

    text: str
    best: dict[str, float]
    start: int = -1
    looks: list[list[float]] = []  # noqa: RUF012 - a NamedTuple default, never mutated


class Encoded(Protocol):
    """A question as numbers.

    Attributes:
        steps: sentences or tokens that are read.
    """

    @property
    def steps(self) -> int: ...


E = TypeVar("E", bound=Encoded)


class Reading(Protocol[E]):
    """One form of answers."""

    def network(self) -> nn.Module:
        """The network, untrained."""
        ...

    def encode(self, question: Question) -> E:
        """A question as numbers.

        Raises:
            DataError: it holds half of a character.
        """
        ...

    def steps(self, question: Question) -> Sequence[str]:
        """What is read of a question, a sentence or a token at a time."""
        ...

    def batch(self, encoded: Sequence[E]) -> tuple[Tensor, ...]:
        """The arguments of the network's forward."""
        ...

    def loss(self, model: nn.Module, encoded: Sequence[E], batch: Sequence[Tensor], device: torch.device) -> Loss:
        """The summed loss of some questions of training; `batch` is what `batch` gives for them."""
        ...

    def likeliest(self, said: Any) -> Tensor:
        """(B,) log-probabilities of the likeliest answers, from what a network gave."""
        ...

    def answers(self, network: nn.Module, questions: Sequence[Question], encoded: Sequence[E]) -> list[Answer]:
        """What a network in evaluation mode answers."""
        ...

    def network_parts(self, network: nn.Module) -> NetworkParts:
        """A network by itself."""
        ...

    def to_json(self) -> str:
        """Its vocabulary, for the run folder."""
        ...
