"""Chapter 2: how far a simple network, an LSTM and a GRU remember."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn

from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.cells.init import Initialiser, chrono, torch_default
from unroll.inspect import gradient_by_lag
from unroll.lab.lesson import Chapter, Claim, Lesson, Part, Text
from unroll.lab.training import AtTheEnd, Trained, first_symbol, percent, train
from unroll.layers import Recurrent
from unroll.report.charts import Axis, AxisKind, Chart, Curve, Plot

_SIZE, _LAGS, _STEPS = 24, (10, 30, 60, 120), 200
#: What counts as remembered.
_REMEMBERED = 0.9


class _Rival(NamedTuple):
    name: Text
    cell: type[Cell]
    open: bool


_RIVALS = {
    "rnn": _Rival(Text("RNN", "RNN"), RNNCell, False),
    "lstm": _Rival(Text("LSTM, usual start", "LSTM, 보통 초깃값"), LSTMCell, False),
    "gru": _Rival(Text("GRU, usual start", "GRU, 보통 초깃값"), GRUCell, False),
    "lstm-open": _Rival(Text("LSTM, open gates", "LSTM, 열린 게이트"), LSTMCell, True),
    "gru-open": _Rival(Text("GRU, open gates", "GRU, 열린 게이트"), GRUCell, True),
}


class _Reached(NamedTuple):
    trained: Trained
    norms: list[float]


def _one(rival: _Rival, lag: int, seed: int) -> _Reached:
    torch.manual_seed(seed)
    draw = first_symbol(lag)
    start: Initialiser = chrono(_LAGS[-1]) if rival.open else torch_default
    layer = Recurrent(rival.cell(5, _SIZE), init=start)
    found = train(AtTheEnd(layer, _SIZE, 4), draw, steps=_STEPS, seed=seed)
    x, truth = draw(seed + 17, 16)
    (measured,) = gradient_by_lag(
        found.model, x, costs=lambda scores: nn.functional.cross_entropy(scores, truth, reduction="none")
    )
    norms = measured.norms[measured.carrier]
    return _Reached(found, [float(value) / max(float(norms[0]), 1e-30) for value in norms])


def run(seed: int) -> Lesson:
    """Train each network at each lag."""
    reached = {name: {lag: _one(rival, lag, seed) for lag in _LAGS} for name, rival in _RIVALS.items()}
    farthest = {
        name: max((lag for lag, one in by_lag.items() if one.trained.accuracy >= _REMEMBERED), default=0)
        for name, by_lag in reached.items()
    }

    def charts(language: str) -> list[Chart]:
        lag, right = Text("steps to remember over", "기억해야 하는 걸음 수"), Text("right answers", "정답률")
        back, share = Text("steps back", "거슬러 간 걸음"), Text("share of lag 0", "처음 크기에 대한 비")
        last = _LAGS[-1]
        accuracy = [
            Curve(
                _RIVALS[name].name.of(language),
                list(map(float, _LAGS)),
                [one.trained.accuracy for one in by_lag.values()],
                dots=True,
            )
            for name, by_lag in reached.items()
        ]
        gradients = [
            Curve(
                _RIVALS[name].name.of(language),
                list(map(float, range(len(by_lag[last].norms)))),
                [value if value > 1e-9 else math.nan for value in by_lag[last].norms],
            )
            for name, by_lag in reached.items()
        ]
        return [
            Plot(
                Text("Accuracy against lag", "거리에 따른 정답률").of(language),
                accuracy,
                Axis(lag.of(language), AxisKind.WHOLE),
                Axis(right.of(language), AxisKind.SHARE, 0.0, 1.0),
                wide=True,
            ),
            Plot(
                Text(f"Gradient by lag after training, lag {last}", f"학습 뒤의 기울기, 거리 {last}").of(language),
                gradients,
                Axis(back.of(language), AxisKind.WHOLE),
                Axis(share.of(language), AxisKind.LOG),
                wide=True,
            ),
        ]

    def table(language: str) -> list[dict[str, object]]:
        network = Text("network", "신경망").of(language)
        return [
            {
                network: _RIVALS[name].name.of(language),
                **{
                    Text(f"lag {lag}", f"거리 {lag}").of(language): percent(one.trained.accuracy)
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
    parts = [
        Part(
            Text("One symbol, then noise", "기호 하나, 그 뒤에는 잡음"),
            Text(
                "Each row shows one of four symbols at its first step and noise afterwards; at the end the network must"
                f" say which it was. Every network has {_SIZE} units and gets at most {_STEPS} updates at each"
                f" distance. The farthest distance with 90 % of new rows right was: {all_told.en}. Guessing gives"
                " 25 %.",
                "각 줄은 첫 걸음에 네 기호 가운데 하나를 보이고 그 뒤에는 잡음만 보입니다. 끝에서 그 기호가"
                f" 무엇이었는지 맞혀야 합니다. 신경망마다 유닛은 {_SIZE}개이고 거리마다 많아야 {_STEPS}번"
                f" 갱신합니다. 새 문제의 90 %를 맞힌 가장 먼 거리는 다음과 같습니다. {all_told.ko}. 찍으면 25 %입니다.",
            ),
            charts,
            table,
        ),
        Part(
            Text("Where the difference comes from", "차이가 나는 까닭"),
            Text(
                "The second picture follows the loss back to the first step. An LSTM or GRU keeps its memory times"
                " a gate at every step. With the usual start that gate is half open, so half of everything is gone"
                " after one step and hardly anything comes back over sixty: the network must first learn to open"
                f" it, and this short training is not enough. Started with gates that keep for up to {_LAGS[-1]}"
                " steps (chrono), nothing has to be learnt first.",
                "둘째 그림은 손실에서 첫 걸음까지 기울기를 따라간 것입니다. LSTM과 GRU는 걸음마다 기억에 게이트를 곱해"
                " 남깁니다. 보통 초깃값에서는 이 게이트가 반쯤 열려 있어서 한 걸음에 절반이 사라지고, 예순 걸음이면"
                " 거의 아무것도 돌아오지 않습니다. 신경망은 먼저 게이트를 여는 법부터 배워야 하는데 이렇게 짧은"
                f" 학습으로는 모자랍니다. {_LAGS[-1]} 걸음까지 간직하는 게이트로 시작하면(chrono) 미리 배울 것이"
                " 없습니다.",
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
                "게이트가 있으면 어떤 값에서 시작하든 단순 순환 신경망보다 멀리 기억한다.",
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
        return Text(f"less than {_LAGS[0]} steps", f"{_LAGS[0]} 걸음 미만")
    return Text(f"{lag} steps", f"{lag} 걸음")


CHAPTER = Chapter(
    "memories",
    Text("Who remembers farther: RNN, LSTM or GRU?", "누가 더 멀리 기억할까: RNN, LSTM, GRU"),
    Text(
        "Accuracy against the distance that must be remembered over.",
        "기억해야 하는 거리에 따라 정답률이 어떻게 달라지는지 봅니다.",
    ),
    run,
)
