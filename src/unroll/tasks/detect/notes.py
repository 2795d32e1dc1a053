"""What was decided about a detector, in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unroll.report import words
from unroll.tasks.detect.data import DetectData
from unroll.tasks.detect.settings import DetectSettings


def notes_of(data: DetectData, settings: DetectSettings) -> Iterator[str]:
    """Streams, channels, labels and network, a sentence each."""
    saved = data.saved
    lengths = [len(stream.values) for stream in data.streams]
    many = f"{len(lengths)} streams of {min(lengths):,} to {max(lengths):,} records"
    what = many if len(lengths) > 1 else f"one stream of {lengths[0]:,} records"
    channels = ", ".join(saved.channels[:8]) + (", ..." if len(saved.channels) > 8 else "")
    yield f"{what}; watched: {channels}"
    learned = sum(data.probation)
    yield (
        f"learned from the probation part of each alone: its first {100 * settings.probation:g} %"
        + (f", at most {max(data.probation):,} records" if settings.probation_records or settings.labels else "")
        + f", {learned:,} of {sum(lengths):,} records in all; they are not scored"
    )
    missing = sum(int(np.isnan(stream.values).sum()) for stream in data.streams)
    if missing:
        yield f"{missing:,} values are missing or infinite: each is taken to be as expected, and not scored"
    known = [own for own in data.windows if own is not None]
    if known:
        chosen = "" if settings.threshold is not None else ", by which the threshold is chosen, on all streams together"
        yield f"{sum(map(len, known))} windows of anomalies in {len(known)} streams{chosen}; nothing else sees them"
        unknown = [stream.name for stream, own in zip(data.streams, data.windows, strict=True) if own is None]
        if unknown:
            yield f"{len(unknown)} streams have no entry among the windows and are not scored: {', '.join(unknown[:4])}"
    else:
        yield "nothing is labelled, so the score is that of the forecasts"
    yield (
        f"{settings.num_layers} {words.model_name(settings.encoder)} layer(s) of {settings.hidden_size}; an alert is"
        f" over after {settings.rest_after(saved.probation):,} calm records in a row, fewer in short streams"
    )
