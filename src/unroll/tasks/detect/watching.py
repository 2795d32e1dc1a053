"""Whole streams, watched record by record as they will be when they come.

Shapes: T records, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from unroll.tasks.detect.alarm import begins
from unroll.tasks.detect.columns import Stream
from unroll.tasks.detect.labels import Window
from unroll.tasks.detect.session import StreamState
from unroll.tasks.detect.settings import DetectSettings


class Watched(NamedTuple):
    """A stream with what was said of each of its records before the next was seen.

    Attributes:
        stream: the records.
        probation: how many at the beginning were learned from and are not scored.
        windows: where its anomalies are; None if nothing is known.
        scores: (T,) digits of rarity.
        channels: (T,) the channel that surprised most.
        expected: (T, C); NaN where nothing was expected.
    """

    stream: Stream
    probation: int
    windows: list[Window] | None
    scores: np.ndarray
    channels: np.ndarray
    expected: np.ndarray


def watch_all(
    begin: Callable[[int], StreamState],
    streams: Sequence[Stream],
    probation: Sequence[int],
    windows: Sequence[list[Window] | None],
) -> list[Watched]:
    """Watch every stream from its beginning, record by record.

    Args:
        begin: what knows nothing of a stream yet, and says nothing for so many records.
        streams: the records.
        probation: of each, the records that are learned from.
        windows: of each, where its anomalies are.
    """
    found = []
    for stream, length, own in zip(streams, probation, windows, strict=True):
        state = begin(length)
        size = len(stream.values)
        scores, channels = np.zeros(size), np.zeros(size, np.int64)
        expected = np.full(stream.values.shape, np.nan)
        times = stream.moments()
        for at, values in enumerate(stream.values.tolist()):
            heard = state.take(times[at], values)
            scores[at], channels[at] = heard.verdict.score, heard.verdict.channel
            if heard.verdict.expected[0] is not None:
                expected[at] = heard.verdict.expected
        found.append(Watched(stream, length, own, scores, channels, expected))
    return found


def begins_of(watched: Watched, threshold: float, settings: DetectSettings) -> list[int]:
    """The records at which alerts begin."""
    part = watched.scores[watched.probation :]
    rows = begins(part, threshold, settings.calm, settings.rest_after(watched.probation))
    found: list[int] = (rows + watched.probation).tolist()
    return found
