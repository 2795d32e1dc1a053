"""Chapter 3: what clipping, the identity, chrono initialisation and gates each do."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import torch
from torch import nn

from unroll.cells import LSTMCell, RNNCell
from unroll.cells.init import chrono, irnn
from unroll.lab.lesson import Chapter, Claim, Lesson, Part, Text
from unroll.lab.training import AtTheEnd, Trained, first_symbol, percent, power, train
from unroll.layers import LSTM, RNN, Recurrent
from unroll.report.charts import Axis, AxisKind, Chart, Curve, Plot

_SIZE, _LAG, _STEPS = 24, 80, 300
_CLIP = 1.0
#: Losses beyond are not drawn, and from how many starts clipping is tried.
_DRAWN, _STARTS = 2.5, 3


def _identity() -> nn.Module:
    return Recurrent(RNNCell(5, _SIZE, nonlinearity="relu"), init=irnn)


#: Name, network, learning rate and clipping of what is compared.
_RIVALS: dict[str, tuple[Text, Callable[[], nn.Module], float, float]] = {
    "tanh": (Text("tanh network", "tanh 신경망"), lambda: RNN(5, _SIZE), 5e-3, _CLIP),
    "relu": (Text("ReLU, usual start", "ReLU, 기본 초깃값"), lambda: RNN(5, _SIZE, nonlinearity="relu"), 2e-3, _CLIP),
    "irnn": (Text("ReLU, identity", "ReLU, 단위행렬"), _identity, 2e-3, _CLIP),
    "wild": (Text("ReLU, identity, not clipped", "ReLU, 단위행렬, 클리핑 없음"), _identity, 2e-3, 0.0),
    "lstm": (Text("LSTM, usual start", "LSTM, 기본 초깃값"), lambda: LSTM(5, _SIZE), 5e-3, _CLIP),
    "chrono": (
        Text("LSTM, chrono", "LSTM, chrono"),
        lambda: Recurrent(LSTMCell(5, _SIZE), init=chrono(_LAG)),
        5e-3,
        _CLIP,
    ),
}


def _trained(name: str, seed: int) -> Trained:
    _, make, rate, clip = _RIVALS[name]
    torch.manual_seed(seed)
    return train(AtTheEnd(make(), _SIZE, 4), first_symbol(_LAG), steps=_STEPS, rate=rate, clip=clip, seed=seed)


def run(seed: int) -> Lesson:
    """Train every rival on the same rows."""
    found = {name: _trained(name, seed) for name in _RIVALS}
    right = {name: percent(one.accuracy) for name, one in found.items()}
    # One start would say little of clipping: which burst comes when is chance.
    starts = {
        name: [found[name], *(_trained(name, seed + 1000 * start) for start in range(1, _STARTS))]
        for name in ("irnn", "wild")
    }
    every = {name: ", ".join(percent(one.accuracy) for one in own) for name, own in starts.items()}
    means = {name: statistics.fmean(one.accuracy for one in own) for name, own in starts.items()}
    largest = {name: power(max(max(one.norms) for one in own)) for name, own in starts.items()}

    def charts(language: str) -> list[Chart]:
        update, loss, norm = Text("update", "갱신"), Text("loss", "손실"), Text("norm", "노름")
        curves, norms = [], []
        for number, (name, one) in enumerate(found.items(), start=1):
            steps = list(map(float, range(1, len(one.losses) + 1)))
            smooth = [statistics.fmean(one.losses[max(0, at - 9) : at + 1]) for at in range(len(one.losses))]
            title = _RIVALS[name][0].of(language)
            curves.append(Curve(title, steps, [value if value <= _DRAWN else math.nan for value in smooth], number))
            if name in ("irnn", "wild", "lstm"):
                norms.append(Curve(title, steps, [max(value, 1e-9) for value in one.norms], number))
        return [
            Plot(
                Text(
                    f"Loss while training, mean of ten updates (above {_DRAWN:g} not drawn)",
                    f"학습하는 동안의 손실, 10번 갱신의 평균({_DRAWN:g}보다 큰 값은 그리지 않음)",
                ).of(language),
                curves,
                Axis(update.of(language), AxisKind.WHOLE),
                Axis(loss.of(language), low=0.0),
                wide=True,
            ),
            Plot(
                Text("Size of the gradient before clipping", "클리핑하기 전의 기울기 크기").of(language),
                norms,
                Axis(update.of(language), AxisKind.WHOLE),
                Axis(norm.of(language), AxisKind.LOG),
                wide=True,
            ),
        ]

    def table(language: str) -> list[dict[str, object]]:
        names = [
            Text("network", "신경망"),
            Text("right", "정답률"),
            Text("updates", "갱신 수"),
            Text("largest gradient", "가장 큰 기울기"),
        ]
        return [
            dict(
                zip(
                    [name.of(language) for name in names],
                    (_RIVALS[name][0].of(language), right[name], one.steps, power(max(one.norms))),
                    strict=True,
                )
            )
            for name, one in found.items()
        ]

    parts = [
        Part(
            Text("The same task, six ways to start", "같은 과제, 여섯 가지 시작"),
            Text(
                f"Which of four symbols stood {_LAG} steps ago? Guessing gives 25% and a loss of ln 4 = 1.39, where the"
                f" lines of networks that learn nothing lie on top of each other. All have {_SIZE} units and get at"
                f" most {_STEPS} updates; a line ends early when its network is right. A plain tanh network reaches"
                f" {right['tanh']}, ReLU {right['relu']}. Starting ReLU with the identity as its matrix (Le, Jaitly,"
                f" Hinton 2015) reaches {right['irnn']}: at first every step hands the state on unchanged. An LSTM with"
                f" the usual start reaches {right['lstm']}; with biases that let it remember for up to {_LAG} steps"
                f" (chrono, Tallec and Ollivier 2018) {right['chrono']}.",
                f"{_LAG}시점 전의 기호는 네 가지 가운데 무엇이었을까요? 찍으면 정답률은 25%, 손실은 ln 4 = 1.39입니다."
                " 아무것도 배우지 못한 신경망의 선은 여기에 겹쳐 있습니다. 모두 유닛이"
                f" {_SIZE}개이고 최대 {_STEPS}번 갱신하며, 다 맞히게 되면 선이 일찍 끝납니다. 보통의 tanh 신경망은"
                f" {right['tanh']}, ReLU는 {right['relu']}를 맞힙니다. ReLU의 행렬을 단위행렬로 시작하면(Le, Jaitly,"
                f" Hinton 2015) {right['irnn']}입니다. 처음에는 시점마다 상태를 그대로 넘겨주기 때문입니다. 기본"
                f" 초깃값의 LSTM은 {right['lstm']}, 최대 {_LAG}시점까지 기억하도록 편향을 맞춘 LSTM(chrono, Tallec,"
                f" Ollivier 2018)은 {right['chrono']}입니다.",
            ),
            charts,
            table,
        ),
        Part(
            Text("What clipping is for", "클리핑이 하는 일"),
            Text(
                "With the identity, gradients come through, and now and then they burst. Clipping scales a gradient"
                f" whose norm is over {_CLIP:g} down to {_CLIP:g}. From {_STARTS} different starts the clipped"
                f" network reaches {every['irnn']}, the other one {every['wild']}; the largest norm was"
                f" {largest['irnn']} before clipping and {largest['wild']} without it. Clipping does not bring back a"
                " gradient that has vanished; it keeps a single burst from deciding where the training goes.",
                "단위행렬로 시작하면 기울기가 끝까지 닿지만 가끔 크게 튑니다. 클리핑은 노름이"
                f" {_CLIP:g}을 넘는 기울기를 {_CLIP:g}로 줄입니다. 초깃값을 바꿔 {_STARTS}번 학습하면 클리핑한 신경망은"
                f" {every['irnn']}, 하지 않은 신경망은 {every['wild']}를 맞힙니다. 가장 큰 노름은 클리핑하기 전에"
                f" {largest['irnn']}, 클리핑이 없을 때 {largest['wild']}였습니다. 클리핑은 사라진 기울기를 되살리지"
                " 못합니다. 한 번 튄 기울기가 학습의 방향을 정해 버리지 않게 할 뿐입니다.",
            ),
        ),
    ]

    def better(claim: Text, first: str, second: str) -> Claim:
        a, b = found[first].accuracy, found[second].accuracy
        names = _RIVALS[first][0], _RIVALS[second][0]
        return Claim(
            claim,
            a > b + 0.05,
            Text(
                f"{names[0].en}: {percent(a)} right, {names[1].en}: {percent(b)}",
                f"{names[0].ko}: 정답률 {percent(a)}, {names[1].ko}: {percent(b)}",
            ),
        )

    claims = [
        better(
            Text("The identity lets a ReLU network remember.", "단위행렬은 ReLU 신경망이 기억하게 해 준다."),
            "irnn",
            "relu",
        ),
        Claim(
            Text("Clipping saves a training whose gradients burst.", "클리핑은 기울기가 튀는 학습을 살린다."),
            means["irnn"] > means["wild"] + 0.05,
            Text(
                f"ReLU, identity: {every['irnn']} right from {_STARTS} starts, not clipped: {every['wild']}",
                f"ReLU, 단위행렬: {_STARTS}번 학습의 정답률 {every['irnn']}, 클리핑 없음: {every['wild']}",
            ),
        ),
        better(
            Text("Gates alone make a network remember.", "게이트만 있으면 신경망이 기억한다."),
            "lstm",
            "tanh",
        ),
        better(
            Text(
                "Chrono initialisation lets an LSTM remember farther.", "chrono 초깃값은 LSTM이 더 멀리 기억하게 한다."
            ),
            "chrono",
            "lstm",
        ),
    ]
    return Lesson(parts, claims)


CHAPTER = Chapter(
    "remedies",
    Text(
        "Clipping, the identity, chrono, gates: what does each do?",
        "클리핑, 단위행렬, chrono, 게이트: 각각 무슨 일을 할까",
    ),
    Text(
        "A symbol must be remembered over 80 steps, and a plain network cannot. Which remedy helps?",
        "기호 하나를 80시점 동안 기억해야 하는데 보통의 신경망은 하지 못합니다. 어떤 처방이 들을까요?",
    ),
    run,
)
