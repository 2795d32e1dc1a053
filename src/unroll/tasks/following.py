"""How a look inside follows a trained model: what each task's predictor says of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from unroll.inspect import Looks, Trace
from unroll.inspect.saliency import Score


class Followed(NamedTuple):
    """A model as `unroll.inspect` takes it.

    Attributes:
        subject: a predictor, or what asks it in a way that can be followed; as `unroll.inspect.Predicts`.
        score: what steps count for; None for its own first choice.
        decides: what that is called: the "answer", the "forecast", what was "written".
        apart: whether each record is an input of its own, and not a row of one.
        reads: whether records of the training data are inputs like the one that is looked at.
        looks: where in a picture it looked, from the trace of the record; None where it looks at none.
    """

    subject: Any
    score: Score | None = None
    decides: str = "answer"
    apart: bool = True
    reads: bool = True
    looks: Callable[[Trace], tuple[Looks, ...]] | None = None
