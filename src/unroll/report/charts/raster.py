"""A picture of numbers over time, such as the energy of sound in its bands, and names for stretches of it."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from unroll.report.charts.layers import Note, Shape
from unroll.report.charts.scale import Scale


class Raster(NamedTuple):
    """Numbers as shades of one colour, drawn as one small image: the highest dark, the lowest clear.

    Attributes:
        name: of the picture; the legend leaves it out if it is empty.
        rows: columns of the picture from left to right, each its numbers from the bottom up.
        start: where the first column begins on the horizontal axis.
        end: where the last one ends.
        colour: the page's colour.
    """

    name: str
    rows: Sequence[Sequence[float]]
    start: float
    end: float
    colour: int = 0

    def values(self) -> Iterator[tuple[float, float]]:
        """Return the corners."""
        if self.rows:
            yield self.start, 0.0
            yield self.end, float(len(self.rows[0]))

    def shapes(self, x: Scale, y: Scale) -> Iterator[Shape]:
        """Return one image."""
        if not self.rows:
            return
        bands = len(self.rows[0])
        flat = [value for row in self.rows for value in row]
        low, high = min(flat), max(flat)
        span = (high - low) or 1.0
        shades = [[round(255 * (row[band] - low) / span) for row in self.rows] for band in range(bands - 1, -1, -1)]
        left, right, top, bottom = x.place(self.start), x.place(self.end), y.place(float(bands)), y.place(0.0)
        where = {
            "x": round(left, 1),
            "y": round(top, 1),
            "width": round(right - left, 1),
            "height": round(bottom - top, 1),
            "preserveAspectRatio": "none",
            "href": "data:image/png;base64," + base64.b64encode(_png(shades)).decode("ascii"),
        }
        yield Shape("image", "heat", where)

    def notes(self, x: Scale, y: Scale) -> Iterator[Note]:
        """Return nothing."""
        return iter(())


class Spans(NamedTuple):
    """Names of stretches along the horizontal axis, with a line where each begins.

    Attributes:
        name: of all of them; empty to leave it out of the legend.
        starts: where each begins.
        ends: where each ends.
        labels: the name of each.
        height: where the lines end, from 0.
        colour: the page's colour.
    """

    name: str
    starts: Sequence[float]
    ends: Sequence[float]
    labels: Sequence[str]
    height: float
    colour: int = 0

    def values(self) -> Iterator[tuple[float, float]]:
        """Return the ends of the stretches."""
        for place in (*self.starts, *self.ends):
            yield place, self.height

    def shapes(self, x: Scale, y: Scale) -> Iterator[Shape]:
        """Return a line at the beginning and at the end of each."""
        for place in sorted({*self.starts, *self.ends}):
            at = round(x.place(place), 1)
            yield Shape("line", "mark", {"x1": at, "x2": at, "y1": y.place(0.0), "y2": y.place(self.height)})

    def notes(self, x: Scale, y: Scale) -> Iterator[Note]:
        """Return the names, in the middle above each."""
        for start, end, text in zip(self.starts, self.ends, self.labels, strict=True):
            yield Note(x.place((start + end) / 2), y.place(self.height) - 3, text, beside=False)


def _png(shades: Sequence[Sequence[int]]) -> bytes:
    """A PNG of one colour, the page's ink, whose shade is how much of it is seen; rows from the top.

    Source: W3C 2003, "Portable Network Graphics (PNG) Specification", sections 5 and 11.
    """
    lines = b"".join(b"\0" + bytes(part for shade in row for part in (*_INK, shade)) for row in shades)
    size = struct.pack(">IIBBBBB", len(shades[0]), len(shades), 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


#: Red, green and blue of the shades: readable on a light and on a dark page.
_INK = (38, 110, 180)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
