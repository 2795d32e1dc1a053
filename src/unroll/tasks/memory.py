"""How far networks remember: made-up tasks with a lag, several cells, one table and one picture.

Not a task with data of its own (see `unroll.tasks.base`): the sequences are drawn as they are needed, so nothing can
be learnt by heart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from unroll.cells import CELLS, Cell, RNNCell
from unroll.cells.init import Initialiser, irnn, torch_default
from unroll.data.memory import NOTHING, MemoryTask, Questions, memory_task
from unroll.errors import ConfigError, nearest
from unroll.layers import Recurrent
from unroll.models.recall import Recall

#: Rows of a step, and rows that are scored.
BATCH, SCORED = 32, 1000
#: How good "solved" is: accuracy, and for adding mean squared error.
SOLVED_ACCURACY, SOLVED_ERROR = 0.99, 0.01
#: Steps between two looks at fresh rows.
_LOOK = 100
_EMBEDDING = 32


class Kind(NamedTuple):
    """A cell with its options and its initialisation."""

    make: Callable[[int, int], Cell]
    init: Initialiser


def _relu(input_size: int, hidden_size: int) -> Cell:
    return RNNCell(input_size, hidden_size, nonlinearity="relu")


#: What can be compared: every cell by its name, and the ReLU network that starts as the identity (Le, Jaitly, Hinton
#: 2015).
KINDS: dict[str, Kind] = {
    **{name: Kind(cell, torch_default) for name, cell in CELLS.items()},
    "irnn": Kind(_relu, irnn),
}


class Settings(NamedTuple):
    """How each network is trained.

    Attributes:
        hidden_size: H.
        steps: at most so many batches of fresh rows; fewer once the task is solved.
        learning_rate: of Adam.
        clip_norm: largest norm of the whole gradient.
        seed: of the weights and the rows.
        engine: what runs the recurrent layer.
    """

    hidden_size: int = 64
    steps: int = 3000
    learning_rate: float = 2e-3
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
    """

    cell: str
    lag: int
    score: float
    chance: float
    steps: int
    solved: bool


def _loss(answers: Tensor, targets: Tensor) -> Tensor:
    if targets.is_floating_point():
        return nn.functional.mse_loss(answers, targets)
    return nn.functional.cross_entropy(answers.flatten(0, 1), targets.flatten(), ignore_index=NOTHING)


def _tensors(questions: Questions) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(questions.inputs), torch.from_numpy(questions.targets)


@torch.no_grad()
def score(model: Recall, questions: Questions) -> float:
    """Accuracy at the steps that ask; for numbers mean squared error."""
    inputs, targets = _tensors(questions)
    answers = torch.cat([model(part) for part in inputs.chunk(max(1, len(inputs) // 250))])
    if targets.is_floating_point():
        return float(nn.functional.mse_loss(answers, targets))
    asked = targets != NOTHING
    return float((answers.argmax(dim=-1) == targets)[asked].float().mean())


def remember(task: MemoryTask, kind: str, lag: int, settings: Settings) -> Result:
    """Train one network at one lag and score it on rows it has not seen.

    Raises:
        ConfigError: the kind is unknown, or the lag too short for the task.
    """
    if kind not in KINDS:
        raise ConfigError(f"unknown cell '{kind}'{nearest(kind, KINDS)}; known: {', '.join(KINDS)}")
    if lag < 0:
        raise ConfigError(f"the lag must be 0 steps or more, got {lag}")
    torch.manual_seed(settings.seed)
    size = _EMBEDDING if task.tokens else 2
    made = KINDS[kind]
    layer = Recurrent(made.make(size, settings.hidden_size), batch_first=True, engine=settings.engine, init=made.init)
    model = Recall(layer, len(task.tokens))
    optimiser = torch.optim.Adam(model.parameters(), settings.learning_rate)
    draw = np.random.default_rng([settings.seed, lag])
    fresh = task.make(np.random.default_rng([settings.seed, lag, 1]), SCORED, lag)
    found, done = Result(kind, lag, score(model, fresh), fresh.chance, 0, False), 0
    while done < settings.steps and not found.solved:
        for _ in range(min(_LOOK, settings.steps - done)):
            inputs, targets = _tensors(task.make(draw, BATCH, lag))
            optimiser.zero_grad()
            _loss(model(inputs), targets).backward()  # type: ignore[no-untyped-call]  # torch has no types here
            nn.utils.clip_grad_norm_(model.parameters(), settings.clip_norm)
            optimiser.step()
            done += 1
        value = score(model, fresh)
        solved = value >= SOLVED_ACCURACY if task.tokens else value < SOLVED_ERROR
        found = Result(kind, lag, value, fresh.chance, done, solved)
    return found


def compare(
    name: str, language: str, kinds: Sequence[str], lags: Sequence[int], settings: Settings
) -> Iterator[Result]:
    """Train every kind of network at every lag, shortest first; results come as they are found.

    Raises:
        ConfigError: a name is unknown, or a lag too short.
    """
    task = memory_task(name, language)
    for kind in kinds:
        if kind not in KINDS:
            raise ConfigError(f"unknown cell '{kind}'{nearest(kind, KINDS)}; known: {', '.join(KINDS)}")
    for lag in sorted(lags):
        for kind in kinds:
            yield remember(task, kind, lag, settings)


def figure(name: str, results: Sequence[Result]) -> Any:
    """The picture: score against lag, a line for each kind of network, and what remembers nothing."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(7, 4), layout="constrained")
    axes = drawn.subplots()
    for kind in dict.fromkeys(result.cell for result in results):
        own = [result for result in results if result.cell == kind]
        axes.plot([result.lag for result in own], [result.score for result in own], marker="o", label=kind)
    lags = sorted({result.lag for result in results})
    chances = {result.lag: result.chance for result in results}
    axes.plot(lags, [chances[lag] for lag in lags], color="grey", linestyle=":", label="remembers nothing")
    axes.set_xlabel("lag in steps")
    axes.set_ylabel("mean squared error" if name == "adding" else "accuracy")
    axes.set_title(f"How far they remember: {name}")
    axes.set_ylim(bottom=0)
    axes.legend()
    return drawn
