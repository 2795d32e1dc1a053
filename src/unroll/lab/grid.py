"""Chapter: the depth gates of a Grid LSTM."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from unroll.cells import LSTMCell
from unroll.inspect.watch import watch
from unroll.lab.lesson import Chapter, Claim, Lesson, Part, Text
from unroll.lab.training import AtTheEnd, Trained, first_symbol, percent, train
from unroll.layers import GridLSTM, Recurrent, Stack
from unroll.report.charts import Axis, AxisKind, Chart, Curve, Plot

_SIZE, _LAG, _UPDATES, _DEPTHS = 16, 5, 150, (1, 4, 10)


def _stack(depth: int) -> nn.Module:
    sizes = [5, *[_SIZE] * (depth - 1)]
    return Stack([Recurrent(LSTMCell(size, _SIZE)) for size in sizes])


def _grid(depth: int) -> nn.Module:
    return GridLSTM(5, _SIZE, depth)


_KINDS: dict[str, tuple[Text, Callable[[int], nn.Module]]] = {
    "stack": (Text("stacked LSTM", "쌓은 LSTM"), _stack),
    "grid": (Text("Grid LSTM", "Grid LSTM"), _grid),
}


@torch.no_grad()
def depth_gates(grid: GridLSTM, x: Tensor) -> list[float]:
    """The mean forget gate of depth in every block, lowest first, over the steps of (T, B, I): f of equation 1 of
    Kalchbrenner et al. 2015 at the states that the layer went through."""
    (seen,) = watch(grid, lambda: grid(x)).scans
    scan = seen.scan
    h_after = scan.trace["h"]
    h_before = torch.cat([torch.zeros_like(h_after[:1]), h_after[:-1]])
    h_depth, c_depth = scan.cell.project(scan.params, x).chunk(2, dim=-1)
    found = []
    for block, h in enumerate(h_before.chunk(grid.blocks, dim=-1)):
        name = str(block if f"weight_depth_{block}" in scan.params else 0)
        stacked = nn.functional.linear(
            torch.cat((h, h_depth), dim=-1), scan.params[f"weight_depth_{name}"], scan.params[f"bias_depth_{name}"]
        )
        i, f, g, o = stacked.chunk(4, dim=-1)
        found.append(float(f.sigmoid().mean()))
        c_depth = f.sigmoid() * c_depth + i.sigmoid() * g.tanh()
        h_depth = (o.sigmoid() * c_depth).tanh()
    return found


def run(seed: int) -> Lesson:
    """Train both at several depths, and read the gates of the deepest grid before and after."""
    draw = first_symbol(_LAG)
    found: dict[str, dict[int, Trained]] = {}
    gates: dict[str, Sequence[float]] = {}
    x, _ = draw(seed + 31, 16)
    for name, (_, make) in _KINDS.items():
        found[name] = {}
        for depth in _DEPTHS:
            torch.manual_seed(seed)
            layer = make(depth)
            if isinstance(layer, GridLSTM) and depth == _DEPTHS[-1]:
                gates["before"] = depth_gates(layer, x)
            found[name][depth] = train(AtTheEnd(layer, _SIZE, 4), draw, steps=_UPDATES, rate=1e-2, seed=seed)
            if isinstance(layer, GridLSTM) and depth == _DEPTHS[-1]:
                gates["after"] = depth_gates(layer, x)
    deepest = _DEPTHS[-1]
    stack, grid = found["stack"][deepest], found["grid"][deepest]
    means = {when: statistics.fmean(values) for when, values in gates.items()}

    def losses(language: str) -> list[Chart]:
        curves = []
        for name, by_depth in found.items():
            for depth in (_DEPTHS[0], deepest):
                one = by_depth[depth]
                smooth = [statistics.fmean(one.losses[max(0, at - 9) : at + 1]) for at in range(len(one.losses))]
                title = Text(f"{_KINDS[name][0].en}, {depth} deep", f"{_KINDS[name][0].ko}, {depth}층").of(language)
                curves.append(Curve(title, list(map(float, range(1, len(smooth) + 1))), smooth))
        return [
            Plot(
                Text("Loss while training, mean of ten updates", "학습하는 동안의 손실, 10번 갱신의 평균").of(language),
                curves,
                Axis(Text("update", "갱신").of(language), AxisKind.WHOLE),
                Axis(Text("loss", "손실").of(language)),
                wide=True,
            )
        ]

    def gate_chart(language: str) -> list[Chart]:
        names = {"before": Text("before training", "학습 전"), "after": Text("after training", "학습 뒤")}
        return [
            Plot(
                Text("Forget gate in depth, block by block", "블록별 깊이 방향 망각 게이트").of(language),
                [
                    Curve(names[when].of(language), list(map(float, range(1, deepest + 1))), values, dots=True)
                    for when, values in gates.items()
                ],
                Axis(Text("block, from the input upwards", "블록, 입력에서 위로").of(language), AxisKind.WHOLE),
                Axis(Text("mean of the gate", "게이트의 평균").of(language), low=0.0, high=1.0),
                wide=True,
            )
        ]

    def table(language: str) -> list[dict[str, object]]:
        network = Text("network", "신경망").of(language)
        return [
            {
                network: _KINDS[name][0].of(language),
                **{
                    Text(f"{depth} deep", f"{depth}층").of(language): percent(one.accuracy)
                    for depth, one in by_depth.items()
                },
            }
            for name, by_depth in found.items()
        ]

    parts = [
        Part(
            Text("Short in time, deep in layers", "짧은 시간, 깊은 층"),
            Text(
                f"One of four symbols must be remembered for only {_LAG} steps, which is easy; the difficulty here is"
                " depth. In a stack of LSTMs only the output of a layer goes up to the next, so on its way down the"
                " gradient passes through the output gate and the input gate of every layer. A Grid LSTM (Kalchbrenner"
                " et al. 2015) has a second memory that runs from block to block, with gates of its own. Guessing gives"
                f" 25%. After at most {_UPDATES} updates a stack of {deepest} layers is right on"
                f" {percent(stack.accuracy)} of new sequences, a grid of {deepest} blocks on {percent(grid.accuracy)}."
                " A line ends early when its network is right.",
                f"네 가지 기호 가운데 하나를 {_LAG}시점만 기억하면 되므로 시간 쪽은 쉽습니다. 어려운 것은 깊이입니다."
                " LSTM을 쌓으면 층의 출력만 위층으로 올라갑니다. 그래서 기울기는 내려오는 길에 층마다 출력 게이트와"
                " 입력 게이트를 지나야 합니다. Grid LSTM(Kalchbrenner 등 2015)에는 블록에서 블록으로 이어지는 둘째"
                f" 기억이 있고, 그 기억에도 게이트가 있습니다. 찍으면 25%입니다. 최대 {_UPDATES}번 갱신한 뒤, 쌓은"
                f" LSTM {deepest}층은 새 수열의 {percent(stack.accuracy)}를, Grid LSTM {deepest}블록은"
                f" {percent(grid.accuracy)}를 맞힙니다. 다 맞히게 되면 선이 일찍 끝납니다.",
            ),
            losses,
            table,
        ),
        Part(
            Text("What the gates in depth do", "깊이 방향의 게이트가 하는 일"),
            Text(
                "In depth, the forget gate says how much of the memory of the block below goes up to the next: 1 is all"
                f" of it. Before training it is {means['before']:.2f} on average, after training"
                f" {means['after']:.2f}. The product over all {deepest} blocks, the share of the input's own memory"
                f" that reaches the top, is {100 * _product(gates['before']):.1f}% before and"
                f" {100 * _product(gates['after']):.1f}% after.",
                "깊이 방향의 망각 게이트는 아래 블록의 기억을 위로 얼마나 넘길지 정합니다. 1이면 모두 넘깁니다. 평균은"
                f" 학습 전 {means['before']:.2f}, 학습 뒤 {means['after']:.2f}입니다. {deepest}블록의 게이트를 모두"
                " 곱하면 입력의 기억이 꼭대기까지 닿는 비율이 됩니다. 학습 전에는"
                f" {100 * _product(gates['before']):.1f}%, 학습 뒤에는 {100 * _product(gates['after']):.1f}%입니다.",
            ),
            gate_chart,
        ),
    ]
    claims = [
        Claim(
            Text(
                "A deep grid learns where a deep stack does not.",
                "깊은 Grid LSTM은 깊게 쌓은 LSTM이 배우지 못하는 것을 배운다.",
            ),
            grid.accuracy > stack.accuracy + 0.1,
            Text(
                f"{deepest} deep: the grid is right on {percent(grid.accuracy)}, the stack on"
                f" {percent(stack.accuracy)}",
                f"{deepest}층일 때 정답률: Grid LSTM {percent(grid.accuracy)}, 쌓은 LSTM {percent(stack.accuracy)}",
            ),
        ),
        Claim(
            Text("Training opens the gates in depth.", "학습하면 깊이 방향의 게이트가 열린다."),
            means["after"] > means["before"] + 0.01,
            Text(
                f"on average {means['before']:.2f} before training, {means['after']:.2f} after",
                f"평균이 학습 전 {means['before']:.2f}, 학습 뒤 {means['after']:.2f}",
            ),
        ),
    ]
    return Lesson(parts, claims)


def _product(values: Sequence[float]) -> float:
    found = 1.0
    for value in values:
        found *= value
    return found


CHAPTER = Chapter(
    "grid",
    Text("The depth gates of a Grid LSTM", "Grid LSTM의 깊이 방향 게이트"),
    Text(
        "LSTMs remember over time. A Grid LSTM also hands a memory on from layer to layer: does that help ten layers to"
        " learn?",
        "LSTM은 시간을 따라 기억합니다. Grid LSTM은 층에서 층으로도 기억을 넘깁니다. 열 층을 학습하는 데 도움이"
        " 될까요?",
    ),
    run,
)
