"""Chapter 2: how far a simple network, an LSTM and a GRU remember."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.cells.init import Initialiser, chrono, torch_default
from unroll.inspect import gradient_by_lag, trace
from unroll.lab.lesson import BACK, Chapter, Claim, Lesson, Part, Text
from unroll.lab.training import AtTheEnd, Trained, first_symbol, percent, power, train
from unroll.layers import Recurrent
from unroll.report.charts import Axis, AxisKind, Chart, Curve, Plot

_SIZE, _LAGS, _STEPS = 24, (10, 15, 20, 30, 60, 120), 200
#: What counts as remembered, and the lag at which the text looks at the gradient.
_REMEMBERED, _SEEN = 0.9, 60


class _Rival(NamedTuple):
    name: Text
    cell: type[Cell]
    open: bool


_RIVALS = {
    "rnn": _Rival(Text("RNN", "RNN"), RNNCell, False),
    "lstm": _Rival(Text("LSTM, usual start", "LSTM, 기본 초깃값"), LSTMCell, False),
    "gru": _Rival(Text("GRU, usual start", "GRU, 기본 초깃값"), GRUCell, False),
    "lstm-open": _Rival(Text("LSTM, open gates", "LSTM, 열린 게이트"), LSTMCell, True),
    "gru-open": _Rival(Text("GRU, open gates", "GRU, 열린 게이트"), GRUCell, True),
}


class _Reached(NamedTuple):
    """A network after its training: how the gradient fades, and the mean of the gate that keeps before training."""

    trained: Trained
    norms: list[float]
    keeps: float


def _mean_gate(layer: Recurrent, x: Tensor) -> float:
    """The mean of the gate that keeps the memory; 0 for a cell without one."""
    values = trace(layer, x).tracks[0].values
    return next((float(values[name].mean()) for name in ("f", "z") if name in values), 0.0)


def _one(rival: _Rival, lag: int, seed: int) -> _Reached:
    torch.manual_seed(seed)
    draw = first_symbol(lag)
    start: Initialiser = chrono(_LAGS[-1]) if rival.open else torch_default
    layer = Recurrent(rival.cell(5, _SIZE), init=start)
    keeps = _mean_gate(layer, draw(seed + 17, 16)[0])
    found = train(AtTheEnd(layer, _SIZE, 4), draw, steps=_STEPS, seed=seed)
    x, truth = draw(seed + 17, 16)
    (measured,) = gradient_by_lag(
        found.model, x, costs=lambda scores: nn.functional.cross_entropy(scores, truth, reduction="none")
    )
    norms = measured.norms[measured.carrier]
    return _Reached(found, [float(value) / max(float(norms[0]), 1e-30) for value in norms], keeps)


def run(seed: int) -> Lesson:
    """Train each network at each lag."""
    reached = {name: {lag: _one(rival, lag, seed) for lag in _LAGS} for name, rival in _RIVALS.items()}
    farthest = {
        name: max((lag for lag, one in by_lag.items() if one.trained.accuracy >= _REMEMBERED), default=0)
        for name, by_lag in reached.items()
    }

    def charts(language: str) -> list[Chart]:
        lag, right = Text("steps to remember over", "기억해야 하는 시점 수"), Text("right answers", "정답률")
        size = Text("size of the gradient (1 = at the last step)", "기울기의 크기(마지막 시점 = 1)")
        last = _LAGS[-1]
        accuracy = [
            Curve(
                _RIVALS[name].name.of(language),
                list(map(float, _LAGS)),
                [one.trained.accuracy for one in by_lag.values()],
                # Lines that lie on each other are both seen if the upper one has gaps.
                dashed=name.startswith("gru"),
                dots=True,
            )
            for name, by_lag in reached.items()
        ]
        gradients = [
            Curve(
                _RIVALS[name].name.of(language),
                list(map(float, range(len(by_lag[last].norms)))),
                [value if value > 1e-9 else math.nan for value in by_lag[last].norms],
                dashed=name.startswith("gru"),
            )
            for name, by_lag in reached.items()
        ]
        return [
            Plot(
                Text("Right answers by distance", "거리에 따른 정답률").of(language),
                accuracy,
                Axis(lag.of(language), AxisKind.WHOLE),
                Axis(right.of(language), AxisKind.SHARE, 0.0, 1.0),
                wide=True,
            ),
            Plot(
                Text(
                    f"The gradient on its way back over {last} steps, after training",
                    f"{last}시점을 거슬러 올라가는 기울기, 학습 뒤",
                ).of(language),
                gradients,
                Axis(BACK.of(language), AxisKind.WHOLE),
                Axis(size.of(language), AxisKind.LOG),
                wide=True,
            ),
        ]

    def table(language: str) -> list[dict[str, object]]:
        network = Text("network", "신경망").of(language)
        return [
            {
                network: _RIVALS[name].name.of(language),
                **{
                    Text(f"{lag} steps", f"{lag}시점").of(language): percent(one.trained.accuracy)
                    for lag, one in by_lag.items()
                },
            }
            for name, by_lag in reached.items()
        ]

    def told(*names: str) -> Text:
        return Text(
            ", ".join(f"{_RIVALS[name].name.en}: {_upto(farthest[name]).en}" for name in names),
            ", ".join(f"{_RIVALS[name].name.ko}: {_upto(farthest[name]).ko}" for name in names),
        )

    all_told = told(*_RIVALS)
    usual, opened = reached["lstm"][_LAGS[-1]], reached["lstm-open"][_LAGS[-1]]
    parts = [
        Part(
            Text("One symbol, then noise", "기호 하나, 그 뒤에는 잡음"),
            Text(
                "Each sequence shows one of four symbols at its first step and noise afterwards; at the end the network"
                f" must say which symbol it was. Guessing gives 25%. Every network has {_SIZE} units and gets at most"
                f" {_STEPS} updates at each distance. The farthest distance at which 90% of new sequences were right:"
                f" {all_told.en}. Lines that coincide lie on top of each other; those of the GRU are dashed.",
                "수열마다 첫 시점에 네 가지 기호 가운데 하나가 나오고 그 뒤에는 잡음만 이어집니다. 끝에서 그 기호가"
                f" 무엇이었는지 맞혀야 합니다. 찍으면 25%입니다. 신경망마다 유닛은 {_SIZE}개이고, 거리마다 최대"
                f" {_STEPS}번 갱신합니다. 새 수열의 90%를 맞힌 가장 먼 거리는 다음과 같습니다. {all_told.ko}. 같은 값을"
                " 지나는 선은 겹쳐 보입니다. GRU의 선은 점선입니다.",
            ),
            charts,
            table,
        ),
        Part(
            Text("Where the difference comes from", "차이가 나는 까닭"),
            Text(
                "The second picture follows the loss back to the first step. An LSTM or GRU multiplies its memory by a"
                f" gate at every step. With the usual start the LSTM's forget gate is {usual.keeps:.2f} on average"
                f" before training, so every step leaves about that share of the memory, and even after training only"
                f" {power(usual.norms[_SEEN])} of the gradient is left {_SEEN} steps back. The network must first learn"
                " to open the gate, and this training is too short for that. Started with open gates, biases"
                f" that keep a memory for up to {_LAGS[-1]} steps (chrono initialisation, Tallec and Ollivier 2018),"
                f" the gate is {opened.keeps:.2f}, and {_SEEN} steps back the gradient is"
                f" {power(opened.norms[_SEEN])} times as large as at the last step.",
                "둘째 그림은 손실의 기울기를 첫 시점까지 따라간 것입니다. LSTM과 GRU는 시점마다 기억에 게이트를"
                f" 곱합니다. 기본 초깃값이면 LSTM의 망각 게이트는 학습 전에 평균 {usual.keeps:.2f}이므로 기억이"
                f" 시점마다 그 비율로 줄어듭니다. 학습한 뒤에도 {_SEEN}시점 전에는 기울기가"
                f" {power(usual.norms[_SEEN])}배만 남습니다. 신경망은 게이트를 여는 법부터 배워야 하는데, 이 짧은"
                f" 학습으로는 모자랍니다. 열린 게이트, 곧 최대 {_LAGS[-1]}시점까지 기억하도록 편향을 맞춘"
                f" 게이트(chrono 초깃값, Tallec, Ollivier 2018)로 시작하면 게이트는 {opened.keeps:.2f}이고, 같은"
                f" 곳에서 기울기가 {power(opened.norms[_SEEN])}배 남습니다.",
            ),
        ),
    ]
    claims = [
        Claim(
            Text("An LSTM remembers farther than a simple network.", "LSTM은 단순 순환 신경망보다 멀리 기억한다."),
            farthest["lstm-open"] > farthest["rnn"],
            told("lstm-open", "rnn"),
        ),
        Claim(
            Text(
                "Gates remember farther than a simple network whatever they start with.",
                "게이트가 있으면 초깃값이 무엇이든 단순 순환 신경망보다 멀리 기억한다.",
            ),
            farthest["lstm"] > farthest["rnn"] and farthest["gru"] > farthest["rnn"],
            told("lstm", "gru", "rnn"),
        ),
        Claim(
            Text("A GRU remembers as far as an LSTM.", "GRU는 LSTM만큼 멀리 기억한다."),
            farthest["gru-open"] >= farthest["lstm-open"],
            told("gru-open", "lstm-open"),
        ),
    ]
    return Lesson(parts, claims)


def _upto(lag: int) -> Text:
    if not lag:
        return Text(f"less than {_LAGS[0]} steps", f"{_LAGS[0]}시점 미만")
    return Text(f"{lag} steps", f"{lag}시점")


CHAPTER = Chapter(
    "memories",
    Text("Who remembers farther: RNN, LSTM or GRU?", "누가 더 멀리 기억할까: RNN, LSTM, GRU"),
    Text(
        "A symbol must be remembered over 10 to 120 steps. How often is each network right, and what becomes of its"
        " gradient?",
        "기호 하나를 10시점에서 120시점까지 기억해야 합니다. 신경망마다 얼마나 맞히고, 기울기는 얼마나 남을까요?",
    ),
    run,
)
