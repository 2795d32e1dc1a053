"""Chapter: GRU for little data, LSTM for much: is it so?"""

from __future__ import annotations

import math
import statistics
from typing import NamedTuple

import torch
from torch import Tensor, nn

from unroll.lab.lesson import Chapter, Claim, Lesson, Part, Text
from unroll.lab.training import AtTheEnd, generator
from unroll.layers import GRU, LSTM
from unroll.report.charts import Axis, AxisKind, Band, Chart, Curve, Plot

_SIZE, _UPDATES, _BATCH = 32, 250, 32
_ROWS, _TEST = (60, 240, 1200), 500
_SEEDS = 5


class _Mean(NamedTuple):
    """A mean over seeds, and half the width of its 95 % interval."""

    value: float
    half: float


def run(seed: int) -> Lesson:
    """Train both on more and more rows, several times."""
    x, truth = _digits(seed)
    found = {
        rows: {name: [_accuracy(name, x, truth, rows, seed * 100 + one) for one in range(_SEEDS)] for name in _CELLS}
        for rows in _ROWS
    }
    means = {rows: {name: _mean(values) for name, values in own.items()} for rows, own in found.items()}
    # Both have the same rows and seeds, so their differences are compared.
    gains = {rows: _mean([g - own["LSTM"][at] for at, g in enumerate(own["GRU"])]) for rows, own in found.items()}

    def charts(language: str) -> list[Chart]:
        places = list(map(float, _ROWS))
        layers: list[Band | Curve] = []
        for colour, name in enumerate(_CELLS, start=1):
            values = [means[rows][name] for rows in _ROWS]
            layers.append(
                Band("", places, [v.value - v.half for v in values], [v.value + v.half for v in values], colour)
            )
            layers.append(Curve(name, places, [v.value for v in values], colour, dots=True))
        return [
            Plot(
                Text(
                    "Right answers by number of training images, with 95% intervals",
                    "학습 이미지 수에 따른 정답률과 95% 구간",
                ).of(language),
                layers,
                Axis(Text("training images", "학습 이미지 수").of(language), AxisKind.LOG),
                Axis(Text("right answers", "정답률").of(language), AxisKind.SHARE),
                wide=True,
            )
        ]

    def table(language: str) -> list[dict[str, object]]:
        rows_name, ahead = Text("images", "이미지 수").of(language), Text("GRU − LSTM", "GRU − LSTM").of(language)
        return [
            {
                rows_name: f"{rows:,}",
                **{name: f"{100 * own.value:.1f}%" for name, own in means[rows].items()},
                ahead: f"{100 * gains[rows].value:+.2f} ± {100 * gains[rows].half:.2f}",
            }
            for rows in _ROWS
        ]

    few, many = _ROWS[0], _ROWS[-1]

    def told(rows: int) -> Text:
        gain = gains[rows]
        numbers = f"{100 * gain.value:+.2f} ± {100 * gain.half:.2f}"
        if abs(gain.value) <= gain.half:
            verdict = Text("the interval contains 0, so it could be chance", "구간에 0이 들어 있어 우연일 수 있음")
        elif gain.value > 0:
            verdict = Text("GRU is better here", "여기서는 GRU가 나음")
        else:
            verdict = Text("LSTM is better here", "여기서는 LSTM이 나음")
        return Text(
            f"with {rows:,} images GRU minus LSTM is {numbers} percentage points over {_SEEDS} starts; {verdict.en}",
            f"이미지 {rows:,}개일 때 GRU − LSTM은 {_SEEDS}번 학습해서 {numbers}%p. {verdict.ko}",
        )

    parts = [
        Part(
            Text("The same digits, more and more of them", "같은 손글씨, 점점 더 많은 데이터"),
            Text(
                "Images of handwritten digits, read from top to bottom: eight rows of pixels are eight steps. GRU and"
                f" LSTM have {_SIZE} units each and get the same {_UPDATES} updates, with {_ROWS[0]}, {_ROWS[1]} or"
                f" {_ROWS[2]:,} training images. Each was trained {_SEEDS} times from different starts and scored on"
                f" the same {_TEST} other images. The bands and the ± are 95% intervals of the mean: where that of the"
                " difference contains 0, this experiment cannot tell the two apart.",
                "손글씨 숫자 이미지를 위에서 아래로 읽습니다. 픽셀 여덟 줄이 여덟 시점입니다. GRU와 LSTM은 유닛이"
                f" {_SIZE}개로 같고 갱신도 {_UPDATES}번으로 같으며, 학습 이미지만 {_ROWS[0]}개, {_ROWS[1]}개,"
                f" {_ROWS[2]:,}개로 다릅니다. 저마다 초깃값을 바꿔 {_SEEDS}번 학습하고, 학습에 쓰지 않은 같은 이미지"
                f" {_TEST}개로 채점했습니다. 띠와 ±는 평균의 95% 구간입니다. 차이의 구간에 0이 들어 있으면 이"
                " 실험으로는 어느 쪽이 나은지 말할 수 없습니다.",
            ),
            charts,
            table,
        )
    ]
    claims = [
        Claim(
            Text("With little data, GRU is better.", "데이터가 적으면 GRU가 낫다."),
            gains[few].value - gains[few].half > 0,
            told(few),
        ),
        Claim(
            Text("With much data, LSTM is better.", "데이터가 많으면 LSTM이 낫다."),
            gains[many].value + gains[many].half < 0,
            told(many),
        ),
    ]
    return Lesson(parts, claims)


_CELLS: dict[str, type[GRU] | type[LSTM]] = {"GRU": GRU, "LSTM": LSTM}
#: Of Student's t for the 95 % interval of a mean of five.
_T = 2.776


def _mean(values: list[float]) -> _Mean:
    return _Mean(statistics.fmean(values), _T * statistics.stdev(values) / math.sqrt(len(values)))


def _digits(seed: int) -> tuple[Tensor, Tensor]:
    """(8, N, 8) rows of pixels in [0, 1], and (N,) digits, shuffled."""
    from sklearn.datasets import load_digits

    held = load_digits()
    order = torch.randperm(len(held.target), generator=generator(seed))
    pixels = torch.as_tensor(held.images, dtype=torch.float32) / 16
    return pixels[order].transpose(0, 1), torch.as_tensor(held.target)[order]


def _accuracy(name: str, x: Tensor, truth: Tensor, rows: int, seed: int) -> float:
    torch.manual_seed(seed)
    model = AtTheEnd(_CELLS[name](8, _SIZE), _SIZE, 10)
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    drawn = generator(seed)
    for _ in range(_UPDATES):
        picked = _TEST + torch.randint(0, rows, (_BATCH,), generator=drawn)
        loss = nn.functional.cross_entropy(model(x[:, picked]), truth[picked])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        optimiser.step()
    with torch.no_grad():
        return float((model(x[:, :_TEST]).argmax(dim=1) == truth[:_TEST]).float().mean())


CHAPTER = Chapter(
    "little-data",
    Text("GRU for little data, LSTM for much: is it so?", "데이터가 적으면 GRU, 많으면 LSTM: 정말일까"),
    Text(
        "A well-known rule of thumb, tested on handwritten digits: both networks see more and more of them, each from"
        " several starts.",
        "널리 알려진 경험칙을 손글씨 숫자로 시험합니다. 학습 이미지를 늘려 가며 두 신경망을 여러 번씩 학습합니다.",
    ),
    run,
)
