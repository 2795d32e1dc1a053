"""Chapter: recurrent, feed-forward and convolutional models where order matters and where it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from unroll.lab.lesson import Chapter, Claim, Lesson, Part, Text
from unroll.lab.training import Draw, Trained, generator, percent, train
from unroll.layers import GRU
from unroll.models.encoders import ConvolutionEncoder
from unroll.report.charts import Axis, AxisKind, Chart, Curve, Lane, Lanes, Plot

_LENGTH, _SYMBOLS, _SIZE, _STEPS = 20, 6, 32, 500
#: Symbols that the questions are about.
_A, _B = 0, 1


def _rows(seed: int, rows: int) -> Tensor:
    return torch.randint(2, _SYMBOLS, (_LENGTH, rows), generator=generator(seed))


def _more(seed: int, rows: int) -> tuple[Tensor, Tensor]:
    """Are there more a than b?"""
    drawn = generator(seed + 1)
    ids = _rows(seed, rows)
    truth = torch.randint(0, 2, (rows,), generator=drawn)
    places = torch.rand(_LENGTH, rows, generator=drawn).argsort(dim=0)
    few = torch.randint(1, 4, (rows,), generator=drawn)
    many = few + torch.randint(1, 4, (rows,), generator=drawn)
    a, b = torch.where(truth == 1, many, few), torch.where(truth == 1, few, many)
    ids = torch.where(places < a, _A, ids)
    return torch.where((places >= a) & (places < a + b), _B, ids), truth


def _before(seed: int, rows: int) -> tuple[Tensor, Tensor]:
    """Did a come before b? Each comes once, far apart or near."""
    drawn = generator(seed + 1)
    ids = _rows(seed, rows)
    first, second = torch.rand(_LENGTH, rows, generator=drawn).argsort(dim=0)[:2].sort(dim=0).values
    truth = torch.randint(0, 2, (rows,), generator=drawn)
    every = torch.arange(rows)
    ids[first, every] = torch.where(truth == 1, _A, _B)
    ids[second, every] = torch.where(truth == 1, _B, _A)
    return ids, truth


class _Bag(nn.Module):
    """The mean of the symbols' vectors, and a layer: order cannot matter."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(_SYMBOLS, _SIZE)
        self.head = nn.Sequential(nn.Linear(_SIZE, _SIZE), nn.ReLU(), nn.Linear(_SIZE, 2))

    def forward(self, ids: Tensor) -> Tensor:
        """(T, B) to (B, 2)."""
        scores: Tensor = self.head(self.embedding(ids).mean(dim=0))
        return scores


class _Convolution(nn.Module):
    """Windows of three to five symbols, and the greatest value of each over the row."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(_SYMBOLS, _SIZE)
        self.encoder = ConvolutionEncoder(_SIZE, _SIZE)
        self.head = nn.Linear(self.encoder.output_size, 2)

    def forward(self, ids: Tensor) -> Tensor:
        """(T, B) to (B, 2)."""
        lengths = torch.full((ids.shape[1],), ids.shape[0])
        encoded = self.encoder(self.embedding(ids).transpose(0, 1), lengths)
        scores: Tensor = self.head(encoded.y.amax(dim=1))
        return scores


class _Recurrent(nn.Module):
    """A GRU, and what it says after the last symbol."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(_SYMBOLS, _SIZE)
        self.layer = GRU(_SIZE, _SIZE)
        self.head = nn.Linear(_SIZE, 2)

    def forward(self, ids: Tensor) -> Tensor:
        """(T, B) to (B, 2)."""
        scores: Tensor = self.head(self.layer(self.embedding(ids))[0][-1])
        return scores


#: Both answers are as frequent.
_GUESSED = 0.5
#: Symbols that the widest window sees, and fresh sequences on which the convolution is looked at closely.
_WINDOW, _CLOSE = 5, 4000

_MODELS: dict[str, tuple[Text, Callable[[], nn.Module]]] = {
    "bag": (Text("feed-forward on the mean", "평균만 보는 순방향 신경망"), _Bag),
    "convolution": (Text(f"convolution (windows up to {_WINDOW})", f"합성곱(창 너비 {_WINDOW}까지)"), _Convolution),
    "recurrent": (Text("recurrent (GRU)", "순환 신경망(GRU)"), _Recurrent),
}
_TASKS: dict[str, tuple[Text, Draw]] = {
    "free": (Text("Are there more a’s than b’s?", "a가 b보다 많은가?"), _more),
    "order": (Text("Did a come before b?", "a가 b보다 먼저 나왔는가?"), _before),
}


