"""Everything that a page shows of one input, as plain values.

Shapes: T steps, H hidden size, I input size, K lags.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from unroll.inspect.trace import Trace

#: Version of what `View.to_json` gives.
VERSION = 1


class Searched(NamedTuple):
    """What units that follow something were found on.

    Attributes:
        records: inputs that were searched, and as many others scored; 0 for the halves of the one that is looked at.
        steps: that were searched.
        held: other steps, on which what was found is scored.
    """

    records: int
    steps: int
    held: int


@dataclass(frozen=True)
class Looks:
    """Where a network looked in a picture.

    Attributes:
        module: the dotted name of what looked.
        pixels: (rows, columns, 3) uint8.
        labels: what it wrote at each look.
        maps: (looks, rows, columns) weights; each map is laid over the whole picture.
    """

    module: str
    pixels: np.ndarray
    labels: tuple[str, ...]
    maps: np.ndarray


@dataclass(frozen=True)
class View:
    """What a network did with one input, ready for a page.

    Attributes:
        title: what is looked at: the run and the input, in words.
        trace: states, gates, attention.
        gradients: by the title of a track, (K,) float64: the mean norm of the gradient k steps back, k from 0; empty
            where nothing was measured.
        horizons: by the title of a track, the first lag whose gradient is under 1 % of that at lag 0; None if none is.
        saliency: by the name of a method, how much each step counts for the answer: (T,) float64, or (T, T) where row t
            is about the choice that is made at step t.
        findings: what the measures say in words, most important first: its "kind", "what" they show, the "numbers" it
            rests on, and what to "try"; the last three in Korean under "ko".
        flags: units that follow a property of the input: "track" (its title), "state", "unit", "property", "precision",
            "recall", "f1", "shuffled".
        answer: what the network said, JSON-able.
        searched: on what the flags were found and scored; None where none were looked for.
        looks: where it looked in a picture.
    """

    title: str
    trace: Trace
    gradients: Mapping[str, np.ndarray] = field(default_factory=dict)
    horizons: Mapping[str, int | None] = field(default_factory=dict)
    saliency: Mapping[str, np.ndarray] = field(default_factory=dict)
    findings: tuple[Mapping[str, Any], ...] = ()
    flags: tuple[Mapping[str, Any], ...] = ()
    answer: Any = None
    searched: Searched | None = None
    looks: tuple[Looks, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """All of it as values that `json.dumps` takes.

        An array is {"shape": [...], "dtype": "float32", "data": base64 of its little-endian bytes, last axis fastest}.
        """
        trace = self.trace
        return {
            "version": VERSION,
            "title": self.title,
            "kind": trace.kind,
            "labels": list(trace.labels),
            "series": None if trace.series is None else packed(trace.series),
            "tracks": [
                {
                    "title": track.title,
                    "module": track.module,
                    "depth": track.depth,
                    "direction": track.direction,
                    "cell": track.cell,
                    "engine": track.engine,
                    # The names are sent once where they are those of the input.
                    "labels": None if track.labels == trace.labels else list(track.labels),
                    "states": list(track.states),
                    "values": {name: packed(value) for name, value in track.values.items()},
                }
                for track in trace.tracks
            ],
            "attention": [
                {"module": one.module, "weights": packed(one.weights), "rows": list(one.rows)}
                for one in trace.attention
            ],
            "gradients": {name: value.tolist() for name, value in self.gradients.items()},
            "horizons": dict(self.horizons),
            "saliency": {name: value.tolist() for name, value in self.saliency.items()},
            "findings": [dict(finding) for finding in self.findings],
            "flags": [dict(flag) for flag in self.flags],
            "searched": None if self.searched is None else self.searched._asdict(),
            "looks": [
                {
                    "module": one.module,
                    "pixels": packed(one.pixels),
                    "labels": list(one.labels),
                    "maps": packed(one.maps),
                }
                for one in self.looks
            ],
            "answer": self.answer,
        }


def packed(values: np.ndarray) -> dict[str, Any]:
    """An array as JSON-able values: float32, little-endian, in base64."""
    plain = np.ascontiguousarray(values, dtype="<f4")
    return {
        "shape": list(plain.shape),
        "dtype": "float32",
        "data": base64.b64encode(plain.tobytes()).decode("ascii"),
    }
