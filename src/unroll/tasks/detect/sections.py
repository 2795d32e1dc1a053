"""What the report shows of a detector: the streams with their alerts, alerts from near, and a table of them.

Shapes: T records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from unroll.data.series.rows import shown
from unroll.metrics.alerts import Alerts, alert_scores
from unroll.report import Section, words
from unroll.report.charts import Axis, AxisKind, Band, Curve, Plot, Points
from unroll.tasks.detect.watching import Watched

#: Streams and alerts that are drawn, and alerts that are listed, at most.
_STREAMS, _NEAR, _LISTED = 6, 4, 40
#: Stretches of a drawn stream, of each of which the lowest and the highest value are drawn.
_STRETCHES = 400
#: Records before and after an alert that is drawn from near.
_BEFORE, _AFTER = 60, 40


def sections_of(
    watched: Sequence[Watched], begins: Sequence[Sequence[int]], threshold: float, channels: Sequence[str]
) -> list[Section]:
    """The sections of streams that were watched.

    Args:
        watched: what was said of every record.
        begins: of each stream, the records at which alerts begin.
        threshold: of the score.
        channels: their names.
    """
    drawn = _spread([at for at, own in enumerate(watched) if own.windows or len(begins[at])] or [0], _STREAMS)
    pairs = [(at, row) for at, rows in enumerate(begins) for row in rows]
    near = _spread(pairs, _NEAR)
    sections = [
        Section("Alerts in words", _in_words(watched, begins, threshold)),
        Section(
            "Streams and their alerts",
            "Each stream from its beginning: its lowest and highest values where it has more records than fit into the"
            " picture. The dashed line ends the probation part, which was learned from. Bands are the windows of"
            " labelled anomalies; a dot is the record at which an alert began.",
            charts=lambda: [_stream_plot(watched[at], begins[at], channels) for at in drawn],
        ),
    ]
    if near:
        sections.append(
            Section(
                "Alerts from near",
                "The values around an alert beside what was expected of each before it came. Alerts are spread evenly"
                " over all, not chosen by whether they are right.",
                charts=lambda: [_near_plot(watched[at], row, channels) for at, row in near],
            )
        )
        listed = "" if len(pairs) <= _LISTED else f" The first {_LISTED} of {len(pairs):,}."
        table = [_row(watched[at], row, channels, len(watched) > 1) for at, row in pairs[:_LISTED]]
        sections.append(Section("All alerts", f"In the order of streams and records.{listed}", table=table))
    return sections


def _spread(items: list[Any], most: int) -> list[Any]:
    """At most so many items, evenly spread."""
    if not items:
        return []
    places = np.unique(np.linspace(0, len(items) - 1, min(len(items), most)).astype(int))
    return [items[place] for place in places.tolist()]


def _in_words(watched: Sequence[Watched], begins: Sequence[Sequence[int]], threshold: float) -> str:
    records = sum(max(len(own.scores) - own.probation, 0) for own in watched)
    alerts = sum(map(len, begins))
    text = (
        f"Of {records:,} records after the probation parts, {alerts:,} began an alert, one in"
        f" {words.number(round(records / alerts)) if alerts else 'none'}: those with at least {threshold:.2f} digits of"
        " rarity, added over four views of a record."
    )
    known = [
        Alerts(rows, own.windows, own.probation)
        for own, rows in zip(watched, begins, strict=True)
        if own.windows is not None
    ]
    if known:
        counted = alert_scores(known)
        text += (
            f"\n\nOf {counted.windows} labelled windows after the probation parts {counted.found} were found; of"
            f" {counted.alerts} alerts in labelled streams {counted.right} began in a window."
        )
        if counted.delays:
            text += (
                f" The first alert came {words.number(float(np.median(counted.delays)))} records after the window's"
                " beginning (median); windows usually begin some time before what they mark."
            )
        text += (
            "\n\nThe threshold is the one with the best score on these very windows, as the benchmark has it for every"
            " detector, unless it was given; nothing else was fitted to them."
        )
    return text


def _places(own: Watched) -> tuple[np.ndarray, Axis]:
    """Where records lie on the axis, and the axis; by number where time does not run forwards."""
    times = own.stream.times
    if times is None or len(times) < 2 or (np.diff(times) < np.zeros(1, np.diff(times).dtype)).any():
        return np.arange(len(own.scores), dtype=np.float64), Axis("records", AxisKind.WHOLE)
    if times.dtype.kind == "M":
        return times.astype("datetime64[s]").astype(np.float64), Axis(kind=AxisKind.TIME)
    return times.astype(np.float64), Axis()


def _outline(values: np.ndarray) -> np.ndarray:
    """The records at which each stretch is lowest and highest, in order."""
    if len(values) <= 2 * _STRETCHES:
        return np.arange(len(values))
    found = []
    for part in np.array_split(np.arange(len(values)), _STRETCHES):
        known = part[~np.isnan(values[part])]
        if len(known):
            found += sorted({int(known[values[known].argmin()]), int(known[values[known].argmax()])})
    return np.array(found, np.int64)


def _busiest(own: Watched, begins: Sequence[int]) -> int:
    """The channel that raised most of the alerts."""
    return int(np.bincount(own.channels[list(begins)]).argmax()) if len(begins) else 0


def _stream_plot(own: Watched, begins: Sequence[int], channels: Sequence[str]) -> Plot:
    number = _busiest(own, begins)
    values = own.stream.values[:, number]
    places, axis = _places(own)
    rows = _outline(values)
    known = values[~np.isnan(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    layers: list[Band | Curve | Points] = []
    for count, (first, last) in enumerate(own.windows or ()):
        ends = [float(places[first]), float(places[last])]
        layers.append(Band("" if count else "labelled", ends, [low, low], [high, high], colour=3))
    layers.append(Curve(channels[number], places[rows].tolist(), values[rows].tolist(), colour=6))
    at = [row for row in begins if not np.isnan(values[row])]
    if at:
        layers.append(Points("alerts", places[at].tolist(), values[at].tolist(), colour=2))
    edge = min(own.probation, len(places) - 1)
    probation = Curve("probation ends", [float(places[edge])] * 2, [low, high], colour=1, dashed=True)
    title = own.stream.name if len(channels) == 1 else f"{own.stream.name}: {channels[number]}"
    return Plot(title, [*layers, probation], axis, wide=True)


def _near_plot(own: Watched, row: int, channels: Sequence[str]) -> Plot:
    number = int(own.channels[row])
    part = slice(max(0, row - _BEFORE), min(len(own.scores), row + _AFTER))
    places, axis = _places(own)
    values, expected = own.stream.values[:, number], own.expected[:, number]
    layers: list[Curve | Points] = [
        Curve("expected", places[part].tolist(), expected[part].tolist(), colour=1, dashed=True),
        Curve(channels[number], places[part].tolist(), values[part].tolist(), colour=6),
        Points("alert", [float(places[row])], [float(values[row])], colour=2),
    ]
    title = f"{own.stream.name}: {channels[number]}, {_time(own, row)}, score {own.scores[row]:.1f}"
    return Plot(title, layers, axis, wide=True)


def _time(own: Watched, row: int) -> str:
    return f"record {row + 1:,}" if own.stream.times is None else shown(own.stream.times[row])


def _row(own: Watched, row: int, channels: Sequence[str], several: bool) -> dict[str, Any]:
    number = int(own.channels[row])
    inside = [pair for pair in own.windows or () if pair[0] <= row <= pair[1]]
    found: dict[str, Any] = {"stream": own.stream.name} if several else {}
    found |= {"time": _time(own, row), "channel": channels[number]}
    found["value"] = words.number(float(own.stream.values[row, number]))
    found["expected"] = words.number(float(own.expected[row, number]))
    found["score"] = f"{own.scores[row]:.2f}"
    if own.windows is not None:
        found["labelled"] = "yes" if inside else "no"
    return found
