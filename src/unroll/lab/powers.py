"""Chapter 1: what a hundred steps do to a gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from unroll.cells import Cell, HiddenState, Noise, Parameters, ParameterSpec, Role, Step
from unroll.inspect import GradientByLag, gradient_by_lag
from unroll.lab.lesson import BACK, Chapter, Claim, Lesson, Part, Text
from unroll.lab.training import AtTheEnd, Draw, Trained, first_symbol, generator, percent, power, train
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


def _inputs(layer: Recurrent | RNN) -> Tensor:
    return torch.randn(_STEPS + 1, 4, layer.input_size, generator=generator(1))


def _measured(layer: Recurrent | RNN) -> GradientByLag:
    (found,) = gradient_by_lag(layer, _inputs(layer), costs=lambda given: given[0][-1].square().sum(dim=1))
    return found


def run(seed: int) -> Lesson:
    """Measure the gradients, then train the networks."""
    linear = {radius: _linear(radius, seed) for radius in _RADII}
    simple = {radius: _simple(radius, seed) for radius in _RADII}
    squashed = {radius: _measured(layer) for radius, layer in simple.items()}
    slopes = {radius: _slope(layer) for radius, layer in simple.items()}
    shares = {radius: _share(found) for radius, found in linear.items()}
    tanh = {radius: _share(found) for radius, found in squashed.items()}
    draw = first_symbol(_LAG)
    reach: dict[float, float] = {}
    trained: dict[float, Trained] = {}
    for radius in (0.6, 1.0):
        model = AtTheEnd(_simple(radius, seed), _SIZE, 4)
        reach[radius] = _reach(model, draw)
        trained[radius] = train(model, draw, steps=400, seed=seed)
    small, unit = trained[0.6], trained[1.0]
    tau = linear[0.9].time_scale

    def by_lag(found: dict[float, GradientByLag], title: Text, language: str) -> Chart:
        curves = [
            Curve(f"× {radius:.1f}", list(map(float, range(_STEPS + 1))), _drawn(one)) for radius, one in found.items()
        ]
        size = Text("size of the gradient (1 = at the last step)", "기울기의 크기(마지막 시점 = 1)")
        return Plot(
            title.of(language), curves, Axis(BACK.of(language), AxisKind.WHOLE), Axis(size.of(language), AxisKind.LOG)
        )

    parts = [
        Part(
            Text("A gradient on its way back", "거슬러 올라가는 기울기"),
            Text(
                "A recurrent network does the same thing at every step, so the gradient that tells it about an input k"
                " steps ago has been multiplied by the same matrix k times. Here are three networks without an"
                " activation function; their matrices turn every vector and make it 0.9, 1.0 or 1.2 times as long."
                f" Measured {_STEPS} steps back, the gradient is {power(shares[0.9])}, {power(shares[1.0])} and"
                f" {power(shares[1.2])} times as large as at the last step. Arithmetic says 0.9¹⁰⁰ ="
                f" {power(0.9**100)} and 1.2¹⁰⁰ = {power(1.2**100)}.",
                "순환 신경망은 시점마다 같은 계산을 되풀이합니다. 그래서 k시점 전의 입력에 대한 기울기에는 같은 행렬이"
                " k번 곱해집니다. 먼저 활성화 함수가 없는 신경망 세 개를 봅니다. 행렬은 벡터를 회전시키면서 길이를 각각"
                f" 0.9배, 1.0배, 1.2배로 만듭니다. {_STEPS}시점을 거슬러 가서 잰 기울기는 마지막 시점의"
                f" {power(shares[0.9])}배, {power(shares[1.0])}배, {power(shares[1.2])}배입니다. 직접 계산하면 0.9¹⁰⁰ ="
                f" {power(0.9**100)}, 1.2¹⁰⁰ = {power(1.2**100)}입니다.",
            ),
            lambda language: [
                by_lag(linear, Text("Without an activation function", "활성화 함수가 없을 때"), language),
                by_lag(squashed, Text("With tanh", "tanh가 있을 때"), language),
            ],
        ),
        Part(
            Text("What tanh changes", "tanh가 바꾸는 것"),
            Text(
                "The usual simple network passes its state through tanh, and at every step the gradient is multiplied"
                f" by its slope as well, which is at most 1. After {_STEPS} steps {power(tanh[0.9])},"
                f" {power(tanh[1.0])} and {power(tanh[1.2])} of the gradient are left. Larger weights push tanh to"
                f" where it is flatter: its mean slope here is {slopes[0.9]:.2f}, {slopes[1.0]:.2f} and"
                f" {slopes[1.2]:.2f}, and that takes back what the weights add.",
                "보통의 단순 순환 신경망은 상태를 tanh에 통과시킵니다. 그래서 시점마다 tanh의 미분값도 곱해지는데, 이"
                f" 값은 아무리 커도 1입니다. {_STEPS}시점 뒤에 남는 기울기는 처음의 {power(tanh[0.9])}배,"
                f" {power(tanh[1.0])}배, {power(tanh[1.2])}배입니다. 가중치가 크면 tanh가 더 평평한 곳에서 움직입니다."
                f" 미분값의 평균이 각각 {slopes[0.9]:.2f}, {slopes[1.0]:.2f}, {slopes[1.2]:.2f}이어서, 가중치가 키운"
                " 만큼 도로 줄어듭니다.",
            ),
        ),
        Part(
            Text("What that does to learning", "학습에 미치는 영향"),
            Text(
                f"Two tanh networks must say which of four symbols they saw {_LAG} steps ago; guessing gives 25%."
                f" Before training, {power(reach[0.6])} of the gradient gets back to the symbol where the matrix"
                f" starts at 0.6, and {power(reach[1.0])} where it starts at 1.0. The first network is right on"
                f" {percent(small.accuracy)} of new sequences after {small.steps} updates, the second on"
                f" {percent(unit.accuracy)} after {unit.steps}.",
                f"tanh 신경망 두 개가 {_LAG}시점 전에 본 기호가 네 가지 가운데 무엇이었는지 맞혀야 합니다. 찍으면"
                f" 25%입니다. 학습 전에 기호까지 닿는 기울기는 행렬을 0.6에서 시작한 쪽이 {power(reach[0.6])}배,"
                f" 1.0에서 시작한 쪽이 {power(reach[1.0])}배입니다. 첫째는 {small.steps}번 갱신한 뒤 새 수열의"
                f" {percent(small.accuracy)}를, 둘째는 {unit.steps}번 갱신한 뒤 {percent(unit.accuracy)}를 맞힙니다.",
            ),
        ),
    ]
    claims = [
        Claim(
            Text(
                "Weights of 0.9 leave 0.9¹⁰⁰ of the gradient after 100 steps.",
                "가중치가 0.9이면 100시점 뒤에 기울기가 0.9¹⁰⁰만 남는다.",
            ),
            math.isclose(shares[0.9], 0.9**100, rel_tol=0.01),
            Text(
                f"measured {power(shares[0.9])}, computed {power(0.9**100)}; the fitted time scale is {tau:.2f} steps,"
                f" and −1 / ln 0.9 is {-1 / math.log(0.9):.2f}",
                f"측정값 {power(shares[0.9])}, 계산값 {power(0.9**100)}. 측정에서 얻은 시간 척도는 {tau:.2f}시점,"
                f" −1 / ln 0.9는 {-1 / math.log(0.9):.2f}",
            ),
        ),
        Claim(
            Text("Weights of 1.2 make the gradient explode.", "가중치가 1.2이면 기울기가 폭발한다."),
            math.isclose(shares[1.2], 1.2**100, rel_tol=0.01),
            Text(
                f"measured {power(shares[1.2])}, computed {power(1.2**100)}; more than 100-fold after"
                f" {linear[1.2].explodes} steps",
                f"측정값 {power(shares[1.2])}, 계산값 {power(1.2**100)}. {linear[1.2].explodes}시점 만에 100배를 넘음",
            ),
        ),
        Claim(
            Text("With tanh, weights over 1 make it explode as well.", "tanh가 있어도 가중치가 1을 넘으면 폭발한다."),
            tanh[1.2] > 1.0,
            Text(
                f"weights of 1.2 leave {power(tanh[1.2])} of the gradient after {_STEPS} steps",
                f"가중치가 1.2여도 {_STEPS}시점 뒤의 기울기는 처음의 {power(tanh[1.2])}배",
            ),
        ),
        Claim(
            Text("Where the gradient vanishes, nothing is learnt.", "기울기가 사라지면 배우지 못한다."),
            small.accuracy < 0.5 < unit.accuracy,
            Text(
                f"starting at 0.6, {power(reach[0.6])} of the gradient arrives: {percent(small.accuracy)} right;"
                f" starting at 1.0, {power(reach[1.0])}: {percent(unit.accuracy)} right",
                f"0.6에서 시작하면 기울기의 {power(reach[0.6])}배가 닿고 정답률 {percent(small.accuracy)}, 1.0에서"
                f" 시작하면 {power(reach[1.0])}배가 닿고 정답률 {percent(unit.accuracy)}",
            ),
        ),
    ]
    return Lesson(parts, claims)


def _share(found: GradientByLag) -> float:
    return float(found.norms["h"][_STEPS] / found.norms["h"][0])


@torch.no_grad()
def _slope(layer: RNN) -> float:
    """The mean slope of tanh over all steps and units."""
    y, _ = layer(_inputs(layer))
    return float((1 - y.square()).mean())


def _reach(model: AtTheEnd, draw: Draw) -> float:
    """What is left of the loss's gradient at the first step, as a share of that at the last."""
    x, truth = draw(1, 16)
    (found,) = gradient_by_lag(
        model, x, costs=lambda scores: nn.functional.cross_entropy(scores, truth, reduction="none")
    )
    return float(found.norms["h"][-1] / found.norms["h"][0])


def _drawn(found: GradientByLag) -> list[float]:
    shares = found.norms["h"] / found.norms["h"][0]
    return [float(value) if np.isfinite(value) and value > 1e-12 else math.nan for value in shares]


CHAPTER = Chapter(
    "powers",
    Text("0.9¹⁰⁰ and 1.2¹⁰⁰ in a real network", "실제 신경망에서 보는 0.9¹⁰⁰과 1.2¹⁰⁰"),
    Text(
        "A gradient that goes 100 steps back is multiplied by the network's weights 100 times. Here is what is left of"
        " it, measured step by step.",
        "기울기가 100시점을 거슬러 올라가면 가중치가 100번 곱해집니다. 그때 얼마나 남는지 한 시점씩 재어 봅니다.",
    ),
    run,
)
