"""What the measures say, in words: what was found, the numbers it rests on, and one thing to try."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unroll.inspect.health import LayerHealth

#: A gate or a state with a greater share of values where its slope is small is stuck.
_STUCK = 0.8
#: More units than this share that never move are worth a word.
_DEAD = 0.1
#: A memory that grows by more over four times the length drifts.
_DRIFTS = 2.0
#: A gradient norm that is so many times the usual one is an explosion.
_BURST = 100.0
#: Rows shorter than this have no far end, and a gradient that has gone this share of a row has come far.
_LEAST_STEPS, _NEARLY = 10, 0.9
#: A gradient that still has this share at the end of a chunk would go on.
_CUT = 0.25


class Finding(NamedTuple):
    """One thing that a diagnosis says.

    Attributes:
        kind: "vanishing", "exploding", "burst", "saturated", "dead", "drift", "cut" or "healthy".
        what: a sentence.
        numbers: what it rests on.
        advice: one thing to try; empty if nothing needs to be done.
    """

    kind: str
    what: str
    numbers: str
    advice: str

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.advice) if part)


def diagnose(
    layers: Sequence[LayerHealth], *, norms: Sequence[float] = (), clip_norm: float = 0.0, chunked: bool = False
) -> list[Finding]:
    """Say what the measures show, most important first.

    Args:
        layers: as `layer_health` gives them.
        norms: of the whole gradient before clipping, one per logged step of training.
        clip_norm: to which it was clipped; 0: not at all.
        chunked: whether the steps are a chunk of something longer.
    """
    found = [*_bursts(norms, clip_norm)]
    for one in layers:
        found += [finding for finding in _of_layer(one, chunked) if finding is not None]
    order = ["burst", "exploding", "vanishing", "dead", "saturated", "drift", "cut"]
    found.sort(key=lambda finding: order.index(finding.kind))
    if not found and layers:
        found.append(_healthy(layers))
    return found


def warning_of(layers: Sequence[LayerHealth]) -> str:
    """One line about a gradient that vanishes or explodes; empty if none does."""
    for one in layers:
        if one.explodes is not None:
            return f"{one.title}: {_exploding(one).what}"
        if _too_short(one):
            return f"{one.title}: {_vanishing(one).what}"
    return ""


def _of_layer(one: LayerHealth, chunked: bool) -> list[Finding | None]:
    return [
        _exploding(one) if one.explodes is not None else None,
        _vanishing(one) if _too_short(one) else None,
        _dead(one) if one.dead > _DEAD else None,
        _stuck(one),
        _drifting(one) if one.drift > _DRIFTS else None,
        _cut_off(one) if chunked else None,
    ]


def _too_short(one: LayerHealth) -> bool:
    """Whether the gradient is gone before a row that is worth the name ends."""
    early = one.vanishes is not None and one.vanishes < _NEARLY * one.steps
    return early and one.explodes is None and one.steps >= _LEAST_STEPS


def _bursts(norms: Sequence[float], clip_norm: float) -> list[Finding]:
    finite = np.array([norm for norm in norms if math.isfinite(norm)])
    if len(finite) < 5:
        return []
    usual, worst = float(np.median(finite)), float(finite.max())
    if worst <= _BURST * max(usual, 1e-12):
        return []
    clipped = f"it is clipped to {clip_norm:g}" if clip_norm else "it is not clipped"
    advice = (
        "Try a lower training.learning_rate." if clip_norm else f"Try --set training.clip_norm={_round(usual * 2):g}."
    )
    return [
        Finding(
            "burst",
            f"The gradient bursts: before clipping its norm is usually {usual:.2g}, and was {worst:.2g} once.",
            f"median {usual:.3g}, maximum {worst:.3g} over {len(finite)} logged steps; {clipped}",
            advice,
        )
    ]


def _exploding(one: LayerHealth) -> Finding:
    lag = one.explodes or 0
    return Finding(
        "exploding",
        f"The gradient explodes: it is over 100 times as large {lag} steps back.",
        f"{one.title}, {one.cell}: {_norms(one, lag)}",
        "Try a smaller training.clip_norm, or --cell lstm, whose memory passes gradients on unchanged."
        if not one.gates
        else "Try a smaller training.clip_norm or a lower training.learning_rate.",
    )


def _vanishing(one: LayerHealth) -> Finding:
    lag = one.vanishes or 0
    if not one.gates:
        advice = "Try --cell lstm or --cell gru: their gates keep what a simple network forgets."
    else:
        advice = (
            f"If what matters lies further back, try a layer that starts with long memories:"
            f" init=unroll.chrono({one.steps})."
        )
    return Finding(
        "vanishing",
        f"Gradients fall under 1 % after {_steps(lag)}; rows are {_steps(one.steps)} long.",
        f"{one.title}, {one.cell}: {_norms(one, lag)}; falls to 1/e in {one.time_scale:.3g} steps",
        advice,
    )


def _dead(one: LayerHealth) -> Finding:
    advice = "Try fewer units: --hidden-size."
    if "relu" in one.cell:
        advice = "Try init=unroll.irnn, a lower training.learning_rate, or tanh in the place of ReLU."
    return Finding(
        "dead",
        f"{one.dead:.0%} of the units never move.",
        f"{one.title}, {one.cell}: their outputs differ by less than 0.00001 over the batch",
        advice,
    )


def _stuck(one: LayerHealth) -> Finding | None:
    # What keeps the memory is meant to be open.
    shares = {name: share for name, share in one.saturated.items() if name not in ("f", "z")}
    if not shares:
        return None
    name = max(shares, key=lambda gate: shares[gate])
    if shares[name] <= _STUCK:
        return None
    what = f"The state is saturated: {shares[name]:.0%} of its values are over 0.9 in size."
    if name != "h":
        what = f"Gate {name} is saturated: {shares[name]:.0%} of its values are where it can hardly learn."
    return Finding(
        "saturated",
        what,
        f"{one.title}, {one.cell}: " + ", ".join(f"{gate} {share:.0%}" for gate, share in one.saturated.items()),
        "Try inputs of a smaller scale, a lower training.learning_rate, or a cell with layer_norm=True.",
    )


def _drifting(one: LayerHealth) -> Finding:
    bound = ", or a cell with cell_clip" if one.carrier == "c" else ""
    return Finding(
        "drift",
        f"The state drifts: on rows four times as long, {one.carrier} is {one.drift:.1f} times as large.",
        f"{one.title}, {one.cell}: root mean square at step {4 * one.steps} over that at step {one.steps}",
        f"For rows longer than {_steps(one.steps)}, try to train on longer ones{bound}.",
    )


def _cut_off(one: LayerHealth) -> Finding | None:
    if len(one.norms) < one.steps // 2 or not one.norms[0] or one.direction == "backward":
        return None
    share = float(one.norms[-1] / one.norms[0])
    if share < _CUT:
        return None
    return Finding(
        "cut",
        f"The gradient is cut off: at the end of a chunk, {_steps(len(one.norms) - 1)} back, it still has {share:.0%}.",
        f"{one.title}, {one.cell}: {_norms(one, len(one.norms) - 1)}",
        f"Try longer chunks: --set model.steps={2 * one.steps}.",
    )


def _healthy(layers: Sequence[LayerHealth]) -> Finding:
    one = min(layers, key=lambda layer: layer.norms[-1] / max(layer.norms[0], 1e-30) if len(layer.norms) else math.inf)
    last = max(0, len(one.norms) - 1)
    what = f"Gradients reach as far as rows are long: {_steps(last)}"
    if one.vanishes is not None:
        what = f"Gradients fall under 1 % only after {one.vanishes} of {_steps(one.steps)}"
    numbers = f"{one.title}, {one.cell}: {_norms(one, last)}; no gate is stuck and no state drifts"
    return Finding("healthy", f"{what}.", numbers, "")


def _norms(one: LayerHealth, lag: int) -> str:
    if not len(one.norms) or not one.norms[0]:
        return "no gradient comes in"
    return f"the gradient by {one.carrier} is {_share(one.norms[lag] / one.norms[0])} of itself after {_steps(lag)}"


def _share(value: float) -> str:
    if value >= 10:
        return f"{value:.3g} times"
    return f"{value:.0%}" if value >= 0.1 else f"{value * 100:.2g} %"


def _steps(count: int) -> str:
    return f"{count} step" if count == 1 else f"{count:,} steps"


def _round(value: float) -> float:
    return float(f"{value:.2g}")
