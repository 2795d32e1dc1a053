"""One stream, watched: a forecast of each record before it comes, and how surprising it then was.

Shapes: I features of a step, C channels, H hidden size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from unroll.models.next_step import NextStep
from unroll.streaming.stack import StackStepper, stack_stepper
from unroll.tasks.detect.online import Channel

_DAY = 86_400_000_000
#: Where each cycle of the calendar begins and how long it is, in microseconds; 1970-01-01 was a Thursday.
CYCLES = {"day": (0, _DAY), "week": (3 * _DAY, 7 * _DAY)}

#: The layers see no value further from the mean than so many deviations; the forecast itself may follow further.
CLIP = 8.0


class Weights:
    """A trained network as one stream needs it: a step of its layers, and plain numbers for what is around them."""

    def __init__(self, network: NextStep) -> None:
        self._network = network
        self.channels = network.channels
        self.size = network.body.input_size
        self.keep: list[float] = network.keep.detach().double().tolist()
        # A matrix-vector product of one shape gives one result, however many records came at once.
        self.matrix = np.ascontiguousarray(network.head.weight.detach().float().cpu().numpy())
        self.bias = network.head.bias.detach().float().cpu().numpy()

    def stepper(self) -> StackStepper:
        """Layers at the start of a stream."""
        return stack_stepper(self._network.body)


class Verdict(NamedTuple):
    """What is thought of a record.

    Attributes:
        score: of the channel that surprises most, in digits of rarity.
        channel: its number.
        expected: (C,) what was expected, None where nothing was.
    """

    score: float
    channel: int
    expected: tuple[float | None, ...]


def phases(time: int, cycles: Sequence[str]) -> list[float]:
    """Sine and cosine of the place of a time, in microseconds, in each cycle."""
    found = []
    for name in cycles:
        start, length = CYCLES[name]
        angle = 2.0 * math.pi * ((time + start) % length) / length
        found += [math.sin(angle), math.cos(angle)]
    return found


class Watcher:
    """Scores the records of one stream, each before the next is seen.

    Args:
        weights: of the network.
        cycles: of the calendar that it knows.
        short: as in `Channel`.
        long: likewise.
    """

    def __init__(self, weights: Weights, cycles: Sequence[str], *, short: int, long: int) -> None:
        self._weights = weights
        self._cycles = tuple(cycles)
        self._stepper = weights.stepper()
        self.channels = [Channel(short, long) for _ in range(weights.channels)]
        self._x = np.zeros(weights.size, np.float32)
        self._next: list[float] | None = None
        # The most surprising of many channels is more surprising than one (Bonferroni's correction).
        self._allowance = math.log10(weights.channels)
        self.count = 0

    def push(self, time: int | None, values: Sequence[float]) -> Verdict:
        """Score a record, then learn from it.

        Args:
            time: microseconds since 1970, if there is a calendar.
            values: (C,), NaN where one is missing.
        """
        ahead = self._next
        best, most = 0, -1.0
        expected: list[float | None] = []
        x = self._x
        kept = []
        for number, channel in enumerate(self.channels):
            value = values[number]
            guess = None if ahead is None else channel.in_units(ahead[number])
            expected.append(guess)
            if value != value:
                # What is missing is taken to be as expected, and teaches nothing.
                scaled = 0.0 if ahead is None else ahead[number]
            else:
                score = channel.take(value, guess)
                if score > most:
                    best, most = number, score
                scaled = channel.scaled(value)
            kept.append(scaled)
            x[number] = min(max(scaled, -CLIP), CLIP)
        if self._cycles:
            x[len(kept) :] = phases(time or 0, self._cycles)
        weights = self._weights
        change = (weights.matrix @ self._stepper(x) + weights.bias).tolist()
        self._next = [keep * scaled + more for keep, scaled, more in zip(weights.keep, kept, change, strict=True)]
        self.count += 1
        return Verdict(max(most - self._allowance, 0.0), best, tuple(expected))

    def state(self) -> dict[str, Any]:
        """All that it knows, for JSON; floats keep every bit."""
        return {
            "count": self.count,
            "next": self._next,
            "channels": [channel.state() for channel in self.channels],
            "layers": [{name: part.ravel().tolist() for name, part in own.items()} for own in self._stepper.state()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self.count = state["count"]
        self._next = state["next"]
        for channel, own in zip(self.channels, state["channels"], strict=True):
            channel.restore(own)
        self._stepper.set_state(
            [{name: np.array(part, np.float32).reshape(1, -1) for name, part in own.items()} for own in state["layers"]]
        )
