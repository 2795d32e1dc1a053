"""How networks are trained to remember, and what comes of it."""

from __future__ import annotations

from typing import NamedTuple


class Settings(NamedTuple):
    """How each network is trained.

    Attributes:
        hidden_size: H.
        num_layers: layers, or blocks of a grid.
        steps: at most so many batches of fresh rows; fewer once the task is solved.
        batch_size: rows of a batch.
        learning_rate: of Adam; None for the one that suits each network.
        clip_norm: largest norm of the whole gradient.
        seed: of the weights and the rows.
        engine: what runs the recurrent layers.
    """

    hidden_size: int = 64
    num_layers: int = 1
    steps: int = 3000
    batch_size: int = 32
    learning_rate: float | None = None
    clip_norm: float = 1.0
    seed: int = 0
    engine: str = "auto"


class Result(NamedTuple):
    """How one network did at one lag.

    Attributes:
        cell: its name.
        lag: steps between what must be remembered and the question.
        score: accuracy on fresh rows; for adding mean squared error.
        chance: the score of a guess that remembers nothing.
        steps: batches it was trained on.
        solved: whether the score is good enough to say so.
        parameters: of the network.
    """

    cell: str
    lag: int
    score: float
    chance: float
    steps: int
    solved: bool
    parameters: int
