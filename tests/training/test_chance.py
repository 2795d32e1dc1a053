"""When a run says that it learnt nothing."""

import numpy as np
import pytest

from unroll.training import Epoch, History, TrainSettings, entropy, nothing_learnt


def history(*losses: float, steps: int = 1_000) -> History:
    epochs = [
        Epoch(number=n + 1, steps=steps * (n + 1), loss=loss, metrics={}, learning_rate=0.1, tokens=1, seconds=0.0)
        for n, loss in enumerate(losses)
    ]
    return History(epochs=epochs)


def test_entropy_is_the_loss_of_the_frequencies() -> None:
    assert entropy(np.array([5, 5, 0])) == pytest.approx(np.log(2))
    assert entropy(np.array([3, 0])) == 0.0


@pytest.mark.parametrize(
    ("losses", "chance", "learnt"),
    [
        ((0.70, 0.69, 0.694), 0.693, False),
        ((0.70, 0.60), 0.693, True),
        # It left chance for a while: something was there to be learnt.
        ((0.60, 0.70), 0.693, True),
        ((2.0, 1.99), None, False),
        ((2.0, 1.5, 2.5), None, True),
        # One epoch says nothing where chance is not known; likelihoods of numbers may be below zero.
        ((2.0,), None, True),
        ((-1.0, -1.5), None, True),
        ((-1.0, -1.0), None, False),
        ((float("nan"),), 0.5, True),
        ((), 0.5, True),
    ],
)
def test_nothing_was_learnt_where_the_loss_stays(losses: tuple[float, ...], chance: float | None, learnt: bool) -> None:
    said = nothing_learnt(history(*losses), chance, TrainSettings())
    assert (said is None) == learnt
    if said is not None:
        first = "the training loss, 1.99" if losses[0] == 2.0 else "the training loss, -1 at"
        assert said.startswith("nothing was learnt: the training loss" if chance is not None else first)


def test_what_was_fitted_beside_a_network_still_answers() -> None:
    said = nothing_learnt(history(0.7), 0.693, TrainSettings(), aided=True)
    assert said is not None
    assert said.startswith("the network learnt nothing")
    assert "only what was fitted beside it answers" in said


@pytest.mark.parametrize(
    ("steps", "rate", "advice"),
    [
        (1_000, 1e-3, "--set training.learning_rate=0.003"),
        (1_000, 0.1, "a lower learning rate: --set training.learning_rate=0.01"),
        (20, 1e-3, "20 steps only: try --epochs 100"),
    ],
)
def test_one_thing_to_try_is_named(steps: int, rate: float, advice: str) -> None:
    said = nothing_learnt(history(0.7, steps=steps), 0.693, TrainSettings(learning_rate=rate))
    assert said is not None
    assert said.endswith(advice)
