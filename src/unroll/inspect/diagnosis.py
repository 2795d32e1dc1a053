"""What the measures say, in words: what was found, the numbers it rests on, and one thing to try."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from unroll.inspect.health import LayerHealth

#: Initial memories that are advised, as times the steps after which gradients are lost, at most.
_FURTHER = 10
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
#: From this share of itself on a gradient is said to be so many times as large.
_LARGE = 10


class Said(NamedTuple):
    """A finding in one language.

    Attributes:
        what: a sentence.
        numbers: what it rests on.
        advice: one thing to try; empty if nothing needs to be done.
    """

    what: str
    numbers: str
    advice: str


class Finding(NamedTuple):
    """One thing that a diagnosis says.

    Attributes:
        kind: "vanishing", "exploding", "burst", "saturated", "dead", "drift", "cut" or "healthy".
        what: a sentence.
        numbers: what it rests on.
        advice: one thing to try; empty if nothing needs to be done.
        korean: the same in Korean.
    """

    kind: str
    what: str
    numbers: str
    advice: str
    korean: Said

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.advice) if part)

    def to_json(self) -> dict[str, Any]:
        """As plain values, for a `View`."""
        said = {"what": self.what, "numbers": self.numbers, "try": self.advice}
        korean = {"what": self.korean.what, "numbers": self.korean.numbers, "try": self.korean.advice}
        return {"kind": self.kind, **said, "ko": korean}


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
    limit = f"--set training.clip_norm={_round(usual * 2):g}"
    korean = Said(
        f"기울기가 튑니다: 자르기 전의 크기가 보통 {usual:.2g}인데, 한 번은 {worst:.2g}까지 갔습니다.",
        f"기록한 {len(finite)}번의 중앙값 {usual:.3g}, 최댓값 {worst:.3g}; "
        + (f"{clip_norm:g}에서 자름" if clip_norm else "자르지 않음"),
        "training.learning_rate를 낮추어 보세요." if clip_norm else f"{limit}로 잘라 보세요.",
    )
    return [
        Finding(
            "burst",
            f"The gradient bursts: before clipping its norm is usually {usual:.2g}, and was {worst:.2g} once.",
            f"median {usual:.3g}, maximum {worst:.3g} over {len(finite)} logged steps; {clipped}",
            "Try a lower training.learning_rate." if clip_norm else f"Try {limit}.",
            korean,
        )
    ]


def _exploding(one: LayerHealth) -> Finding:
    lag = one.explodes or 0
    advice = "Try a smaller training.clip_norm or a lower training.learning_rate."
    korean = "training.clip_norm이나 training.learning_rate를 줄여 보세요."
    if not one.gates:
        advice = "Try a smaller training.clip_norm, or --cell lstm, whose memory passes gradients on unchanged."
        korean = "training.clip_norm을 줄이거나, 기울기를 그대로 전하는 --cell lstm을 써 보세요."
    return Finding(
        "exploding",
        f"The gradient explodes: it is over 100 times as large {lag} steps back.",
        f"{one.title}, {one.cell}: {_norms(one, lag)}",
        advice,
        Said(
            f"기울기가 폭발합니다: {lag:,} 시점 앞에서는 100배가 넘습니다.",
            f"{_where(one)}: {_norms_ko(one, lag)}",
            korean,
        ),
    )


def _vanishing(one: LayerHealth) -> Finding:
    lag = one.vanishes or 0
    # A whole book is read as one row; what matters in it does not lie a book further back.
    long = min(one.steps, _FURTHER * max(lag, 1))
    if not one.gates:
        advice = "Try --cell lstm or --cell gru: their gates keep what a simple network forgets."
        korean = "--cell lstm이나 --cell gru를 써 보세요. 단순한 신경망이 잊는 것을 게이트가 지킵니다."
    else:
        advice = (
            f"If what matters lies further back, try a layer that starts with long memories:"
            f" init=unroll.chrono({long})."
        )
        korean = f"더 앞의 것이 중요하다면 긴 기억으로 시작하는 층을 써 보세요: init=unroll.chrono({long})."
    return Finding(
        "vanishing",
        f"Gradients fall under 1% after {_steps(lag)}; rows are {_steps(one.steps)} long.",
        f"{one.title}, {one.cell}: {_norms(one, lag)}; falls to 1/e in {one.time_scale:.3g} steps",
        advice,
        Said(
            f"기울기가 {lag:,} 시점 만에 1% 아래로 떨어집니다. 전체 길이는 {one.steps:,} 시점입니다.",
            f"{_where(one)}: {_norms_ko(one, lag)}; {one.time_scale:.3g} 시점마다 1/e로 줄어듦",
            korean,
        ),
    )


def _dead(one: LayerHealth) -> Finding:
    advice, korean = "Try fewer units: --hidden-size.", "--hidden-size로 유닛 수를 줄여 보세요."
    if "relu" in one.cell:
        advice = "Try init=unroll.irnn, a lower training.learning_rate, or tanh in the place of ReLU."
        korean = "init=unroll.irnn이나 더 낮은 training.learning_rate, 또는 ReLU 대신 tanh를 써 보세요."
    return Finding(
        "dead",
        f"{one.dead:.0%} of the units never move.",
        f"{one.title}, {one.cell}: their outputs differ by less than 0.00001 over the batch",
        advice,
        Said(
            f"유닛의 {one.dead:.0%}가 전혀 움직이지 않습니다.",
            f"{_where(one)}: 배치 전체에서 출력의 차이가 0.00001보다 작음",
            korean,
        ),
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
    korean = f"상태가 포화되었습니다: 값의 {shares[name]:.0%}가 크기 0.9를 넘습니다."
    if name != "h":
        what = f"Gate {name} is saturated: {shares[name]:.0%} of its values are where it can hardly learn."
        korean = f"{name} 게이트가 포화되었습니다: 값의 {shares[name]:.0%}가 거의 배울 수 없는 곳에 있습니다."
    every = ", ".join(f"{gate} {share:.0%}" for gate, share in one.saturated.items())
    return Finding(
        "saturated",
        what,
        f"{one.title}, {one.cell}: {every}",
        "Try inputs of a smaller scale, a lower training.learning_rate, or a cell with layer_norm=True.",
        Said(
            korean,
            f"{_where(one)}: {every}",
            "입력의 크기나 training.learning_rate를 줄이거나, layer_norm=True인 셀을 써 보세요.",
        ),
    )


def _drifting(one: LayerHealth) -> Finding:
    bounded = one.carrier == "c"
    return Finding(
        "drift",
        f"The state drifts: on rows four times as long, {one.carrier} is {one.drift:.1f} times as large.",
        f"{one.title}, {one.cell}: root mean square at step {4 * one.steps} over that at step {one.steps}",
        f"For rows longer than {_steps(one.steps)}, try to train on longer ones"
        f"{', or a cell with cell_clip' if bounded else ''}.",
        Said(
            f"상태가 흘러갑니다: 네 배 긴 행에서는 {one.carrier} 상태의 크기가 {one.drift:.1f}배입니다.",
            f"{_where(one)}: {4 * one.steps:,} 시점의 제곱평균제곱근을 {one.steps:,} 시점의 것으로 나눈 값",
            f"{one.steps:,} 시점보다 긴 행에 쓰려면 더 긴 행으로 학습해 보세요"
            f"{'. cell_clip이 있는 셀도 있습니다' if bounded else ''}.",
        ),
    )


def _cut_off(one: LayerHealth) -> Finding | None:
    if len(one.norms) < one.steps // 2 or not one.norms[0] or one.direction == "backward":
        return None
    share, last = float(one.norms[-1] / one.norms[0]), len(one.norms) - 1
    if share < _CUT:
        return None
    longer = f"--set model.steps={2 * one.steps}"
    return Finding(
        "cut",
        f"The gradient is cut off: at the end of a chunk, {_steps(last)} back, it still has {share:.0%}.",
        f"{one.title}, {one.cell}: {_norms(one, last)}",
        f"Try longer chunks: {longer}.",
        Said(
            f"기울기가 잘립니다: 토막의 끝, {last:,} 시점 앞에서도 아직 {share:.0%}가 남아 있습니다.",
            f"{_where(one)}: {_norms_ko(one, last)}",
            f"더 긴 토막을 써 보세요: {longer}.",
        ),
    )


def _healthy(layers: Sequence[LayerHealth]) -> Finding:
    one = min(layers, key=lambda layer: layer.norms[-1] / max(layer.norms[0], 1e-30) if len(layer.norms) else math.inf)
    last = max(0, len(one.norms) - 1)
    what = f"Gradients reach as far as rows are long: {_steps(last)}."
    korean = f"기울기가 처음까지 닿습니다: {last:,} 시점."
    if one.vanishes is not None:
        what = f"Gradients fall under 1% only after {one.vanishes} of {_steps(one.steps)}."
        korean = f"기울기가 {one.steps:,} 시점 가운데 {one.vanishes:,} 시점을 지나서야 1% 아래로 떨어집니다."
    return Finding(
        "healthy",
        what,
        f"{one.title}, {one.cell}: {_norms(one, last)}; no gate is stuck and no state drifts",
        "",
        Said(korean, f"{_where(one)}: {_norms_ko(one, last)}; 막힌 게이트도 흘러가는 상태도 없음", ""),
    )


def _norms(one: LayerHealth, lag: int) -> str:
    if not len(one.norms) or not one.norms[0]:
        return "no gradient comes in"
    return f"the gradient by {one.carrier} is {_share(one.norms[lag] / one.norms[0])} of itself after {_steps(lag)}"


def _norms_ko(one: LayerHealth, lag: int) -> str:
    if not len(one.norms) or not one.norms[0]:
        return "들어오는 기울기가 없음"
    share = one.norms[lag] / one.norms[0]
    size = f"{share:.3g}배" if share >= _LARGE else _share(share)
    return f"{one.carrier} 상태에 대한 기울기가 {lag:,} 시점 뒤 처음의 {size}"


def _where(one: LayerHealth) -> str:
    """The title of a layer and its cell, in Korean."""
    return f"{one.depth + 1}층, {'뒤' if one.direction == 'backward' else '앞'}에서부터, {one.cell}"


def _share(value: float) -> str:
    if value >= _LARGE:
        return f"{value:.3g} times"
    return f"{value:.0%}" if value >= 0.1 else f"{value * 100:.2g}%"


def _steps(count: int) -> str:
    return f"{count} step" if count == 1 else f"{count:,} steps"


def _round(value: float) -> float:
    return float(f"{value:.2g}")
