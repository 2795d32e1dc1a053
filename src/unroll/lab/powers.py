"""Chapter 1: what a hundred steps do to a gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unroll.cells import Cell, HiddenState, Noise, Parameters, ParameterSpec, Role, Step
from unroll.inspect import GradientByLag, gradient_by_lag
from unroll.lab.lesson import Chapter, Claim, Lesson, Part, Text
from unroll.lab.training import AtTheEnd, first_symbol, generator, percent, power, train
from unroll.layers import RNN, Recurrent
from unroll.report.charts import Axis, AxisKind, Chart, Curve, Plot

_STEPS, _SIZE, _LAG = 100, 24, 40
#: Spectral radii that are looked at.
_RADII = (0.9, 1.0, 1.2)


@dataclass(frozen=True)
class LinearCell(Cell):
    """h' = W_i x + W_h h, with no squashing: what a power is, in a network."""

    def parameters(self) -> dict[str, ParameterSpec]:
        size = self.hidden_size
        return {
            "weight_ih": ParameterSpec((size, self.input_size), Role.INPUT),
            "weight_hh": ParameterSpec((size, size), Role.RECURRENT),
        }

    def step(self, params: Parameters, x: Tensor, state: HiddenState, noise: Noise) -> Step:
        h: Tensor = x @ params["weight_ih"].T + state.h @ params["weight_hh"].T
        return Step(h, HiddenState(h), {})


def _turning(radius: float, seed: int) -> Tensor:
    """A matrix all of whose eigenvalues have one absolute value: a rotation, times it."""
    turned: Tensor = torch.linalg.qr(torch.randn(_SIZE, _SIZE, generator=generator(seed)))[0]
    return radius * turned


def _linear(radius: float, seed: int) -> GradientByLag:
    torch.manual_seed(seed)
    layer = Recurrent(LinearCell(2, _SIZE))
    with torch.no_grad():
        layer.get_parameter("weight_hh").copy_(_turning(radius, seed))
    return _measured(layer)


def _simple(radius: float, seed: int) -> RNN:
    torch.manual_seed(seed)
    layer = RNN(5, _SIZE)
    with torch.no_grad():
        layer.get_parameter("weight_hh_l0").copy_(_turning(radius, seed))
    return layer


def _measured(layer: Recurrent | RNN) -> GradientByLag:
    x = torch.randn(_STEPS + 1, 4, layer.input_size, generator=generator(1))
    (found,) = gradient_by_lag(layer, x, costs=lambda given: given[0][-1].square().sum(dim=1))
    return found


