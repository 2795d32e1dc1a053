"""Chapter: recurrent, feed-forward and convolutional models where order matters and where it does not."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from unroll.lab.lesson import Chapter, Claim, Lesson, Part, Text
from unroll.lab.training import Draw, Trained, generator, percent, train
from unroll.layers import GRU
from unroll.models.encoders import ConvolutionEncoder
from unroll.report.charts import Chart, Lane, Lanes

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

_MODELS: dict[str, tuple[Text, Callable[[], nn.Module]]] = {
    "bag": (Text("feed-forward on the mean", "평균을 받는 앞먹임 신경망"), _Bag),
    "convolution": (Text("convolution, windows up to 5", "합성곱, 창 너비 5까지"), _Convolution),
    "recurrent": (Text("recurrent (GRU)", "순환 신경망(GRU)"), _Recurrent),
}
_TASKS: dict[str, tuple[Text, Draw]] = {
    "free": (Text("More a than b?", "a가 b보다 많은가?"), _more),
    "order": (Text("Did a come before b?", "a가 b보다 먼저 나왔는가?"), _before),
}


def run(seed: int) -> Lesson:
    """Train every model on both questions."""
    found: dict[str, dict[str, Trained]] = {}
    for task, (_, draw) in _TASKS.items():
        found[task] = {}
        for name, (_, make) in _MODELS.items():
            torch.manual_seed(seed)
            found[task][name] = train(make(), draw, steps=_STEPS, seed=seed)
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

    free, order = right["free"], right["order"]
    parts = [
        Part(
            _TASKS["free"][0],
            Text(
                f"Rows of {_LENGTH} symbols, and a question whose answer does not change when the row is shuffled. A"
                f" network that sees only the mean of the symbols answers {percent(free['bag'])} of new rows right, the"
                f" convolution {percent(free['convolution'])}, the GRU {percent(free['recurrent'])}, after at most"
                f" {_STEPS} updates each. Guessing gives 50 %.",
                f"기호 {_LENGTH}개짜리 줄에 대한, 줄을 섞어도 답이 바뀌지 않는 질문입니다. 기호의 평균만 보는"
                f" 신경망은 새 줄의 {percent(free['bag'])}, 합성곱은 {percent(free['convolution'])}, GRU는"
                f" {percent(free['recurrent'])}를 맞힙니다. 갱신은 각각 많아야 {_STEPS}번입니다. 찍으면 50 %입니다.",
            ),
            lanes("free"),
        ),
        Part(
            _TASKS["order"][0],
            Text(
                "The same symbols, and a question that is about nothing but order. The mean is the same for both"
                f" answers, so the first network can only guess: {percent(order['bag'])}. The convolution sees"
                f" order inside its windows and the edges of the row: {percent(order['convolution'])}. The GRU"
                f" reads from left to right and has to keep one thing in mind: {percent(order['recurrent'])}.",
                "같은 기호들이지만 순서만 묻는 질문입니다. 두 답의 평균은 똑같으므로 첫 신경망은 찍을 수밖에 없습니다:"
                f" {percent(order['bag'])}. 합성곱은 창 안의 순서와 줄의 끝을 봅니다: {percent(order['convolution'])}."
                " GRU는 왼쪽에서 오른쪽으로 읽으며 한 가지만 기억하면 됩니다:"
                f" {percent(order['recurrent'])}.",
            ),
            lanes("order"),
        ),
    ]
    claims = [
        Claim(
            Text(
                "Where order does not matter, a feed-forward network is as good as a recurrent one.",
                "순서가 상관없으면 앞먹임 신경망도 순환 신경망만큼 잘한다.",
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
    ]
    return Lesson(parts, claims)


def _both(right: dict[str, float], first: str, second: str) -> Text:
    return Text(
        f"{_MODELS[first][0].en} {percent(right[first])}, {_MODELS[second][0].en} {percent(right[second])}",
        f"{_MODELS[first][0].ko} {percent(right[first])}, {_MODELS[second][0].ko} {percent(right[second])}",
    )


CHAPTER = Chapter(
    "order",
    Text("When does order matter?", "순서가 중요할 때와 아닐 때"),
    Text(
        "Recurrent, feed-forward and convolutional models on the same rows.",
        "같은 줄을 순환 신경망, 앞먹임 신경망, 합성곱에 줍니다.",
    ),
    run,
)
