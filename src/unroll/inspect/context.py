"""How much of the past a network uses.

Shapes: T steps, N contexts, W windows, B batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from unroll.errors import ConfigError

#: A context is long enough where it costs no more than this share over the longest one.
_ENOUGH = 0.01
#: Windows that are asked together.
_BATCH = 256


class ContextCost(NamedTuple):
    """What a loss becomes when only the last steps are read.

    Attributes:
        lengths: (N,) int64, steps that were read, rising.
        costs: (N,) float64, the mean loss.
    """

    lengths: np.ndarray
    costs: np.ndarray

    @property
    def effective(self) -> int:
        """The shortest context whose loss is within 1 % of that with the longest."""
        least = self.costs[-1] * (1.0 + _ENOUGH)
        return int(self.lengths[np.flatnonzero(self.costs <= least)[0]])


def context_cost(
    cost: Callable[[Tensor, Tensor], Tensor],
    steps: Tensor,
    truth: Tensor,
    lengths: Sequence[int],
    *,
    windows: int = 512,
) -> ContextCost:
    """The loss at the same places of a sequence with more and more of the past before them.

    Every place is asked with every length of context, so lengths are compared on the same answers.

    Source: Khandelwal, He, Qi, Jurafsky 2018, "Sharp nearby, fuzzy far away: how neural language models use context",
    section 3.

    Args:
        cost: from (B, C) or (B, C, I) windows and the (B, ...) truth behind each to (B,) losses.
        steps: (T,) or (T, I): what the network reads.
        truth: (T, ...): what stands behind each step.
        lengths: C, the contexts to try, each at least 1.
        windows: places to ask at, spread evenly over those that have the longest context before them.

    Raises:
        ConfigError: the sequence is shorter than the longest context, or a context is shorter than 1.
    """
    tried = sorted(set(lengths))
    if not tried or tried[0] < 1 or tried[-1] > len(steps):
        raise ConfigError(
            f"lengths must be in [1, {len(steps)}], the steps of the sequence, got {', '.join(map(str, lengths))}"
        )
    places = np.unique(np.linspace(tried[-1] - 1, len(steps) - 1, windows).round().astype(np.int64))
    ends = torch.from_numpy(places).to(steps.device)
    costs = []
    with torch.no_grad():
        for length in tried:
            back = torch.arange(1 - length, 1, device=steps.device)
            parts = [
                cost(steps[own.unsqueeze(1) + back], truth[own.to(truth.device)]).double()
                for own in torch.split(ends, _BATCH)
            ]
            costs.append(float(torch.cat(parts).mean()))
    return ContextCost(np.array(tried), np.array(costs))
