"""Learning rates and freezing by layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from training.toy import Toy, settings, train
from unroll.errors import ConfigError


class Watched(Toy):
    """Keeps the weights before training and after every epoch; the answer's layer is the last of the network."""

    def __init__(self) -> None:
        super().__init__(dropout=0, dtype=torch.float64)
        self.seen = [self.copy()]

    def copy(self) -> dict[str, torch.Tensor]:
        return {name: p.detach().clone() for name, p in self.model.named_parameters() if name != "unused"}

    def validate(self) -> dict[str, float]:
        self.seen.append(self.copy())
        return super().validate()


def moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> dict[str, bool]:
    return {name: not torch.equal(before[name], after[name]) for name in before}


def test_the_first_step_of_every_layer_has_the_length_of_its_rate(tmp_path: Path) -> None:
    """AdamW's first step is the rate times the sign of the gradient, whatever the gradient's size."""
    learner = Watched()
    learner.batches = lambda epoch: [torch.arange(30).numpy()]  # type: ignore[method-assign]
    chosen = settings(epochs=1, warmup=0, schedule="constant", weight_decay=0, layer_decay=2.6, learning_rate=0.01)
    train(learner, tmp_path, chosen)
    for name, before in learner.seen[0].items():
        rate = 0.01 if name.startswith("4.") else 0.01 / 2.6
        step = (learner.seen[1][name] - before).abs()
        # The smallest clipped gradient is a few 1e-5, beside which AdamW's 1e-8 shows in the fourth digit.
        torch.testing.assert_close(step, torch.full_like(step, rate), rtol=1e-3, atol=0)


def test_lower_layers_wait_and_are_neither_trained_nor_decayed(tmp_path: Path) -> None:
    learner = Watched()
    train(learner, tmp_path, settings(epochs=4, unfreeze=2, weight_decay=0.5))
    for epoch in range(4):
        for name, changed in moved(learner.seen[epoch], learner.seen[epoch + 1]).items():
            assert changed == (name.startswith("4.") or epoch >= 2), (epoch, name)


def test_a_frozen_layer_takes_no_part_in_clipping(tmp_path: Path) -> None:
    """The steps of the answer's layer are those of a network whose other layer cannot be trained at all."""
    frozen, fixed = Watched(), Watched()
    train(frozen, tmp_path / "a", settings(epochs=2, unfreeze=1, clip_norm=0.01, schedule="constant"))
    for name, parameter in fixed.model.named_parameters():
        parameter.requires_grad_(name.startswith("4."))
    answer = [p for p in fixed.model.parameters() if p.requires_grad]
    fixed.parameter_groups = lambda rate: [{"params": answer, "lr": rate}]  # type: ignore[method-assign]
    train(fixed, tmp_path / "b", settings(epochs=2, clip_norm=0.01, schedule="constant", weight_decay=0.01))
    # The bias is decayed in the second run only; the weight is in both.
    torch.testing.assert_close(frozen.seen[1]["4.weight"], fixed.seen[1]["4.weight"], rtol=1e-4, atol=1e-6)
    assert moved(frozen.seen[1], frozen.seen[2])["0.weight"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unfreeze": 3}, "the lowest of 2 layers would be trained from epoch 4 on, and there are 3"),
        ({"unfreeze": 1, "epochs": 1}, "from epoch 2 on, and there are 1; raise training.epochs"),
    ],
)
def test_a_run_that_ends_before_all_layers_are_trained_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(Watched(), tmp_path, settings(**changes))


@pytest.mark.parametrize("changes", [{"unfreeze": 1}, {"layer_decay": 2}])
def test_a_learner_without_layers_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    learner = Watched()
    learner.parameter_groups = lambda rate: [  # type: ignore[method-assign]
        {"params": list(learner.model.parameters()), "lr": rate}
    ]
    with pytest.raises(ConfigError, match=f"training.{next(iter(changes))} needs a task that tells layers apart"):
        train(learner, tmp_path, settings(**changes))
