"""A detector's data: streams in the order of their records, and the probation parts, which alone are learned from.

Shapes: T records, P records of a probation part, I features of a step, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from unroll.bundle import RunConfig
from unroll.data import Table
from unroll.data.series.moments import further_forms
from unroll.errors import DataError
from unroll.metrics.nab import PROBATION, PROBATION_OF
from unroll.tasks.detect.columns import Columns, Stream, streams_of
from unroll.tasks.detect.labels import Window, read_windows, windows_of
from unroll.tasks.detect.online import Running
from unroll.tasks.detect.settings import DetectSettings, Saved
from unroll.tasks.detect.watcher import CLIP, CYCLES, phases

#: Steps of a stretch that is trained on, and of those at its beginning, whose forecasts do not count yet.
STRETCH, WARM = 80, 16
#: Records with which every stretch of the probation begins to be scaled; until then its scale is a guess.
_SETTLING = 20
#: The share of a probation part, at its end, on which training decides when to stop.
_STOPPING = 0.2
#: The fewest records to learn from, and the largest share of the data that is advised for it.
_LEAST, _MOST = 60, 0.5


class Lesson(NamedTuple):
    """The probation part of a stream as the network sees it.

    Attributes:
        x: (P - 1, I) float32, the inputs.
        target: (P - 1, C) float32, what came next, in the scale of that moment; NaN where nothing came.
        kept: records from here on decide when to stop.
    """

    x: np.ndarray
    target: np.ndarray
    kept: int


@dataclass(frozen=True)
class DetectData:
    """Streams, ready to be learned from and to be watched.

    Attributes:
        saved: columns and sizes.
        streams: all of them.
        probation: records of each that are learned from and not scored.
        windows: where the anomalies of each are; None for those that nothing is known of.
        lessons: what is learned from.
        starts: (windows, 2) stream and first step of every stretch that can be trained on.
        training: settings that suit so many.
    """

    saved: Saved
    streams: Sequence[Stream]
    probation: Sequence[int]
    windows: Sequence[list[Window] | None]
    lessons: Sequence[Lesson]
    starts: np.ndarray
    training: Mapping[str, Any]


def prepare(table: Table, config: RunConfig, settings: DetectSettings, columns: Columns) -> DetectData:
    """Take the streams out of a table and scale their probation parts as they will be scaled online.

    Raises:
        DataError: there is too little to learn from, or a label is wrong; with file and line.
    """
    streams = streams_of(table, columns)
    given = None if settings.labels is None else read_windows(settings.labels)
    windows = [windows_of(stream, columns, given, settings.labels) for stream in streams]
    if given is not None and all(own is None for own in windows):
        raise DataError(
            f"no series of the windows is one of the data; the windows name {', '.join(list(given)[:3])}, the data"
            f" {', '.join(stream.name for stream in streams[:3])}",
            settings.labels,
        )
    probation = [probation_of(len(stream.values), settings) for stream in streams]
    cycles = _cycles(streams, probation) if settings.time_features else ()
    lessons = [lesson(stream, length, cycles, settings.long) for stream, length in zip(streams, probation, strict=True)]
    starts = _starts(lessons)
    if sum(probation) < _LEAST or not len(starts):
        total = sum(len(stream.values) for stream in streams)
        share = math.ceil(100 * _LEAST / max(total, 1)) / 100
        # What is learnt from is not scored: of half the data no score would be left to trust.
        advice = f"--set model.probation={share:g} takes {100 * share:.0f} % of them" if share <= _MOST else "give more"
        raise DataError(
            f"the probation parts hold {sum(probation)} of {total} records, and at least {_LEAST} are needed to learn"
            f" from; {advice}",
            table.paths[0],
        )
    saved = Saved(
        time=columns.time,
        further={} if columns.time is None else further_forms(table, columns.time),
        series=columns.series,
        channels=columns.channels,
        labels=columns.labels,
        columns=table.columns,
        cycles=cycles,
        probation=max(probation),
        step=usual_step(streams),
        longest_same=_longest_same(streams, probation),
    )
    return DetectData(saved, streams, probation, windows, lessons, starts, _suggested(len(starts)))


def probation_of(records: int, settings: DetectSettings) -> int:
    """How many records of a series are learned from and not scored."""
    most = settings.probation_records
    if most is None and settings.labels is not None:
        most = int(PROBATION * PROBATION_OF)
    length = int(settings.probation * records)
    return length if most is None else min(length, most)


def lesson(stream: Stream, length: int, cycles: Sequence[str], long: int) -> Lesson:
    """The first records of a stream as the network will see them, scaled by those that came before."""
    values = stream.values[:length]
    times = stream.microseconds()
    channels = values.shape[1]
    scales = [Running(long) for _ in range(channels)]
    last = [0.0] * channels
    x = np.zeros((max(length - 1, 0), channels + 2 * len(cycles)), np.float32)
    target = np.full((max(length - 1, 0), channels), np.nan, np.float32)
    rows = values.tolist()
    for at in range(length - 1):
        for number, scale in enumerate(scales):
            value, following = rows[at][number], rows[at + 1][number]
            if value == value:
                scale.take(value)
            size = scale.variance**0.5 or 1.0
            if value == value:
                last[number] = (value - scale.mean) / size
            x[at, number] = min(max(last[number], -CLIP), CLIP)
            if following == following and at >= _SETTLING:
                target[at, number] = min(max((following - scale.mean) / size, -CLIP), CLIP)
        if cycles and times is not None:
            x[at, channels:] = phases(times[at], cycles)
    return Lesson(x, target, int((1.0 - _STOPPING) * len(x)))


def _starts(lessons: Sequence[Lesson]) -> np.ndarray:
    found = []
    for number, own in enumerate(lessons):
        possible = max(own.kept - STRETCH, 0) + 1 if own.kept > WARM + _SETTLING else 0
        found.append(np.stack([np.full(possible, number), np.arange(possible)], axis=1))
    return np.concatenate(found).astype(np.int64)


def _cycles(streams: Sequence[Stream], probation: Sequence[int]) -> tuple[Any, ...]:
    """The cycles of the calendar that most streams show twice in their probation parts."""
    seen = dict.fromkeys(CYCLES, 0)
    for stream, length in zip(streams, probation, strict=True):
        times = stream.microseconds()
        if times is None or length < 2:
            continue
        span = times[length - 1] - times[0]
        for name, (_, cycle) in CYCLES.items():
            seen[name] += span >= 2 * cycle and 4 * span <= cycle * (length - 1)
    return tuple(name for name, count in seen.items() if 2 * count >= len(streams))


def usual_step(streams: Sequence[Stream]) -> float | None:
    """The usual time between two records: microseconds, or as the times are; None where there is none for all."""
    steps = set()
    for stream in streams:
        if stream.times is None or len(stream.times) < 3:
            return None
        apart = np.diff(stream.times.astype(np.int64) if stream.times.dtype.kind == "M" else stream.times)
        values, counts = np.unique(apart, return_counts=True)
        if 2 * counts.max() < len(apart):
            return None
        steps.add(float(values[counts.argmax()]))
    return steps.pop() if len(steps) == 1 else None


def _longest_same(streams: Sequence[Stream], probation: Sequence[int]) -> tuple[int, ...]:
    """For how many records each channel keeps one value in a probation part, at most."""
    longest = np.ones(streams[0].values.shape[1], np.int64)
    for stream, length in zip(streams, probation, strict=True):
        for number, values in enumerate(stream.values[:length].T):
            if len(values):
                ends = np.flatnonzero(np.append(np.diff(values) != 0, True))
                longest[number] = max(longest[number], int(np.diff(ends, prepend=-1).max()))
    return tuple(longest.tolist())


def _suggested(stretches: int) -> dict[str, Any]:
    """Training settings for so many stretches."""
    return {
        "epochs": 60 if stretches < 5_000 else 12,
        "batch_size": 32,
        "learning_rate": 2e-3,
        "patience": 8,
        "average": 0.99,
    }
