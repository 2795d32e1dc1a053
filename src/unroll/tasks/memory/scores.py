"""How well networks remember, as a score and as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unroll.report.charts import Axis, AxisKind, Bars, Curve, Plot
from unroll.tasks.memory.data import NOTHING, Questions
from unroll.tasks.memory.settings import Result


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
