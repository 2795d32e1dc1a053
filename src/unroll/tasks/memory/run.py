"""How far networks remember: made-up tasks with a lag, several cells, one table and one picture.

Not a task with data of its own (see `unroll.tasks.base`): the sequences are drawn as they are needed, so nothing can
be learnt by heart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from unroll.cells import CELLS, Cell, RNNCell
from unroll.cells.init import Initialiser, chrono, irnn, torch_default
from unroll.errors import ConfigError, nearest
from unroll.layers import GridLSTM, GridLSTM1d, Recurrent, Stack
from unroll.models.recall import DepthRecall, Recall
from unroll.report.charts import Axis, AxisKind, Bars, Curve, Plot
from unroll.tasks.memory.questions import NOTHING, MemoryTask, Questions, memory_task

#: Rows that are scored.
SCORED = 1000
#: How good "solved" is: accuracy, and for adding mean squared error.
SOLVED_ACCURACY, SOLVED_ERROR = 0.99, 0.01
#: Steps between two looks at fresh rows.
_LOOK = 100
_EMBEDDING = 32
#: Standard deviations at the start where all is read at once: of the weights that every bit enters with, which are the
#: same for all bits, and of the biases, which put the thresholds of the units at different numbers of ones.
_EQUAL_WEIGHT, _EQUAL_BIAS = 0.25, 1.0


class Shape(NamedTuple):
    """What a network is built for: I, H, layers, the lag, and what runs it."""

    input_size: int
    hidden_size: int
    num_layers: int
    lag: int
    engine: str


class Kind(NamedTuple):
    """A network that can be compared.

    Attributes:
        build: its layers over time.
        learning_rate: of Adam, that suits it.
        deep: what stands for it where all is read at once; None: the same layers, for one step.
    """

    build: Callable[[Shape], Stack | GridLSTM]
    learning_rate: float = 2e-3
    deep: Callable[[Shape], GridLSTM1d] | None = None


def _relu(input_size: int, hidden_size: int) -> Cell:
    return RNNCell(input_size, hidden_size, nonlinearity="relu")


def _recurrent(cell: Callable[[int, int], Cell], init: Callable[[int], Initialiser]) -> Callable[[Shape], Stack]:
    """Layers of one cell; `init` takes the lag."""

    def build(shape: Shape) -> Stack:
        sizes = [shape.input_size, *[shape.hidden_size] * (shape.num_layers - 1)]
        return Stack(
            [
                Recurrent(cell(size, shape.hidden_size), batch_first=True, engine=shape.engine, init=init(shape.lag))
                for size in sizes
            ]
        )

    return build


def _grid(shape: Shape) -> GridLSTM:
    return GridLSTM(shape.input_size, shape.hidden_size, shape.num_layers, batch_first=True)


def _deep_grid(shape: Shape) -> GridLSTM1d:
    return GridLSTM1d(shape.input_size, shape.hidden_size, shape.num_layers)


#: What can be compared: every cell by its name, with torch's initialisation; the ReLU network that starts as the
#: identity (Le, Jaitly, Hinton 2015, section 2); gated cells that start with memories up to the lag (Tallec, Ollivier
#: 2018); the grid.
KINDS: dict[str, Kind] = {
    **{name: Kind(_recurrent(cell, lambda _: torch_default)) for name, cell in CELLS.items()},
    "irnn": Kind(_recurrent(_relu, lambda _: irnn), 1e-5),
    **{f"chrono-{name}": Kind(_recurrent(CELLS[name], lambda lag: chrono(max(lag, 3)))) for name in ("lstm", "gru")},
    "grid": Kind(_grid, deep=_deep_grid),
}


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


def _loss(answers: Tensor, targets: Tensor) -> Tensor:
    if targets.is_floating_point():
        return nn.functional.mse_loss(answers, targets)
    return nn.functional.cross_entropy(answers.flatten(0, 1), targets.flatten(), ignore_index=NOTHING)


def _tensors(questions: Questions) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(questions.inputs), torch.from_numpy(questions.targets)


@torch.no_grad()
def score(model: nn.Module, questions: Questions) -> float:
    """Accuracy at the steps that ask; for numbers mean squared error."""
    inputs, targets = _tensors(questions)
    answers = torch.cat([model(part) for part in inputs.chunk(max(1, len(inputs) // 250))])
    if targets.is_floating_point():
        return float(nn.functional.mse_loss(answers, targets))
    asked = targets != NOTHING
    return float((answers.argmax(dim=-1) == targets)[asked].float().mean())


def _build(task: MemoryTask, kind: Kind, lag: int, settings: Settings, features: int) -> Recall | DepthRecall:
    """The untrained network for inputs of so many features."""
    shape = Shape(features, settings.hidden_size, settings.num_layers, lag, settings.engine)
    if not task.whole:
        return Recall(kind.build(shape), task.answers, vocabulary=len(task.tokens))
    model: Recall | DepthRecall
    weight: Tensor
    bias: Tensor
    if kind.deep is None:
        stack = kind.build(shape)
        first = stack.get_submodule("layers.0") if isinstance(stack, Stack) else stack
        weight, bias = first.get_parameter("weight_ih"), first.get_parameter("bias_ih")
        model = Recall(stack, task.answers)
    else:
        grid = kind.deep(shape)
        weight, bias = grid.enter.weight, grid.enter.bias
        model = DepthRecall(grid, task.answers)
    # Every bit starts with the same weights: from unequal ones, no gradient leads to a function of their number.
    with torch.no_grad():
        weight.copy_(torch.randn(len(weight), 1).mul(_EQUAL_WEIGHT).expand_as(weight))
        bias.normal_(0.0, _EQUAL_BIAS)
    return model


@contextmanager
def _without_subnormals() -> Iterator[None]:
    """Take numbers below float32's normal range as zero: gradients that fade over a long row would else slow every
    product down tenfold.
    """
    already = bool(torch.tensor(1e-40) * 1.0 == 0.0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(already)


def remember(task: MemoryTask, kind: str, lag: int, settings: Settings) -> Result:
    """Train one network at one lag and score it on rows it has not seen.

    Raises:
        ConfigError: the kind is unknown, or the lag too short for the task.
    """
    if kind not in KINDS:
        raise ConfigError(f"unknown cell '{kind}'{nearest(kind, KINDS)}; known: {', '.join(KINDS)}")
    if lag < 0:
        raise ConfigError(f"the lag must be 0 steps or more, got {lag}")
    if settings.learning_rate is not None and settings.learning_rate <= 0:
        raise ConfigError(f"the learning rate must be above 0, got {settings.learning_rate}")
    with _without_subnormals():
        return _train(task, kind, lag, settings)


def _train(task: MemoryTask, kind: str, lag: int, settings: Settings) -> Result:
    torch.manual_seed(settings.seed)
    draw, watched, last = (np.random.default_rng([settings.seed, lag, part]) for part in range(3))
    looked = task.make(watched, SCORED, lag)
    fresh = task.make(last, SCORED, lag)
    model = _build(task, KINDS[kind], lag, settings, _EMBEDDING if task.tokens else fresh.inputs.shape[2])
    rate = KINDS[kind].learning_rate if settings.learning_rate is None else settings.learning_rate
    optimiser = torch.optim.Adam(model.parameters(), rate)

    def solved(value: float) -> bool:
        return value < SOLVED_ERROR if task.answers == 1 else value > SOLVED_ACCURACY

    done, value = 0, score(model, fresh)
    while done < settings.steps and not solved(value):
        for _ in range(min(_LOOK, settings.steps - done)):
            inputs, targets = _tensors(task.make(draw, settings.batch_size, lag))
            optimiser.zero_grad()
            _loss(model(inputs), targets).backward()  # type: ignore[no-untyped-call]  # torch has no types here
            nn.utils.clip_grad_norm_(model.parameters(), settings.clip_norm)
            optimiser.step()
            done += 1
        value = score(model, looked)
        # Training stops where it looks good, so what is reported comes from rows that did not decide when.
        if solved(value) or done == settings.steps:
            value = score(model, fresh)
    return Result(kind, lag, value, fresh.chance, done, solved(value), _size(model))


def _size(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


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


def figure(name: str, results: Sequence[Result]) -> Plot:
    """The picture: score against lag, a line for each kind of network, or a bar at a single lag; and what remembers
    nothing.
    """
    lags = sorted({result.lag for result in results})
    kinds = list(dict.fromkeys(result.cell for result in results))
    chances = {result.lag: result.chance for result in results}
    nothing = Curve("remembers nothing", lags, [chances[lag] for lag in lags], colour=6, dashed=True)
    value_axis = Axis(kind=AxisKind.LINEAR if name == "adding" else AxisKind.SHARE, low=0.0)
    title = f"How far they remember: {name}, {'mean squared error' if name == 'adding' else 'accuracy'}"
    distance = "bits" if name == "parity" else "lag in steps"
    if len(lags) == 1:
        # A line of one point would show neither where it stands nor what a guess reaches.
        bars = Bars("networks", range(len(kinds)), [result.score for result in results], 0.6)
        ends = [-0.5, len(kinds) - 0.5]
        nothing = nothing._replace(xs=ends, ys=[results[0].chance] * 2)
        return Plot(title, [bars, nothing], Axis(f"{lags[0]} {distance}", names=kinds), value_axis, wide=True)
    curves = [
        Curve(
            kind,
            [result.lag for result in results if result.cell == kind],
            [result.score for result in results if result.cell == kind],
            dots=True,
        )
        for kind in kinds
    ]
    return Plot(title, [*curves, nothing], Axis(distance, AxisKind.WHOLE), value_axis, wide=True)
