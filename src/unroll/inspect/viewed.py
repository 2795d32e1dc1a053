"""All that is measured on one input of a trained model, for a page.

Shapes: T steps.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from unroll.inspect.diagnosis import diagnose
from unroll.inspect.flags import Flag, find_flags
from unroll.inspect.health import LayerHealth, layer_health
from unroll.inspect.saliency import gradient_times_input, integrated_gradients, occlusion
from unroll.inspect.trace import Predicts, Subject, Trace, Track, Trained, opened, trace
from unroll.inspect.view import View

#: Steps up to which each is measured: the way from zero to the input, leaving out each step, flags on either half.
_INTEGRATED, _OCCLUDED, _FLAGGED = 2000, 200, 8000
#: Points of the way from zero to the input.
_POINTS = 32
#: Steps from which on a text is long enough to choose units on one half and score them on the other.
_LONG = 400
#: Seconds that following gradients back may take.
_PATIENCE = 8.0


def view_of(
    model: Subject,
    given: Any,
    *,
    row: int = 0,
    labels: Sequence[str] | None = None,
    title: str = "",
    answer: Any = None,
) -> View:
    """See an input as `trace` does, and measure on it what a page shows.

    A module by itself has no loss and no answer to explain, so only its trace is there, and flags where the steps have
    names. Measures that take long are left out of long inputs.

    Args:
        model: as in `trace`.
        given: as in `trace`.
        row: as in `trace`.
        labels: as in `trace`.
        title: what is looked at, in words.
        answer: what the network said, JSON-able.
    """
    seen = trace(model, given, row=row, labels=labels)
    view = View(title, seen, flags=tuple(flag.to_json() for flag in _flags(seen)), answer=answer)
    if not isinstance(model, Trained | Predicts):
        return view
    layers = _layers(model, given, row)
    return replace(
        view,
        gradients={one.title: one.norms for one in layers},
        horizons={one.title: one.vanishes for one in layers},
        saliency=_saliency(model, given, row, len(seen.labels)),
        findings=tuple(
            {"what": one.what, "numbers": one.numbers, "try": one.advice} for one in diagnose(layers, chunked=False)
        ),
    )


def _layers(model: Subject, given: Any, row: int) -> list[LayerHealth]:
    subject = opened(model, given, row)
    costs = subject.costs
    if costs is None:
        return []

    def loss() -> Tensor:
        return costs(subject.inputs, subject.ask(subject.inputs)).sum()

    return layer_health(subject.network, loss, deadline=time.monotonic() + _PATIENCE)


def _saliency(model: Subject, given: Any, row: int, steps: int) -> Mapping[str, np.ndarray]:
    """(T,) by method, of those that the input is short enough for."""
    found = {"gradient x input": gradient_times_input(model, given, row=row)}
    if steps <= _INTEGRATED:
        found["integrated gradients"] = integrated_gradients(model, given, row=row, points=_POINTS)
    if steps <= _OCCLUDED:
        found["occlusion"] = occlusion(model, given, row=row)
    return {name: value for name, value in found.items() if len(value) == steps and bool(np.isfinite(value).all())}


def _flags(seen: Trace) -> list[Flag]:
    """Units chosen on the first half of a long input and scored on the second."""
    steps = min(len(seen.labels), 2 * _FLAGGED)
    if steps < _LONG or seen.kind == "steps":
        return []
    half = steps // 2
    return find_flags(_cut(seen, 0, half), _cut(seen, half, steps))


def _cut(seen: Trace, start: int, stop: int) -> Trace:
    """Some steps of a trace; tracks with steps of their own are left out."""

    def cut(track: Track) -> Track:
        values = {name: value[start:stop] for name, value in track.values.items()}
        return replace(track, labels=track.labels[start:stop], values=values)

    tracks = tuple(cut(track) for track in seen.tracks if len(track.labels) == len(seen.labels))
    series = None if seen.series is None else seen.series[start:stop]
    return replace(seen, labels=seen.labels[start:stop], series=series, tracks=tracks, attention=())
