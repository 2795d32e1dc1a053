"""How far networks remember: made-up tasks with a lag, several cells, one table and one picture.

Not a task with data of its own (see `unroll.tasks.base`): the sequences are drawn as they are needed, so nothing can
be learnt by heart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from unroll.errors import ConfigError, nearest
from unroll.tasks.memory.data import NOTHING, MemoryTask, memory_task
from unroll.tasks.memory.network import KINDS, build_network
from unroll.tasks.memory.scores import score, tensors_of
from unroll.tasks.memory.settings import Result, Settings

#: Rows that are scored.
SCORED = 1000
#: How good "solved" is: accuracy, and for adding mean squared error.
SOLVED_ACCURACY, SOLVED_ERROR = 0.99, 0.01
#: Steps between two looks at fresh rows.
_LOOK = 100
_EMBEDDING = 32


def _loss(predictions: Tensor, targets: Tensor) -> Tensor:
    if targets.is_floating_point():
        return nn.functional.mse_loss(predictions, targets)
    return nn.functional.cross_entropy(predictions.flatten(0, 1), targets.flatten(), ignore_index=NOTHING)


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
    model = build_network(task, KINDS[kind], lag, settings, _EMBEDDING if task.tokens else fresh.inputs.shape[2])
    rate = KINDS[kind].learning_rate if settings.learning_rate is None else settings.learning_rate
    optimiser = torch.optim.Adam(model.parameters(), rate)

    def solved(value: float) -> bool:
        return value < SOLVED_ERROR if task.answers == 1 else value > SOLVED_ACCURACY

    done, value = 0, score(model, fresh)
    while done < settings.steps and not solved(value):
        for _ in range(min(_LOOK, settings.steps - done)):
            inputs, targets = tensors_of(task.make(draw, settings.batch_size, lag))
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
