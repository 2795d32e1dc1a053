"""Units that are on exactly where something is the case.

Shapes: T steps, U units of all states together, N characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from unroll.errors import ConfigError
from unroll.inspect.properties import SERIES_PROPERTIES, TEXT_PROPERTIES
from unroll.inspect.trace import Trace

#: Thresholds that are tried for each unit: the quantiles of its own values.
_LEVELS = 200
#: How often labels are turned by a random number of steps, to see what chance finds.
_SHUFFLES = 20
#: Steps with and without a property that there must be, on either part.
_LEAST = 20


class Unit(NamedTuple):
    """One number of the state, and how it tells.

    Attributes:
        track: the title of its layer and direction.
        state: "h" or "c".
        unit: its number.
        above: whether it is on above the threshold, else below.
        threshold: of its value.
    """

    track: str
    state: str
    unit: int
    above: bool
    threshold: float


@dataclass(frozen=True)
class Flag:
    """A unit that follows a property.

    Attributes:
        property: what it follows.
        unit: which it is; it and its threshold were chosen on one part of the text.
        precision: of the steps of the other part at which it is on, the share with the property.
        recall: of the steps of the other part with the property, the share at which it is on.
        f1: their harmonic mean.
        share: of the steps of the other part, those with the property.
        always: the F1 of a unit that is always on.
        shuffled: the highest F1 that the same search finds when the labels are turned by a random number of steps, so
            that they keep their lengths and fit nothing.
    """

    property: str
    unit: Unit
    precision: float
    recall: float
    f1: float
    share: float
    always: float
    shuffled: float

    def to_json(self) -> dict[str, Any]:
        """As plain values, for a `View`."""
        plain = {name: value for name, value in asdict(self).items() if name != "unit"}
        return {**self.unit._asdict(), **plain}


def find_flags(
    searched: Trace, held: Trace, *, properties: Mapping[str, Any] | None = None, seed: int = 0
) -> list[Flag]:
    """The unit that follows each property best, best first.

    A unit, the side and the threshold are chosen by F1 on one trace and scored on another.

    Source: Karpathy, Johnson, Fei-Fei 2015, "Visualizing and understanding recurrent networks", section 4.1 (cells that
    keep track of quotes and line lengths), with a measured score in the place of an eye.

    Args:
        searched: of the part on which units are chosen.
        held: of another part.
        properties: from a text to a bool for every character, or from the values of a series to one for every step, by
            name; None for all that are known.
        seed: of the turned labels.

    Raises:
        ConfigError: the two traces are not of the same network.
    """
    known = (
        properties if properties is not None else SERIES_PROPERTIES if searched.series is not None else TEXT_PROPERTIES
    )
    units, values = _units(searched)
    others, held_values = _units(held)
    if units != others:
        raise ConfigError("both traces must be of the same network: they have other layers or sizes")
    search = _Search(values, units)
    drawn = np.random.default_rng(seed)
    found = []
    for name, property_ in known.items():
        truth, held_truth = labels_of(searched, property_), labels_of(held, property_)
        if any(min(part.sum(), (~part).sum()) < _LEAST for part in (truth, held_truth)):
            continue
        unit = search.best(truth)
        precision, recall, f1 = _scores(_on(unit, units, held_values), held_truth)
        by_chance = []
        for _ in range(_SHUFFLES):
            turned = np.roll(truth, drawn.integers(len(truth) // 10, len(truth)))
            held_turned = np.roll(held_truth, drawn.integers(len(held_truth) // 10, len(held_truth)))
            by_chance.append(_scores(_on(search.best(turned), units, held_values), held_turned)[2])
        share = float(held_truth.mean())
        found.append(Flag(name, unit, precision, recall, f1, share, 2 * share / (1 + share), max(by_chance)))
    return sorted(found, key=lambda flag: -flag.f1)


def units_on_at(trace: Trace, start: int, stop: int, *, most: int = 10) -> list[tuple[Unit, float]]:
    """The units that are on in a span of steps and off elsewhere, best first, each with its F1.

    Source: Strobelt, Gehrmann, Pfister, Rush 2018, "LSTMVis", section 4.2, where a threshold is chosen by hand.

    Args:
        trace: of one input.
        start: the first step of the span.
        stop: the step after its last.
        most: units to give.

    Raises:
        ConfigError: the span is empty, or all there is.
    """
    steps = len(trace.labels)
    if not 0 <= start < stop <= steps or stop - start == steps:
        raise ConfigError(f"a span of steps must lie in [0, {steps}) and leave some out, got {start} to {stop}")
    units, values = _units(trace)
    truth = np.zeros(len(values), dtype=bool)
    truth[start:stop] = True
    return _Search(values, units).ranked(truth)[:most]


def labels_of(trace: Trace, property_: Any) -> np.ndarray:
    """(T,) bool: whether a property holds at each step; at a step of several characters, at its last one."""
    if trace.series is not None:
        return np.asarray(property_(trace.series[:, 0].astype(np.float64)), dtype=bool)
    lengths = np.array([len(label) for label in trace.labels])
    # Words stand apart; what spells a text letter by letter has its own spaces.
    glue = "" if any(not label.strip() for label in trace.labels if label) else " "
    text = glue.join(trace.labels)
    ends = np.cumsum(lengths + len(glue)) - len(glue) - 1
    found: np.ndarray = np.asarray(property_(text), dtype=bool)[np.clip(ends, 0, None)]
    return found


def _units(trace: Trace) -> tuple[list[tuple[str, str, int]], np.ndarray]:
    """Every number of every state by track, state and number, and (T, U) their values."""
    names: list[tuple[str, str, int]] = []
    values = []
    for track in trace.tracks:
        for state in track.states:
            part = track.values[state]
            if len(part) == len(trace.labels):
                names += [(track.title, state, unit) for unit in range(part.shape[1])]
                values.append(part)
    return names, np.concatenate(values, axis=1)


def _on(unit: Unit, units: list[tuple[str, str, int]], values: np.ndarray) -> np.ndarray:
    own = values[:, units.index((unit.track, unit.state, unit.unit))]
    return np.asarray(own > unit.threshold if unit.above else own <= unit.threshold)


def _scores(on: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall and F1."""
    both = float((on & truth).sum())
    precision, recall = both / max(1.0, float(on.sum())), both / max(1.0, float(truth.sum()))
    return precision, recall, 2 * both / max(1.0, float(on.sum()) + float(truth.sum()))


