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
                Text("Loss while training", "학습하는 동안의 손실").of(language),
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
                Text("Forget gate of depth, by block", "블록마다 본 깊이 쪽 망각 게이트").of(language),
                [
                    Curve(names[when].of(language), list(map(float, range(1, deepest + 1))), values, dots=True)
                    for when, values in gates.items()
                ],
                Axis(Text("block, from the input up", "블록, 입력에서 위로").of(language), AxisKind.WHOLE),
                Axis(Text("mean gate", "게이트 평균").of(language), AxisKind.SHARE, 0.0, 1.0),
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
            Text("Deep over a short time", "짧은 시간, 깊은 층"),
            Text(
                f"A symbol must be kept for {_LAG} steps, which is easy; the difficulty here is depth. In a plain"
                " stack, what a layer gives is the only way up, so a gradient passes through every layer's gates on"
                " its way down. A Grid LSTM has a second memory that runs from block to block, with gates of its"
                f" own. After at most {_UPDATES} updates a stack of {deepest} is right in {percent(stack.accuracy)}"
                f" of new rows, a grid of {deepest} in {percent(grid.accuracy)}. Guessing gives 25 %.",
                f"기호를 {_LAG} 걸음만 간직하면 되므로 시간 쪽은 쉽고, 어려운 것은 깊이입니다. 그냥 쌓은 LSTM에서는"
                " 층이 내놓는 값만 위로 올라가므로 기울기는 내려오는 길에 층마다 게이트를 지나야 합니다. Grid"
                f" LSTM에는 블록에서 블록으로 이어지는 둘째 기억과 그 게이트가 있습니다. 많아야 {_UPDATES}번 갱신한"
                f" 뒤 {deepest}층 쌓은 LSTM은 새 줄의 {percent(stack.accuracy)}, {deepest}블록 Grid LSTM은"
                f" {percent(grid.accuracy)}를 맞힙니다. 찍으면 25 %입니다.",
            ),
            losses,
            table,
        ),
        Part(
            Text("What the depth gates do", "깊이 쪽 게이트가 하는 일"),
            Text(
                "The forget gate of depth says how much of the memory from the block below is passed on to the next."
                f" Before training it is {means['before']:.2f} on average, after it {means['after']:.2f}. The"
                f" product over all {deepest} blocks, which is what is left of the input's own memory at the top, is"
                f" {_product(gates['before']):.3f} before and {_product(gates['after']):.3f} after.",
                "깊이 쪽 망각 게이트는 아래 블록의 기억을 얼마나 위로 넘길지 정합니다. 평균은 학습 전"
                f" {means['before']:.2f}, 학습 뒤 {means['after']:.2f}입니다. {deepest}블록을 모두 곱한 값, 곧"
                f" 입력의 기억이 꼭대기에 남는 몫은 학습 전 {_product(gates['before']):.3f}, 학습 뒤"
                f" {_product(gates['after']):.3f}입니다.",
            ),
            gate_chart,
        ),
    ]
    claims = [
        Claim(
            Text(
                "A deep grid learns where a deep stack does not.",
                "깊은 Grid LSTM은 깊이 쌓은 LSTM이 못 배우는 것을 배운다.",
            ),
            grid.accuracy > stack.accuracy + 0.1,
            Text(
                f"{deepest} deep: grid {percent(grid.accuracy)}, stack {percent(stack.accuracy)}",
                f"{deepest}층: Grid LSTM {percent(grid.accuracy)}, 쌓은 LSTM {percent(stack.accuracy)}",
            ),
        ),
        Claim(
            Text("Training opens the gates of depth.", "학습하면 깊이 쪽 게이트가 열린다."),
            means["after"] > means["before"] + 0.01,
            Text(
                f"mean {means['before']:.2f} before, {means['after']:.2f} after",
                f"평균 학습 전 {means['before']:.2f}, 학습 뒤 {means['after']:.2f}",
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
    Text("The depth gates of a Grid LSTM", "Grid LSTM의 깊이 쪽 게이트"),
    Text(
        "Memory from layer to layer, and whether it helps a deep network to learn.",
        "층에서 층으로 이어지는 기억이 깊은 신경망의 학습에 도움이 되는지 봅니다.",
    ),
    run,
)
