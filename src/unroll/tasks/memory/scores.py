"""How well networks remember, as a score and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from unroll.tasks.memory.data import NOTHING, Questions
from unroll.tasks.memory.settings import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def tensors_of(questions: Questions) -> tuple[Tensor, Tensor]:
    """Inputs and targets."""
    return torch.from_numpy(questions.inputs), torch.from_numpy(questions.targets)


@torch.no_grad()
def score(model: nn.Module, questions: Questions) -> float:
    """Accuracy at the steps that ask; for numbers mean squared error."""
    inputs, targets = tensors_of(questions)
    predictions = torch.cat([model(chunk) for chunk in inputs.chunk(max(1, len(inputs) // 250))])
    if targets.is_floating_point():
        return float(nn.functional.mse_loss(predictions, targets))
    asked = targets != NOTHING
    return float((predictions.argmax(dim=-1) == targets)[asked].float().mean())


def figure(name: str, results: Sequence[Result]) -> Figure:
    """The picture: score against lag, a line for each kind of network, or a bar at a single lag; and what remembers
    nothing.
    """
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(7, 4), layout="constrained")
    axes = drawn.subplots()
    lags = sorted({result.lag for result in results})
    if len(lags) == 1:
        # A line of one point would show neither where it stands nor what a guess reaches.
        axes.bar([result.cell for result in results], [result.score for result in results], width=0.5)
        axes.axhline(results[0].chance, color="grey", linestyle=":", label="remembers nothing")
        axes.set_xlabel(f"{lags[0]} bits" if name == "parity" else f"lag of {lags[0]} steps")
    else:
        for kind in dict.fromkeys(result.cell for result in results):
            own = [result for result in results if result.cell == kind]
            axes.plot([result.lag for result in own], [result.score for result in own], marker="o", label=kind)
        chances = {result.lag: result.chance for result in results}
        axes.plot(lags, [chances[lag] for lag in lags], color="grey", linestyle=":", label="remembers nothing")
        axes.set_xlabel("bits" if name == "parity" else "lag in steps")
    axes.set_ylabel("mean squared error" if name == "adding" else "accuracy")
    axes.set_title(f"How far they remember: {name}")
    axes.set_ylim(bottom=0)
    axes.legend()
    return drawn