def run(seed: int) -> Lesson:
    """Measure the gradients, then train the networks."""
    linear = {radius: _linear(radius, seed) for radius in _RADII}
    squashed = {radius: _measured(_simple(radius, seed)) for radius in _RADII}
    shares = {radius: _share(found) for radius, found in linear.items()}
    tanh = {radius: _share(found) for radius, found in squashed.items()}
    draw = first_symbol(_LAG)
    trained = {
        radius: train(AtTheEnd(_simple(radius, seed), _SIZE, 4), draw, steps=400, seed=seed) for radius in (0.6, 1.0)
    }
    small, unit = trained[0.6], trained[1.0]
    tau = linear[0.9].time_scale

    def by_lag(found: dict[float, GradientByLag], title: Text, language: str) -> Chart:
        curves = [
            Curve(f"{radius:g}", list(map(float, range(_STEPS + 1))), _drawn(one)) for radius, one in found.items()
        ]
        steps, share = Text("steps back", "거슬러 간 걸음"), Text("share of lag 0", "처음 크기에 대한 비")
        return Plot(
            title.of(language), curves, Axis(steps.of(language), AxisKind.WHOLE), Axis(share.of(language), AxisKind.LOG)
        )

    parts = [
        Part(
            Text("A gradient on its way back", "거슬러 올라가는 기울기"),
            Text(
                "A recurrent network does the same thing at every step, so what it learns from k steps ago has been"
                " multiplied by the same matrix k times. Here are three networks without any squashing; their matrices"
                f" turn every vector and scale it by 0.9, 1.0 or 1.2. Measured {_STEPS} steps back, the gradient is"
                f" {power(shares[0.9])}, {power(shares[1.0])} and {power(shares[1.2])} times as large as at the start."
                f" Arithmetic says 0.9¹⁰⁰ = {power(0.9**100)} and 1.2¹⁰⁰ = {power(1.2**100)}.",
                "순환 신경망은 걸음마다 같은 일을 되풀이하므로, k 걸음 전에서 배우는 양에는 같은 행렬이 k 번"
                " 곱해집니다. 아래는 값을 눌러 주는 함수가 없는 세 신경망으로, 행렬이 벡터를 돌리면서 각각 0.9배,"
                f" 1.0배, 1.2배로 만듭니다. {_STEPS} 걸음 거슬러 가서 잰 기울기는 처음의 {power(shares[0.9])}배,"
                f" {power(shares[1.0])}배, {power(shares[1.2])}배입니다. 셈으로는 0.9¹⁰⁰ = {power(0.9**100)},"
                f" 1.2¹⁰⁰ = {power(1.2**100)}입니다.",
            ),
            lambda language: [
                by_lag(linear, Text("Without squashing", "누르는 함수 없이"), language),
                by_lag(squashed, Text("With tanh", "tanh를 쓸 때"), language),
            ],
        ),
        Part(
            Text("What tanh changes", "tanh가 바꾸는 것"),
            Text(
                "A real simple network squashes its state with tanh, whose slope is at most 1, so every step takes a"
                f" little more away. After {_STEPS} steps {power(tanh[0.9])}, {power(tanh[1.0])} and {power(tanh[1.2])}"
                " of the gradient are left: larger weights push tanh to where it is flat, and that eats up what"
                " they add.",
                "실제 단순 순환 신경망은 상태를 tanh로 누릅니다. tanh의 기울기는 많아야 1이므로 걸음마다 조금씩 더"
                f" 줄어듭니다. {_STEPS} 걸음 뒤에 남는 것은 처음의 {power(tanh[0.9])}배, {power(tanh[1.0])}배,"
                f" {power(tanh[1.2])}배입니다. 가중치를 키우면 tanh가 평평한 곳으로 밀려나서 늘어난 만큼이 도로"
                " 깎입니다.",
            ),
        ),
        Part(
            Text("What that does to learning", "배우는 데에 미치는 영향"),
            Text(
                f"Two tanh networks must say which of four symbols they saw {_LAG} steps ago. The one whose matrix"
                f" starts at 0.6 is right in {percent(small.accuracy)} of new rows after {small.steps} steps of"
                f" training, the one that starts at 1.0 in {percent(unit.accuracy)} after {unit.steps}. Guessing"
                " gives 25 %.",
                f"tanh 신경망 둘이 {_LAG} 걸음 전에 본 기호가 넷 가운데 무엇이었는지 맞혀야 합니다. 행렬을 0.6에서"
                f" 시작한 쪽은 {small.steps}번 갱신한 뒤 새 문제의 {percent(small.accuracy)}를, 1.0에서 시작한 쪽은"
                f" {unit.steps}번 뒤 {percent(unit.accuracy)}를 맞힙니다. 찍으면 25 %입니다.",
            ),
        ),
    ]
    claims = [
        Claim(
            Text("After 100 steps a factor of 0.9 leaves 0.9¹⁰⁰.", "0.9를 곱하는 일을 100번 하면 0.9¹⁰⁰만 남는다."),
            math.isclose(shares[0.9], 0.9**100, rel_tol=0.01),
            Text(
                f"measured {power(shares[0.9])}, computed {power(0.9**100)}; the fitted time scale is {tau:.2f}"
                f" steps and -1/ln 0.9 is {-1 / math.log(0.9):.2f}",
                f"잰 값 {power(shares[0.9])}, 셈한 값 {power(0.9**100)}; 맞춘 시간 척도는 {tau:.2f} 걸음이고 -1/ln"
                f" 0.9는 {-1 / math.log(0.9):.2f}",
            ),
        ),
        Claim(
            Text("A factor of 1.2 makes the gradient explode.", "1.2를 곱하면 기울기가 폭발한다."),
            math.isclose(shares[1.2], 1.2**100, rel_tol=0.01),
            Text(
                f"measured {power(shares[1.2])}, computed {power(1.2**100)}; over 100 times after"
                f" {linear[1.2].explodes} steps",
                f"잰 값 {power(shares[1.2])}, 셈한 값 {power(1.2**100)}; {linear[1.2].explodes} 걸음 만에 100배를 넘음",
            ),
        ),
        Claim(
            Text("With tanh, weights over 1 explode as well.", "tanh가 있어도 1을 넘는 가중치는 폭발을 일으킨다."),
            tanh[1.2] > 1.0,
            Text(
                f"after {_STEPS} steps {power(tanh[1.2])} of the gradient is left",
                f"{_STEPS} 걸음 뒤 기울기는 처음의 {power(tanh[1.2])}배",
            ),
        ),
        Claim(
            Text("A vanished gradient means that nothing is learnt.", "기울기가 사라지면 배우지 못한다."),
            small.accuracy < 0.5 < unit.accuracy,
            Text(
                f"starting at 0.6: {percent(small.accuracy)} right; starting at 1.0: {percent(unit.accuracy)}",
                f"0.6에서 시작하면 정답률 {percent(small.accuracy)}, 1.0에서 시작하면 {percent(unit.accuracy)}",
            ),
        ),
    ]
    return Lesson(parts, claims)


def _share(found: GradientByLag) -> float:
    return float(found.norms["h"][_STEPS] / found.norms["h"][0])


def _drawn(found: GradientByLag) -> list[float]:
    shares = found.norms["h"] / found.norms["h"][0]
    return [float(value) if np.isfinite(value) and value > 1e-12 else math.nan for value in shares]


CHAPTER = Chapter(
    "powers",
    Text("0.9¹⁰⁰ and 1.2¹⁰⁰ in a real network", "진짜 신경망 속의 0.9¹⁰⁰과 1.2¹⁰⁰"),
    Text(
        "Why gradients vanish or explode, measured step by step.",
        "기울기가 왜 사라지거나 폭발하는지 한 걸음씩 재어 봅니다.",
    ),
    run,
)