class _Search:
    """The F1 of every unit at every threshold, on either side of it.

    Args:
        values: (T, U).
        units: what the U are.
    """

    def __init__(self, values: np.ndarray, units: list[tuple[str, str, int]]) -> None:
        self._units = units
        steps, count = values.shape
        shares = np.linspace(0.0, 1.0, _LEVELS + 1)[1:-1]
        self._levels = np.quantile(values, shares, axis=0).astype(values.dtype)
        #: For each step and unit, how many thresholds its value is above, among those of all units in one row.
        self._places = np.stack(
            [np.searchsorted(self._levels[:, unit], values[:, unit]) + unit * _LEVELS for unit in range(count)], axis=1
        )
        self._all = self._counts(np.ones(steps, dtype=bool))

    def _counts(self, chosen: np.ndarray) -> np.ndarray:
        """(U, levels) how many of the chosen steps lie above each threshold of each unit."""
        counted = np.bincount(self._places[chosen].ravel(), minlength=len(self._units) * _LEVELS)
        above = counted.reshape(len(self._units), _LEVELS)[:, ::-1].cumsum(axis=1)[:, ::-1]
        return np.asarray(above[:, 1:])

    def _f1(self, truth: np.ndarray) -> np.ndarray:
        """(U, levels, 2): on above the threshold, and on below it."""
        above, total = self._counts(truth), truth.sum()
        upper = 2 * above / np.maximum(1, self._all + total)
        lower = 2 * (total - above) / np.maximum(1, len(truth) - self._all + total)
        return np.stack([upper, lower], axis=2)

    def best(self, truth: np.ndarray) -> Unit:
        """The unit with the highest F1."""
        return self.ranked(truth)[0][0]

    def ranked(self, truth: np.ndarray) -> list[tuple[Unit, float]]:
        """Every unit with its best threshold and F1, best first."""
        scores = self._f1(truth).reshape(len(self._units), -1)
        places = scores.argmax(axis=1)
        best = scores[np.arange(len(places)), places]
        found = []
        for unit in np.argsort(-best, kind="stable"):
            level, side = divmod(int(places[unit]), 2)
            track, state, number = self._units[unit]
            found.append((Unit(track, state, number, side == 0, float(self._levels[level, unit])), float(best[unit])))
        return found