class _Beyond(NamedTuple):
    """How often a network is right by how far apart the two symbols stand; and where no window tells: they are farther
    apart than a window is wide, and both away from the ends, which a window that reaches over them knows."""

    by_distance: list[float]
    untold: float
    share: float


@torch.no_grad()
def _beyond(model: nn.Module) -> _Beyond:
    ids, truth = _before(2**31 + 2, _CLOSE)
    right = model(ids).argmax(dim=1) == truth
    places = torch.stack([(ids == symbol).int().argmax(dim=0) for symbol in (_A, _B)]).sort(dim=0).values
    apart = places[1] - places[0]
    ends = _WINDOW - 1
    untold = (apart >= _WINDOW) & (places[0] >= ends) & (places[1] < _LENGTH - ends)
    by_distance = [float(right[apart == one].float().mean()) for one in range(1, _LENGTH)]
    return _Beyond(by_distance, float(right[untold].float().mean()), float(untold.float().mean()))


def run(seed: int) -> Lesson:
    """Train every model on both questions."""
    found: dict[str, dict[str, Trained]] = {}
    for task, (_, draw) in _TASKS.items():
        found[task] = {}
        for name, (_, make) in _MODELS.items():
            torch.manual_seed(seed)
            found[task][name] = train(make(), draw, steps=_STEPS, seed=seed)
    beyond = {name: _beyond(found["order"][name].model) for name in ("convolution", "recurrent")}
    right = {task: {name: one.accuracy for name, one in own.items()} for task, own in found.items()}

    def lanes(task: str) -> Callable[[str], list[Chart]]:
        def charts(language: str) -> list[Chart]:
            return [
                Lanes(
                    [
                        # What guessing gives is the end of the scale: else a hundredth would look like half of all.
                        Lane(Text("guessing", "찍기").of(language), _GUESSED, None, percent(_GUESSED), False),
                        *(
                            Lane(_MODELS[name][0].of(language), value, None, percent(value), name == "recurrent")
                            for name, value in right[task].items()
                        ),
                    ]
                )
            ]

        return charts

    def by_distance(language: str) -> list[Chart]:
        curves = [
            Curve(_MODELS[name][0].of(language), list(map(float, range(1, _LENGTH))), one.by_distance, dots=True)
            for name, one in beyond.items()
        ]
        return [
            Plot(
                Text("Right answers by how far apart a and b stand", "a와 b 사이의 거리에 따른 정답률").of(language),
                curves,
                Axis(Text("symbols from one to the other", "둘 사이의 거리(기호 수)").of(language), AxisKind.WHOLE),
                Axis(Text("right answers", "정답률").of(language), AxisKind.SHARE, 0.0, 1.0),
                wide=True,
            )
        ]

    free, order, close = right["free"], right["order"], beyond["convolution"]
    parts = [
        Part(
            _TASKS["free"][0],
            Text(
                f"Sequences of {_LENGTH} symbols, and a question whose answer does not change when they are shuffled."
                f" Guessing gives 50%. After at most {_STEPS} updates each, a feed-forward network that sees only the"
                f" mean of the symbols is right on {percent(free['bag'])} of new sequences, the convolution on"
                f" {percent(free['convolution'])}, the GRU on {percent(free['recurrent'])}.",
                f"기호 {_LENGTH}개로 된 수열이 있고, 수열을 뒤섞어도 답이 바뀌지 않는 질문을 합니다. 찍으면 50%입니다."
                f" 저마다 최대 {_STEPS}번 갱신한 뒤, 기호의 평균만 보는 순방향 신경망은 새 수열의"
                f" {percent(free['bag'])}를, 합성곱은 {percent(free['convolution'])}를, GRU는"
                f" {percent(free['recurrent'])}를 맞힙니다.",
            ),
            lanes("free"),
        ),
        Part(
            _TASKS["order"][0],
            Text(
                "The same symbols, but a and b come once each, and the question is about nothing but order. The mean is"
                f" the same for both answers, so the first network can only guess: {percent(order['bag'])} right. The"
                f" convolution keeps only the largest value of each of its filters over the sequence, and reaches"
                f" {percent(order['convolution'])}. The GRU reads from left to right and needs to remember one thing:"
                f" {percent(order['recurrent'])}.",
                "같은 기호를 쓰지만 a와 b는 한 번씩만 나오고, 순서만 묻습니다. 어느 쪽이 먼저든 평균은 똑같으므로 첫째"
                f" 신경망은 찍을 수밖에 없습니다. 정답률은 {percent(order['bag'])}입니다. 합성곱은 필터마다 수열에서"
                f" 가장 큰 값만 남기고 {percent(order['convolution'])}를 맞힙니다. GRU는 왼쪽에서 오른쪽으로 읽으면서"
                f" 한 가지만 기억하면 됩니다. 정답률은 {percent(order['recurrent'])}입니다.",
            ),
            lanes("order"),
        ),
        Part(
            Text("How can a convolution know?", "합성곱은 어떻게 알까?"),
            Text(
                f"Up to {_WINDOW - 1} symbols apart, one window sees both a and b. Farther apart, an end of the"
                " sequence gives the order away: a window that reaches over it sees the zeros of the padding, and the"
                f" symbol beside the beginning came first. In {percent(close.share)} of new sequences neither helps,"
                f" because a and b are {_WINDOW} or more apart and both at least {_WINDOW - 1} symbols from the ends."
                f" There the convolution is right {percent(close.untold)} of the time, the GRU"
                f" {percent(beyond['recurrent'].untold)}.",
                f"a와 b의 거리가 {_WINDOW - 1} 이하이면 한 창이 둘을 모두 봅니다. 더 멀면 수열의 끝이 순서를 알려"
                " 줍니다. 끝에 걸친 창은 패딩의 0을 보고, 시작 바로 옆에 있는 기호가 먼저 나온 것이기 때문입니다."
                f" 거리가 {_WINDOW} 이상이고 둘 다 양쪽 끝에서 {_WINDOW - 1}칸 이상 떨어져 있으면 어느 쪽도 도움이 되지"
                f" 않습니다. 새 수열의 {percent(close.share)}가 그렇습니다. 이런 수열에서 합성곱의 정답률은"
                f" {percent(close.untold)}, GRU는 {percent(beyond['recurrent'].untold)}입니다.",
            ),
            by_distance,
        ),
    ]
    claims = [
        Claim(
            Text(
                "Where order does not matter, a feed-forward network is as good as a recurrent one.",
                "순서가 상관없으면 순방향 신경망도 순환 신경망만큼 잘한다.",
            ),
            free["bag"] >= free["recurrent"] - 0.02,
            _both(free, "bag", "recurrent"),
        ),
        Claim(
            Text(
                "Where order matters, a feed-forward network on the mean can only guess.",
                "순서가 중요하면 평균만 보는 신경망은 찍을 수밖에 없다.",
            ),
            order["bag"] < 0.6 < order["recurrent"],
            _both(order, "bag", "recurrent"),
        ),
        Claim(
            Text(
                "Where order reaches beyond its windows, a convolution can only guess.",
                "순서가 창보다 멀리 미치면 합성곱은 찍을 수밖에 없다.",
            ),
            order["convolution"] < 0.6 < order["recurrent"],
            _both(order, "convolution", "recurrent"),
        ),
        Claim(
            Text(
                "Where neither a window nor an end of the sequence helps, it can only guess.",
                "창도 수열의 끝도 도움이 되지 않는 곳에서는 합성곱도 찍을 수밖에 없다.",
            ),
            close.untold < 0.6 < beyond["recurrent"].untold,
            _both({name: one.untold for name, one in beyond.items()}, "convolution", "recurrent"),
        ),
    ]
    return Lesson(parts, claims)


def _both(right: Mapping[str, float], first: str, second: str) -> Text:
    return Text(
        f"{_MODELS[first][0].en}: {percent(right[first])} right, {_MODELS[second][0].en}: {percent(right[second])}",
        f"{_MODELS[first][0].ko}: 정답률 {percent(right[first])}, {_MODELS[second][0].ko}: {percent(right[second])}",
    )


CHAPTER = Chapter(
    "order",
    Text("When does order matter?", "순서가 중요할 때와 아닐 때"),
    Text(
        "A recurrent, a feed-forward and a convolutional network answer two questions about the same symbols: one about"
        " how many there are, one about their order.",
        "순환 신경망, 순방향 신경망, 합성곱에 같은 기호를 주고 두 가지를 묻습니다. 하나는 개수, 하나는 순서에 대한"
        " 질문입니다.",
    ),
    run,
)
