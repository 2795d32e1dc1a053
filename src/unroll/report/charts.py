"""Charts that every run has, drawn as SVG and HTML by hand: learning curves and scores with their intervals.

They take colours and fonts from the page, weigh a few kilobytes and need no matplotlib.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from unroll.report.markup import text

_Place = Callable[[float], float]

#: A chart has no more lines than there are colours that can be told apart.
MOST_CURVES = 6

_WIDTH, _HEIGHT = 340, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 10, 14, 34


class Curve(NamedTuple):
    """One line of a chart: its name and a value per x; values that are not finite leave a gap."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]


class Point(NamedTuple):
    """One named point of a scatter chart."""

    name: str
    x: float
    y: float


class Lane(NamedTuple):
    """One score beside others: its name, value and interval, the text of both, and whether it is the model's own."""

    name: str
    value: float
    bounds: tuple[float, float] | None
    text: str
    own: bool


def line_chart(
    title: str, curves: Sequence[Curve], *, x_label: str, mark: float | None = None, mark_label: str = ""
) -> str:
    """Return a small line chart as inline SVG.

    Args:
        title: what is drawn; the chart's heading.
        curves: the lines, at most six; several are told apart by colour and a legend.
        x_label: the name of the horizontal axis.
        mark: a place on the horizontal axis to mark with a dashed line, such as the best epoch.
        mark_label: the words at that line.
    """
    points = [(x, y) for curve in curves for x, y in zip(curve.xs, curve.ys, strict=True) if math.isfinite(y)]
    if not points:
        return ""
    x_low, x_high = _widened(min(x for x, _ in points), max(x for x, _ in points))
    ticks = nice_ticks(min(y for _, y in points), max(y for _, y in points))
    y_low, y_high = min(ticks[0], min(y for _, y in points)), max(ticks[-1], max(y for _, y in points))

    def place_x(x: float) -> float:
        return _LEFT + (x - x_low) / (x_high - x_low) * (_WIDTH - _LEFT - _RIGHT)

    def place_y(y: float) -> float:
        return _HEIGHT - _BOTTOM - (y - y_low) / (y_high - y_low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [f'<svg class=chart viewBox="0 0 {_WIDTH} {_HEIGHT}" role=img aria-label="{text(title)}">']
    for tick in ticks:
        y = place_y(tick)
        parts.append(f'<line class=grid x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_label(_LEFT - 6, y + 3.5, "end", f"{tick:.4g}"))
    for tick in whole_ticks(x_low, x_high):
        parts.append(_label(place_x(tick), _HEIGHT - _BOTTOM + 15, "middle", f"{tick:g}"))
    parts.append(_label(_WIDTH - _RIGHT, _HEIGHT - 4, "end", x_label))
    if mark is not None:
        x = place_x(mark)
        side, anchor = (-4, "end") if x > _WIDTH / 2 else (4, "start")
        parts.append(f'<line class=mark x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>')
        parts.append(_label(x + side, _TOP + 2, anchor, mark_label))
    for index, curve in enumerate(curves):
        parts.append(_polyline(curve, index, place_x, place_y))
    parts.append("</svg>")
    legend = ""
    if len(curves) > 1:
        keys = "".join(
            f'<span><i style="background:var(--c{index + 1})"></i>{text(curve.name)}</span>'
            for index, curve in enumerate(curves)
        )
        legend = f"<p class=legend>{keys}</p>"
    return f"<figure class=panel><figcaption>{text(title)}</figcaption>{''.join(parts)}{legend}</figure>"


def scatter_chart(title: str, points: Sequence[Point], *, x_label: str) -> str:
    """Return named points as inline SVG; the horizontal axis is logarithmic.

    Args:
        title: what is drawn; the chart's heading.
        points: the points; every x must be above 0.
        x_label: the name of the horizontal axis.
    """
    if not points:
        return ""
    logs = [math.log10(point.x) for point in points]
    x_low, x_high = math.floor(min(logs) * 3) / 3, math.ceil(max(logs) * 3) / 3
    x_low, x_high = (x_low - 0.3, x_high + 0.3) if x_high - x_low < 0.5 else (x_low, x_high)
    ticks = nice_ticks(min(point.y for point in points), max(point.y for point in points))

    def place_y(y: float) -> float:
        return _HEIGHT - _BOTTOM - (y - ticks[0]) / (ticks[-1] - ticks[0]) * (_HEIGHT - _TOP - _BOTTOM)

    def place_x(log: float) -> float:
        return _LEFT + (log - x_low) / (x_high - x_low) * (_WIDTH - _LEFT - _RIGHT)

    parts = [f'<svg class=chart viewBox="0 0 {_WIDTH} {_HEIGHT}" role=img aria-label="{text(title)}">']
    for tick in ticks:
        y = place_y(tick)
        parts.append(f'<line class=grid x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_label(_LEFT - 6, y + 3.5, "end", f"{tick:.4g}"))
    for power in range(math.floor(x_low), math.ceil(x_high) + 1):
        for factor in (1, 2, 5):
            log = power + math.log10(factor)
            if x_low <= log <= x_high:
                parts.append(_label(place_x(log), _HEIGHT - _BOTTOM + 15, "middle", _short(factor * 10.0**power)))
    parts.append(_label(_WIDTH - _RIGHT, _HEIGHT - 4, "end", x_label))
    for point, log in zip(points, logs, strict=True):
        x, y = place_x(log), place_y(point.y)
        side, anchor = (-8, "end") if x > _WIDTH * 0.6 else (8, "start")
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="var(--c1)"/>')
        parts.append(_label(x + side, y + 3.5, anchor, point.name))
    return f"<figure class=panel><figcaption>{text(title)}</figcaption>{''.join(parts)}</svg></figure>"


def _short(value: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def _label(x: float, y: float, anchor: str, words: str) -> str:
    return f'<text class=tick x="{x:.1f}" y="{y:.1f}" text-anchor={anchor}>{text(words)}</text>'


def _polyline(curve: Curve, index: int, place_x: _Place, place_y: _Place) -> str:
    runs: list[list[str]] = [[]]
    for x, y in zip(curve.xs, curve.ys, strict=True):
        if math.isfinite(y):
            runs[-1].append(f"{place_x(x):.1f},{place_y(y):.1f}")
        elif runs[-1]:
            runs.append([])
    colour = f"var(--c{index % 6 + 1})"
    drawn = []
    for run in runs:
        if len(run) == 1:
            at_x, at_y = run[0].split(",")
            drawn.append(f'<circle cx="{at_x}" cy="{at_y}" r="3" fill="{colour}"/>')
        elif run:
            drawn.append(f'<polyline class=curve stroke="{colour}" points="{" ".join(run)}"/>')
    return "".join(drawn)


def lanes(rows: Sequence[Lane]) -> str:
    """Return scores with their intervals under each other on one scale, as HTML that wraps on a phone."""
    if not rows:
        return ""
    ends = [end for row in rows for end in (row.value, *(row.bounds or ())) if math.isfinite(end)]
    if not ends:
        return ""
    low, high = _widened(min(ends), max(ends))
    margin = 0.06 * (high - low)
    low, high = low - margin, high + margin

    def percent(value: float) -> float:
        return 100 * (min(max(value, low), high) - low) / (high - low)

    parts = ["<div class=lanes>"]
    for row in rows:
        whisker = ""
        if row.bounds is not None and all(map(math.isfinite, row.bounds)):
            left, right = percent(row.bounds[0]), percent(row.bounds[1])
            whisker = f'<span class=whisker style="left:{left:.2f}%;width:{right - left:.2f}%"></span>'
        dot = f'<span class=dot style="left:{percent(row.value):.2f}%"></span>' if math.isfinite(row.value) else ""
        track = f"<div class=track>{whisker}{dot}</div>"
        own = " own" if row.own else ""
        parts.append(f'<div class="lane{own}"><b>{text(row.name)}</b>{track}<span>{text(row.text)}</span></div>')
    parts.append("</div>")
    return "".join(parts)


def nice_ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Return round numbers in steps of 1, 2 or 5 times a power of ten that span `low` to `high`."""
    low, high = _widened(low, high)
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= raw)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def whole_ticks(low: float, high: float, wanted: int = 6) -> list[int]:
    """Return whole numbers within `low` to `high`, evenly spaced."""
    first, last = math.ceil(low), math.floor(high)
    step = next(s * 10**p for p in range(12) for s in (1, 2, 5) if (last - first) / (s * 10**p) <= wanted)
    return [tick for tick in range(first - first % step, last + 1, step) if tick >= first]


def _widened(low: float, high: float) -> tuple[float, float]:
    """Make room around a single value."""
    if high > low:
        return low, high
    room = abs(low) / 2 or 0.5
    return low - room, low + room
