"""A run's log.jsonl, read while it is written, as curves for the live page."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

#: Points of a curve that the page is sent at most.
_POINTS = 600
#: Curves whose values span powers of ten.
_LOG = ("gradient", "lag")
#: Validation scores that are drawn.
_SCORES = 2


class LogReader:
    """Reads on from where it stopped; a log that got shorter, because a run was resumed, is read anew.

    Args:
        path: of the log; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = 0
        self._curves: dict[str, dict[float, float]] = {}
        self._last = ""
        self._lock = threading.Lock()

    def heard(self) -> dict[str, Any]:
        """What the page is told: whether training runs, its last word, warnings, curves."""
        with self._lock:
            for event in self._new():
                self._take(event)
            return {
                "running": True,
                "said": [self._last] if self._last else [],
                "warnings": list(self._warnings()),
                "curves": [_curve(name, points) for name, points in self._curves.items()],
            }

    def _new(self) -> Iterator[dict[str, Any]]:
        try:
            with open(self._path, "rb") as file:
                if file.seek(0, 2) < self._place:
                    self._place = 0
                    self._curves.clear()
                file.seek(self._place)
                for line in file:
                    # What has no end yet is still being written.
                    if not line.endswith(b"\n"):
                        return
                    self._place += len(line)
                    yield json.loads(line)
        except FileNotFoundError:
            return

    def _take(self, event: Mapping[str, Any]) -> None:
        steps = float(event["steps"])
        if "inside" in event:
            for name, value in event["inside"].items():
                if name.endswith(("/reach", "/gradient at the last lag")):
                    self._add(_named(name), steps, value)
        elif "epoch" in event:
            scores = list(event.get("metrics", {}).items())[:_SCORES]
            for name, value in scores:
                self._add(f"validation {name}", steps, value)
            told = ", ".join(f"{name} {value:.4g}" for name, value in scores if value is not None)
            self._last = f"epoch {event['epoch']}: loss {event['loss']:.4g}" + (f", {told}" if told else "")
        else:
            self._add("training loss", steps, event.get("loss"))
            self._add("gradient before clipping", steps, event.get("gradient_norm"))

    def _add(self, name: str, steps: float, value: float | None) -> None:
        self._curves.setdefault(name, {})[steps] = math.nan if value is None else float(value)

    def _warnings(self) -> Iterator[str]:
        for name, points in self._curves.items():
            latest = next(reversed(points.values()), math.nan)
            if name.endswith("share of the gradient that is left") and latest > 100:
                yield f"{name}: {latest:.3g}, the gradient explodes"


def _named(name: str) -> str:
    layer, _, what = name.rpartition("/")
    return f"{layer}: " + (
        "steps that the gradient reaches back" if what == "reach" else "share of the gradient that is left"
    )


def _curve(name: str, points: Mapping[float, float]) -> dict[str, Any]:
    every = max(1, math.ceil(len(points) / _POINTS))
    kept = list(points.items())
    # The newest point is always there: the page names it.
    kept = kept[len(kept) - 1 :: -every][::-1]
    return {
        "name": name,
        "log": any(word in name for word in _LOG) and "reach" not in name,
        "x": [steps for steps, _ in kept],
        "y": [value if math.isfinite(value) else None for _, value in kept],
    }
