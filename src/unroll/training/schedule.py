"""The learning rate as a pure function of how far the run is."""

from __future__ import annotations

import math


def learning_rate_factor(done: float, schedule: str, warmup: float) -> float:
    """What the learning rate is multiplied with.

    It rises linearly over the share `warmup` of the run, then stays, falls linearly to 0, or falls to 0 along half a
    cosine (Loshchilov and Hutter 2017, "SGDR", section 3, without restarts).

    Args:
        done: share of the run at the middle of the step, above 0 and below 1; so no step has a rate of 0.
        schedule: "constant", "linear" or "cosine".
        warmup: share of the run, 0 to 1.
    """
    if done < warmup:
        return done / warmup
    if schedule == "constant":
        return 1.0
    falling = (done - warmup) / (1 - warmup)
    return 1 - falling if schedule == "linear" else (1 + math.cos(math.pi * falling)) / 2
