"""Chapter 3: what clipping, the identity, chrono initialisation and gates each do."""

from __future__ import annotations

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


def _identity() -> nn.Module:
    return Recurrent(RNNCell(5, _SIZE, nonlinearity="relu"), init=irnn)


#: Name, network, learning rate and clipping of what is compared.
_RIVALS: dict[str, tuple[Text, Callable[[], nn.Module], float, float]] = {
    "tanh": (Text("tanh network", "tanh 신경망"), lambda: RNN(5, _SIZE), 5e-3, _CLIP),
    "relu": (Text("ReLU, usual start", "ReLU, 보통 초깃값"), lambda: RNN(5, _SIZE, nonlinearity="relu"), 2e-3, _CLIP),
    "irnn": (Text("ReLU, identity", "ReLU, 단위행렬"), _identity, 2e-3, _CLIP),
    "wild": (Text("ReLU, identity, not clipped", "ReLU, 단위행렬, 자르지 않음"), _identity, 2e-3, 0.0),
    "lstm": (Text("LSTM, usual start", "LSTM, 보통 초깃값"), lambda: LSTM(5, _SIZE), 5e-3, _CLIP),
    "chrono": (
        Text("LSTM, chrono", "LSTM, chrono"),
        lambda: Recurrent(LSTMCell(5, _SIZE), init=chrono(_LAG)),
        5e-3,
        _CLIP,
    ),
}


def run(seed: int) -> Lesson:
    """Train every rival on the same rows."""
    draw = first_symbol(_LAG)
    found: dict[str, Trained] = {}
    for name, (_, make, rate, clip) in _RIVALS.items():
        torch.manual_seed(seed)
        found[name] = train(AtTheEnd(make(), _SIZE, 4), draw, steps=_STEPS, rate=rate, clip=clip, seed=seed)
    right = {name: percent(one.accuracy) for name, one in found.items()}
    bursts = {name: max(one.norms) / statistics.median(one.norms) for name, one in found.items()}

    def charts(language: str) -> list[Chart]:
        update, loss, norm = Text("update", "갱신"), Text("loss", "손실"), Text("norm of the gradient", "기울기의 크기")
        curves, norms = [], []
        for number, (name, one) in enumerate(found.items(), start=1):
            steps = list(map(float, range(1, len(one.losses) + 1)))
            smooth = [statistics.fmean(one.losses[max(0, at - 9) : at + 1]) for at in range(len(one.losses))]
            title = _RIVALS[name][0].of(language)
            curves.append(Curve(title, steps, smooth, number))
            if name in ("irnn", "wild", "lstm"):
                norms.append(Curve(title, steps, [max(value, 1e-9) for value in one.norms], number))
        return [
            Plot(
                Text("Loss while training", "학습하는 동안의 손실").of(language),
                curves,
                Axis(update.of(language), AxisKind.WHOLE),
                Axis(loss.of(language)),
                wide=True,
            ),
            Plot(
                Text("Gradient before clipping", "자르기 전의 기울기").of(language),
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
                f"Which of four symbols stood {_LAG} steps ago? All networks have {_SIZE} units and at most {_STEPS}"
                f" updates. A plain tanh network reaches {right['tanh']}, ReLU {right['relu']}. Starting ReLU with the"
                f" identity as its matrix (Le, Jaitly, Hinton 2015) reaches {right['irnn']}: the state is simply kept"
                f" until training changes that. An LSTM with the usual start reaches {right['lstm']}; with biases that"
                f" give it memories up to {_LAG} steps (chrono, Tallec and Ollivier 2018) {right['chrono']}.",
                f"{_LAG} 걸음 전의 기호는 넷 가운데 무엇이었을까요? 모두 유닛 {_SIZE}개이고 많아야 {_STEPS}번"
                f" 갱신합니다. 보통 tanh 신경망은 {right['tanh']}, ReLU는 {right['relu']}입니다. ReLU의 행렬을"
                f" 단위행렬로 시작하면(Le, Jaitly, Hinton 2015) {right['irnn']}입니다. 학습이 바꾸기 전까지 상태가"
                f" 그대로 남기 때문입니다. 보통 초깃값의 LSTM은 {right['lstm']}, {_LAG} 걸음까지 기억하도록 편향을"
                f" 맞춘 LSTM(chrono, Tallec, Ollivier 2018)은 {right['chrono']}입니다.",
            ),
            charts,
            table,
        ),
        Part(
            Text("What clipping is for", "자르기가 하는 일"),
            Text(
                "With the identity, gradients come through, and now and then they burst: the largest one was"
                f" {power(bursts['irnn'])} times the usual one, and {power(bursts['wild'])} times without clipping."
                f" Clipped to {_CLIP:g} the network reaches {right['irnn']}, unclipped {right['wild']}. Clipping"
                " does not bring back what has vanished; it keeps one bad step from undoing the good ones.",
                "단위행렬로 시작하면 기울기가 끝까지 오지만 가끔 크게 튑니다. 가장 큰 기울기는 보통 때의"
                f" {power(bursts['irnn'])}배, 자르지 않을 때는 {power(bursts['wild'])}배였습니다. {_CLIP:g}에서 자르면"
                f" {right['irnn']}, 자르지 않으면 {right['wild']}를 맞힙니다. 자르기는 사라진 기울기를 되살리지 못하고,"
                " 나쁜 한 걸음이 좋은 걸음들을 망치지 않게 할 뿐입니다.",
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
                f"{names[0].en} {percent(a)}, {names[1].en} {percent(b)}",
                f"{names[0].ko} {percent(a)}, {names[1].ko} {percent(b)}",
            ),
        )

    claims = [
        better(
            Text("The identity lets a ReLU network remember.", "단위행렬은 ReLU 신경망이 기억하게 해 준다."),
            "irnn",
            "relu",
        ),
        better(
            Text("Clipping saves a training whose gradients burst.", "자르기는 기울기가 튀는 학습을 살린다."),
            "irnn",
            "wild",
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
        "자르기, 단위행렬, chrono, 게이트: 각각 무슨 일을 할까",
    ),
    Text(
        "One task over a long distance, and the remedies one by one.",
        "먼 거리를 기억해야 하는 과제에 처방을 하나씩 써 봅니다.",
    ),
    run,
)
