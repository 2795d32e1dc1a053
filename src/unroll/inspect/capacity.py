"""How much of a random input can be read back from a layer's state.

Shapes: T steps, K delays, H hidden size.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.inspect.trace import opened, own_scans
from unroll.inspect.watch import watch


class MemoryCapacity(NamedTuple):
    """Linear memory capacity.

    Attributes:
        by_delay: (K,) float64, the share of the variance of u(t - k) that is read back from the state at t; k from 0.
    """

    by_delay: np.ndarray

    @property
    def total(self) -> float:
        """The sum over all delays: at most H for a linear readout of H units."""
        return float(self.by_delay.sum())


def memory_capacity(
    layer: nn.Module,
    direction: Tensor,
    *,
    delays: int,
    steps: int = 2000,
    washout: int = 100,
    level: float = 0.0,
    seed: int = 0,
) -> MemoryCapacity:
    r"""MC_k = r^2(u(t - k), y_k(t)), where y_k is the best linear readout of h(t), and u is random, uniform in [-1, 1].

    The readout is fitted by least squares on the first half of the steps and r^2 is taken on the second, so that what
    cannot be read back counts as about 0.

    Source: Jaeger 2001, "Short term memory in echo state networks", GMD report 152, definition 1.

    Args:
        layer: takes (T, 1, I), such as `unroll.LSTM`, or (1, T, I) if its `batch_first` is true.
        direction: (I,), what u is multiplied by on its way in.
        delays: K.
        steps: T, those of the washout not counted.
        washout: first steps that are not used.
        level: added to u, for layers that work on one side of zero.
        seed: of u.

    Raises:
        ConfigError: there are more delays than steps before those that are used.
    """
    if delays > washout + 1:
        raise ConfigError(f"delays must be at most washout + 1 = {washout + 1}, got {delays}")
    drawn = np.random.default_rng(seed).uniform(-1.0, 1.0, washout + steps)
    u = torch.from_numpy(drawn).to(direction)
    x = ((u + level).unsqueeze(1) * direction).unsqueeze(1)
    with torch.no_grad():
        given: Any = x.transpose(0, 1) if getattr(layer, "batch_first", False) else x
        subject = opened(layer, given)
        scans = own_scans(watch(layer, lambda: layer(given)).scans, subject)
    if not scans:
        raise ConfigError(f"{type(layer).__name__} ran no recurrent layer of unroll or of torch.nn")
    states = scans[-1].scan.trace["h"][:, 0].cpu().double().numpy()
    return MemoryCapacity(read_back(drawn, states, delays, washout))


def read_back(u: np.ndarray, states: np.ndarray, delays: int, washout: int) -> np.ndarray:
    """(K,) r^2 on the second half of the steps after the washout; what is below 0 is 0.

    Args:
        u: (T,) what went in.
        states: (T, H) what was there after each step.
        delays: K.
        washout: first steps that are not used.
    """
    used = np.arange(washout, len(u))
    design = np.concatenate([states[used], np.ones((len(used), 1))], axis=1)
    targets = np.stack([u[used - k] for k in range(delays)], axis=1)
    half = len(used) // 2
    readout = np.linalg.lstsq(design[:half], targets[:half], rcond=None)[0]
    wrong = np.square(targets[half:] - design[half:] @ readout).sum(axis=0)
    spread = np.square(targets[half:] - targets[half:].mean(axis=0)).sum(axis=0)
    return np.asarray(np.maximum(0.0, 1.0 - wrong / spread))
