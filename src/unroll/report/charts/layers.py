"""What can be drawn on a plot's axes, each as plain values that turn themselves into SVG shapes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from unroll.report.charts.scale import Scale


class Shape(NamedTuple):
    """One SVG element: its name, its classes, and where it lies."""

    tag: str
    classes: str
    where: Mapping[str, object]


class Note(NamedTuple):
    """A few words at a place of the picture: beside it, or centred on it."""

    x: float
    y: float
    text: str
    beside: bool


class Layer(Protocol):
    """What a plot draws: it knows its values, the plot knows the axes."""

    @property
    def name(self) -> str:
        """What the legend calls it; empty to leave it out."""

    @property
    def colour(self) -> int:
        """The page's colour, 1 to 6; 0 for the next one."""

    def values(self) -> Iterator[tuple[float, float]]:
        """Return the finite points that the axes must reach."""

    def shapes(self, x: Scale, y: Scale) -> Iterator[Shape]:
        """Return what is drawn."""

    def notes(self, x: Scale, y: Scale) -> Iterator[Note]:
        """Return words at the drawn places."""


class Curve(NamedTuple):
    """A line through points; values that are not finite leave a gap.

    Attributes:
        name: of the line.
        xs: places along the axis.
        ys: one value for each.
        colour: the page's colour, 1 to 6; 0 for the next one.
        dashed: whether it is drawn with gaps.
        dots: whether its points are marked; a point without neighbours always is.
    """

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    colour: int = 0
    dashed: bool = False
    dots: bool = False

    def values(self) -> Iterator[tuple[float, float]]:
        """Return the finite points."""
        return ((x, y) for x, y in zip(self.xs, self.ys, strict=True) if math.isfinite(x) and math.isfinite(y))

    def shapes(self, x: Scale, y: Scale) -> Iterator[Shape]:
        """Return a line for every stretch without a gap, and a dot for every point that has one."""
        for run in _runs(self.xs, self.ys):
            places = [(round(x.place(a), 1), round(y.place(b), 1)) for a, b in run]
            if len(places) > 1:
                points = " ".join(f"{a:g},{b:g}" for a, b in places)
                yield Shape("polyline", "curve dashed" if self.dashed else "curve", {"points": points})
            if self.dots or len(places) == 1:
                for a, b in places:
                    yield Shape("circle", "dot", {"cx": a, "cy": b, "r": 3})

    def notes(self, x: Scale, y: Scale) -> Iterator[Note]:
        """Return nothing: the legend names a line."""
        return iter(())


class Band(NamedTuple):
    """The area between two lines, such as an interval of a forecast.

    Attributes:
        name: of the band.
        xs: places along the axis.
        lows: the lower edge.
        highs: the upper edge.
        colour: the page's colour, 1 to 6; 0 for the next one.
    """

    name: str
    xs: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]
    colour: int = 0

    def values(self) -> Iterator[tuple[float, float]]:
        """Return the points of both edges."""
        return ((x, y) for side in (self.lows, self.highs) for x, y in zip(self.xs, side, strict=True))

    def shapes(self, x: Scale, y: Scale) -> Iterator[Shape]:
        """Return one area."""
        there = zip(self.xs, self.lows, strict=True)
        back = reversed(list(zip(self.xs, self.highs, strict=True)))
        points = " ".join(f"{x.place(a):.1f},{y.place(b):.1f}" for a, b in (*there, *back))
        yield Shape("polygon", "band", {"points": points})

    def notes(self, x: Scale, y: Scale) -> Iterator[Note]:
        """Return nothing: the legend names a band."""
        return iter(())


class Bars(NamedTuple):
    """Bars that stand on zero.

    Attributes:
        name: of the bars.
        xs: their middles.
        heights: one for each.
        width: of every bar, in the axis's units.
        labels: words above them; empty for none.
        colour: the page's colour, 1 to 6; 0 for the next one.
    """

    name: str
    xs: Sequence[float]
    heights: Sequence[float]
    width: float
    labels: Sequence[str] = ()
    colour: int = 0

    def values(self) -> Iterator[tuple[float, float]]:
        """Return the corners."""
        for x, height in zip(self.xs, self.heights, strict=True):
            yield x - self.width / 2, 0.0
            yield x + self.width / 2, height

    def shapes(self, x: Scale, y: Scale) -> Iterator[Shape]:
        """Return a rectangle for each bar."""
        for middle, height in zip(self.xs, self.heights, strict=True):
            left, right = x.place(middle - self.width / 2), x.place(middle + self.width / 2)
            top, bottom = sorted((y.place(height), y.place(0.0)))
            where = {"x": left, "y": top, "width": right - left, "height": bottom - top}
            yield Shape("rect", "bar", {name: round(value, 1) for name, value in where.items()})

    def notes(self, x: Scale, y: Scale) -> Iterator[Note]:
        """Return the labels above the bars."""
        for middle, height, text in zip(self.xs, self.heights, self.labels, strict=False):
            yield Note(x.place(middle), y.place(height) - 5, text, beside=False)


class Points(NamedTuple):
    """Single points with a name at each.

    Attributes:
        name: of all of them.
        xs: places along the axis.
        ys: one value for each.
        labels: the name of each; empty for none.
        colour: the page's colour, 1 to 6; 0 for the next one.
    """

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    labels: Sequence[str] = ()
    colour: int = 0

    def values(self) -> Iterator[tuple[float, float]]:
        """Return the points."""
        return zip(self.xs, self.ys, strict=True)

    def shapes(self, x: Scale, y: Scale) -> Iterator[Shape]:
        """Return a dot for each."""
        for a, b in zip(self.xs, self.ys, strict=True):
            yield Shape("circle", "dot", {"cx": round(x.place(a), 1), "cy": round(y.place(b), 1), "r": 4})

    def notes(self, x: Scale, y: Scale) -> Iterator[Note]:
        """Return the names."""
        for a, b, text in zip(self.xs, self.ys, self.labels, strict=False):
            yield Note(x.place(a), y.place(b), text, beside=True)


def _runs(xs: Sequence[float], ys: Sequence[float]) -> Iterator[list[tuple[float, float]]]:
    """The stretches of finite points."""
    run: list[tuple[float, float]] = []
    for x, y in zip(xs, ys, strict=True):
        if math.isfinite(x) and math.isfinite(y):
            run.append((x, y))
        elif run:
            yield run
            run = []
    if run:
        yield run
