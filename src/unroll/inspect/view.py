"""Everything that a page shows of one input, as plain values.

Shapes: T steps, H hidden size, I input size, K lags.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unroll.inspect.trace import Trace

#: Version of what `View.to_json` gives.
VERSION = 1


@dataclass(frozen=True)
class View:
    """What a network did with one input, ready for a page.

    Attributes:
        title: what is looked at: the run and the input, in words.
        trace: states, gates, attention.
        gradients: by the title of a track, (K,) float64: the mean norm of the gradient k steps back, k from 0; empty
            where nothing was measured.
        horizons: by the title of a track, the first lag whose gradient is under 1 % of that at lag 0; None if none is.
        saliency: by the name of a method, (T,) float64: how much each step counts for the answer.
        findings: what the measures say in words, most important first: "what" they show, the "numbers" it rests on, and
            what to "try".
        flags: units that follow a property of the input: "track" (its title), "state", "unit", "property", "precision",
            "recall", "f1".
        answer: what the network said, JSON-able.
    """

    title: str
    trace: Trace
    gradients: Mapping[str, np.ndarray] = field(default_factory=dict)
    horizons: Mapping[str, int | None] = field(default_factory=dict)
    saliency: Mapping[str, np.ndarray] = field(default_factory=dict)
    findings: tuple[Mapping[str, str], ...] = ()
    flags: tuple[Mapping[str, Any], ...] = ()
    answer: Any = None

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
            "attention": [{"module": one.module, "weights": packed(one.weights)} for one in trace.attention],
            "gradients": {name: value.tolist() for name, value in self.gradients.items()},
            "horizons": dict(self.horizons),
            "saliency": {name: value.tolist() for name, value in self.saliency.items()},
            "findings": [dict(finding) for finding in self.findings],
            "flags": [dict(flag) for flag in self.flags],
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
