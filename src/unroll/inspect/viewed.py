"""All that is measured on one input of a trained model, for a page.

Shapes: T steps.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.inspect.diagnosis import diagnose
from unroll.inspect.flags import Flag, find_flags
from unroll.inspect.health import LayerHealth, layer_health
from unroll.inspect.saliency import (
    Score,
    gradient_times_input,
    gradient_times_input_by_step,
    integrated_gradients,
    occlusion,
)
from unroll.inspect.trace import Subject, Trace, Track, Trained, opened, trace
from unroll.inspect.view import Searched, View

#: Steps up to which each is measured: one row for each step's choice, the way from zero to the input, leaving out each
#: step, flags on either half.
_EACH, _INTEGRATED, _OCCLUDED, _FLAGGED = 160, 2000, 200, 8000
#: Points of the way from zero to the input.
_POINTS = 32
#: Steps from which on a text is long enough to choose units on one half and score them on the other.
_LONG = 400
#: Seconds that following gradients back may take, and that reading other inputs for flags may take.
_PATIENCE = 4.0


def view_of(
    model: Subject,
    given: Any,
    *,
    row: int = 0,
    labels: Sequence[str] | None = None,
    title: str = "",
    answer: Any = None,
    score: Score | None = None,
    others: Sequence[Any] = (),
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
        score: what steps count for, from what the network gives to a number; None for its own first choice.
        others: records on which flags are looked for if the input is too short for it; one half is searched, and what
            is found is scored on the other.
    """
    seen = trace(model, given, row=row, labels=labels)
    flags, searched = _flags(model, seen, others)
    view = View(title, seen, flags=tuple(flag.to_json() for flag in flags), searched=searched, answer=answer)
    if isinstance(model, nn.Module):
        return view
    # Not of what has other rows, such as the characters of each word.
    shown = {track.title for track in seen.tracks}
    layers = [one for one in _layers(model, given, row) if one.title in shown]
    return replace(
        view,
        gradients={one.title: one.norms for one in layers},
        horizons={one.title: one.vanishes for one in layers},
        saliency=_saliency(model, given, row, len(seen.labels), score),
        findings=tuple(one.to_json() for one in diagnose(layers, chunked=False)),
    )


def _layers(model: Subject, given: Any, row: int) -> list[LayerHealth]:
    subject = opened(model, given, row)
    costs = subject.costs
    if costs is None:
        return []

    def loss() -> Tensor:
        return costs(subject.inputs, subject.ask(subject.inputs)).sum()

    return layer_health(subject.network, loss, deadline=time.monotonic() + _PATIENCE)


def _saliency(model: Subject, given: Any, row: int, steps: int, score: Score | None) -> Mapping[str, np.ndarray]:
    """(T,) or (T, T) by method, of those that the input is short enough for."""
    found = {"gradient x input": gradient_times_input(model, given, row=row, score=score)}
    if len(found["gradient x input"]) != steps:
        # What is read has other steps than what is shown: a picture, whose words are the steps.
        return {}
    if score is None and steps <= _EACH:
        # A network that gives one answer has no choice at each step.
        with suppress(ConfigError):
            found["gradient x input"] = gradient_times_input_by_step(model, given, row=row)
    if steps <= _INTEGRATED:
        found["integrated gradients"] = integrated_gradients(model, given, row=row, score=score, points=_POINTS)
    if steps <= _OCCLUDED:
        found["occlusion"] = occlusion(model, given, row=row, score=score)
    return {name: value for name, value in found.items() if value.shape[-1] == steps and bool(np.isfinite(value).all())}


class _Flags(NamedTuple):
    """What was found, and on what."""

    flags: list[Flag]
    searched: Searched | None


def _flags(model: Subject, seen: Trace, others: Sequence[Any]) -> _Flags:
    """Units chosen on the first half of a long input and scored on the second; of a short one, on other inputs."""
    if seen.kind == "steps":
        return _Flags([], None)
    steps = min(len(seen.labels), 2 * _FLAGGED)
    if steps >= _LONG:
        half = steps // 2
        return _Flags(find_flags(_cut(seen, 0, half), _cut(seen, half, steps)), Searched(0, half, steps - half))
    if seen.kind != "text" or len(others) < 2:
        return _Flags([], None)
    traces: list[Trace] = []
    predictor = model.predictor if isinstance(model, Trained) else model
    until = time.monotonic() + _PATIENCE
    for record in others:
        one = trace(predictor, [record])
        traces.append(_cut(one, 0, len(one.labels)))
        if time.monotonic() > until or sum(len(part.labels) for part in traces) >= 2 * _FLAGGED:
            break
    half = len(traces) // 2
    if sum(len(part.labels) for part in traces[:half]) < _LONG:
        return _Flags([], None)
    parts = [_joined(traces[:half]), _joined(traces[half : 2 * half])]
    return _Flags(find_flags(*parts), Searched(half, *(len(part.labels) for part in parts)))


def _joined(traces: Sequence[Trace]) -> Trace:
    """The traces of some texts as those of one, in which an empty line parts them."""
    labels = [label if at else f"\n\n{label}" for one in traces for at, label in enumerate(one.labels)]
    first = traces[0]
    tracks = tuple(
        replace(
            track,
            labels=tuple(labels),
            values={name: np.concatenate([one.tracks[number].values[name] for one in traces]) for name in track.values},
        )
        for number, track in enumerate(first.tracks)
    )
    return replace(first, labels=tuple(labels), tracks=tracks)


def _cut(seen: Trace, start: int, stop: int) -> Trace:
    """Some steps of a trace; tracks with steps of their own are left out."""

    def cut(track: Track) -> Track:
        values = {name: value[start:stop] for name, value in track.values.items()}
        return replace(track, labels=track.labels[start:stop], values=values)

    tracks = tuple(cut(track) for track in seen.tracks if track.labels == seen.labels)
    series = None if seen.series is None else seen.series[start:stop]
    return replace(seen, labels=seen.labels[start:stop], series=series, tracks=tracks, attention=())
