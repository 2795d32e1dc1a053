"""A picture with two axes: layers laid out on them, as plain values that the template draws."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from unroll.report.charts.axis import Axis, AxisKind
from unroll.report.charts.layers import Curve, Layer, Note, Shape
from unroll.report.charts.scale import Scale, Tick

#: An axis of plain numbers without a label.
_PLAIN = Axis()

#: Colours of the page that can be told apart.
MOST_COLOURS = 6

#: Width and height of a small picture, several of which stand in a row, and of a wide one.
_SMALL, _WIDE = (340.0, 210.0), (760.0, 220.0)

#: Room in the picture's units: right, above, below for the ticks and the label of an axis, and for a line of words.
_RIGHT, _TOP, _BOTTOM, _LINE = 18.0, 14.0, 34.0, 15.0

#: Width of a character, in units of a 11 px font, of letters, of capitals, and of what is broader, such as Hangul and
#: these.
_NARROW, _CAPITAL, _DOUBLE, _BROAD = 6.8, 8.7, 11.5, "%mwMW@"


class Mark(NamedTuple):
    """A place on the horizontal axis that a dashed line marks, such as the best epoch, and the words at it."""

    at: float
    text: str


class Text(NamedTuple):
    """Words at a place; `anchor` says which of their ends stands there."""

    x: float
    y: float
    anchor: str
    text: str


class Key(NamedTuple):
    """An entry of the legend."""

    x: float
    y: float
    colour: int
    text: str
    dashed: bool


class Drawing(NamedTuple):
    """A plot laid out: all that its SVG holds, in units of its own width and height."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    lines: Sequence[float]
    texts: Sequence[Text]
    shapes: Sequence[tuple[int, Shape]]
    mark: float | None
    keys: Sequence[Key]


@dataclass(frozen=True)
class Plot:
    """A picture with two axes.

    Attributes:
        title: what is drawn.
        layers: what lies on the axes, the first at the bottom.
        x: the horizontal axis.
        y: the vertical axis.
        mark: a place to mark.
        wide: whether it takes the whole width of the page.

    Example:
        >>> from unroll.report.charts.layers import Curve
        >>> Plot("Loss", [Curve("loss", [1, 2], [0.5, 0.25])]).drawing().shapes[0][1].tag
        'polyline'
    """

    title: str
    layers: Sequence[Layer]
    x: Axis = _PLAIN
    y: Axis = _PLAIN
    mark: Mark | None = None
    wide: bool = False

    kind: ClassVar[str] = "plot"

    def drawing(self) -> Drawing | None:
        """Return the picture laid out, or None if there is nothing to draw."""
        values = [pair for layer in self.layers for pair in layer.values()]
        if not values:
            return None
        width, plain_height = _WIDE if self.wide else _SMALL
        keys = self._legend(width)
        head = _TOP + (keys[-1].y if keys else 0.0)
        height = plain_height + head - _TOP
        x_low, x_high = self.x.reach([x for x, _ in values])
        y_low, y_high = self.y.reach([y for _, y in values])
        y_ticks = self.y.ticks(y_low, y_high)
        if self.y.kind in (AxisKind.LINEAR, AxisKind.SHARE):
            y_low, y_high = min(y_ticks[0].at, y_low), max(y_ticks[-1].at, y_high)
        above = _LINE if self.y.label else 0.0
        left = max(32.0, 12.0 + max((text_width(tick.text) for tick in y_ticks), default=0.0))
        right, top, bottom = width - _RIGHT, head + above, height - _BOTTOM
        x_scale = self.x.scale(x_low, x_high, left, right)
        y_scale = self.y.scale(y_low, y_high, bottom, top)
        colours = self._colours()
        texts = [Text(left - 6, y_scale.place(tick.at) + 3.5, "end", tick.text) for tick in y_ticks]
        texts += _across(self.x.ticks(x_low, x_high), x_scale, bottom, width)
        texts += [Text(right, height - 4, "end", self.x.label)] if self.x.label else []
        texts += [Text(2, head + 2, "start", self.y.label)] if self.y.label else []
        texts += _noted([note for layer in self.layers for note in layer.notes(x_scale, y_scale)], width)
        at = None
        if self.mark is not None:
            at = round(x_scale.place(self.mark.at), 1)
            side, anchor = (-4, "end") if at > width / 2 else (4, "start")
            texts.append(Text(at + side, top + 2, anchor, self.mark.text))
        shapes = [
            (colour, shape)
            for layer, colour in zip(self.layers, colours, strict=True)
            for shape in layer.shapes(x_scale, y_scale)
        ]
        lines = [round(y_scale.place(tick.at), 1) for tick in y_ticks]
        rounded = [text._replace(x=round(text.x, 1), y=round(text.y, 1)) for text in texts]
        return Drawing(width, height, left, right, top, bottom, lines, rounded, shapes, at, keys)

    def _colours(self) -> list[int]:
        """The colour of each layer: its own, or the next in turn."""
        turn = 0
        colours = []
        for layer in self.layers:
            turn += layer.colour == 0
            colours.append(layer.colour or (turn - 1) % MOST_COLOURS + 1)
        return colours

    def _legend(self, width: float) -> list[Key]:
        """The names of the layers, where there are several, in as many lines as they need."""
        named = [(layer, colour) for layer, colour in zip(self.layers, self._colours(), strict=True) if layer.name]
        keys: list[Key] = []
        x, y = 2.0, _LINE
        for layer, colour in named if len(named) > 1 else ():
            room = 36.0 + text_width(layer.name)
            if keys and x + room > width:
                x, y = 2.0, y + _LINE
            keys.append(Key(round(x, 1), y, colour, layer.name, isinstance(layer, Curve) and layer.dashed))
            x += room
        return keys


def _across(ticks: Sequence[Tick], scale: Scale, bottom: float, width: float) -> list[Text]:
    """What stands under the horizontal axis; a name that would run into the one before it is left out."""
    texts: list[Text] = []
    free = 0.0
    for tick in ticks:
        half = text_width(tick.text) / 2
        middle = min(max(scale.place(tick.at), half), width - half)
        if middle - half >= free:
            texts.append(Text(middle, bottom + _LINE, "middle", tick.text))
            free = middle + half + 6
    return texts


def _noted(notes: Sequence[Note], width: float) -> list[Text]:
    """Words at their places; of those beside a point, one that would lie on another is moved down."""
    texts = [Text(note.x, note.y, "middle", note.text) for note in notes if not note.beside]
    named = sorted((note for note in notes if note.beside), key=lambda note: note.y)
    taken = [(note.x - 5, note.x + 5, note.y + 3.5) for note in named]
    for note in named:
        length = text_width(note.text)
        left = note.x + 8 if note.x + 8 + length <= width else max(0.0, note.x - 8 - length)
        y = note.y + 3.5
        while any(left < end and start < left + length and abs(y - other) < 11 for start, end, other in taken):
            y += 1
        taken.append((left, left + length, y))
        texts.append(Text(left, y, "start", note.text))
    return texts


def text_width(text: str) -> float:
    """Return about how wide a text is in a picture; the reader's font decides, so it is rather too much.

    Example:
        >>> text_width("가나") == 2 * text_width("다")
        True
    """
    double = sum(unicodedata.east_asian_width(letter) in "WF" or letter in _BROAD for letter in text)
    capitals = sum(letter.isupper() and letter not in _BROAD for letter in text)
    return double * _DOUBLE + capitals * _CAPITAL + (len(text) - double - capitals) * _NARROW
