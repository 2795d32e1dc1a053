"""Small networks on made-up rows: the one way in which the lab trains.

Shapes: T steps, B rows, I features, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from unroll.report.charts.scale import power_of_ten

#: From a seed and a number of rows to the inputs (T, B, I) and the answers, (B,) or (T, B) classes.
Draw = Callable[[int, int], tuple[Tensor, Tensor]]
#: Rows that are scored, and the seed that no training row has.
SCORED, _FRESH = 512, 2**31
#: Between the parts of one number: a line does not end there.
_NEAR = "\N{NO-BREAK SPACE}"
#: Steps between two looks at fresh rows.
_LOOK = 20


class Trained(NamedTuple):
    """A small network after its training.

    Attributes:
        model: the network.
        accuracy: on rows that it has not seen.
        steps: that it was trained for; fewer than allowed if it had learnt it before.
        losses: of every step.
        norms: of the gradient before clipping, of every step.
    """

    model: nn.Module
    accuracy: float
    steps: int
    losses: list[float]
    norms: list[float]


class AtTheEnd(nn.Module):
    """A layer, and one answer from its last step.

    Args:
        layer: takes (T, B, I) and gives (y, state).
        size: features of y.
        classes: K.
    """

    def __init__(self, layer: nn.Module, size: int, classes: int) -> None:
        super().__init__()
        self.layer = layer
        self.head = nn.Linear(size, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(T, B, I) to (B, K)."""
        scores: Tensor = self.head(self.layer(x)[0][-1])
        return scores


class AtEveryStep(nn.Module):
    """A layer, and one answer for each of its steps; the arguments are those of `AtTheEnd`."""

    def __init__(self, layer: nn.Module, size: int, classes: int) -> None:
        super().__init__()
        self.layer = layer
        self.head = nn.Linear(size, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(T, B, I) to (T, B, K)."""
        scores: Tensor = self.head(self.layer(x)[0])
        return scores


def train(
    model: nn.Module,
    draw: Draw,
    *,
    steps: int,
    rate: float = 5e-3,
    clip: float = 1.0,
    rows: int = 32,
    seed: int = 0,
    enough: float = 0.995,
) -> Trained:
    """Train with Adam on fresh rows until the network is right or the steps are used up.

    Args:
        model: from inputs to scores, classes last.
        draw: makes the rows.
        steps: at most.
        rate: of Adam.
        clip: largest norm of the gradient; 0: not clipped.
        rows: B of a step.
        seed: of the rows.
        enough: accuracy on fresh rows at which training ends.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    losses, norms = [], []
    for step in range(steps):
        x, truth = draw(seed * 100_003 + step, rows)
        loss = nn.functional.cross_entropy(model(x).flatten(0, -2), truth.flatten())
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        norm = float(nn.utils.clip_grad_norm_(model.parameters(), clip or math.inf))
        losses.append(float(loss.detach()))
        norms.append(norm)
        if not math.isfinite(norm):
            break
        optimiser.step()
        if step % _LOOK == _LOOK - 1 and accuracy(model, draw, seed=_FRESH + 1, rows=128) >= enough:
            break
    return Trained(model, accuracy(model, draw), len(losses), losses, norms)


@torch.no_grad()
def accuracy(model: nn.Module, draw: Draw, *, seed: int = _FRESH, rows: int = SCORED) -> float:
    """The share of right answers on rows that training does not have."""
    x, truth = draw(seed, rows)
    return float((model(x).argmax(dim=-1) == truth).float().mean())


def generator(seed: int) -> torch.Generator:
    """A generator of random numbers of its own."""
    return torch.Generator().manual_seed(seed)


def first_symbol(lag: int, kinds: int = 4) -> Draw:
    """Rows whose first step shows one of some symbols, and whose other steps show noise; asked for at the end: which
    it was.

    Args:
        lag: steps between the symbol and the end.
        kinds: K.
    """

    def draw(seed: int, rows: int) -> tuple[Tensor, Tensor]:
        drawn = generator(seed)
        x = torch.zeros(lag + 1, rows, kinds + 1)
        x[:, :, kinds] = torch.randn(lag + 1, rows, generator=drawn)
        truth = torch.randint(0, kinds, (rows,), generator=drawn)
        x[0, :, :kinds] = 2.0 * nn.functional.one_hot(truth, kinds)
        return x, truth

    return draw


def percent(share: float) -> str:
    """A share as whole percent; what is not nothing and not all is not called so.

    Example:
        >>> percent(0.25), percent(0.002), percent(0.998), percent(1.0)
        ('25%', '<1%', '>99%', '100%')
    """
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{100 * share:.0f}%"


def power(value: float) -> str:
    """A number over many powers of ten."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 0.001 <= abs(value) < 10_000:
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    exponent = math.floor(math.log10(abs(value)))
    return f"{value / 10**exponent:.1f}{_NEAR}×{_NEAR}{power_of_ten(exponent)}"
