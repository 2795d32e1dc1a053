"""A detector at work: streams by name, each with what is known of it, and the alerts that they raise.

Shapes: C channels.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from unroll.bundle import DataConfig
from unroll.bundle.files import decode_json, read_bounded, write_atomic
from unroll.data.series.ids import name_of
from unroll.errors import DataError
from unroll.tasks.detect.alarm import Alarm
from unroll.tasks.detect.settings import DetectSettings, Saved
from unroll.tasks.detect.times import Times
from unroll.tasks.detect.watcher import Verdict, Watcher, Weights
from unroll.tasks.reading import read_columns

#: Of what a state file says that it is.
_KIND, _VERSION = "unroll detect state", 1
#: Bytes of a state file that are read at most.
_LARGEST = 1 << 30
#: A step is a gap from so many usual steps on.
_GAP = 1.5
#: A channel sticks when it keeps a value so many times longer than ever in training, and for so many records.
_STUCK, _LEAST_STUCK = 2, 12


class Heard(NamedTuple):
    """What is made of one record.

    Attributes:
        verdict: of the network.
        event: "begin" or "end" of an alert, or None.
        notices: what is odd about the record itself, in words.
    """

    verdict: Verdict
    event: str | None
    notices: Sequence[str]


class Limits(NamedTuple):
    """What decides about alerts.

    Attributes:
        threshold: of the score.
        silent: records of an unknown stream that raise no alert.
        settings: the run's model section.
    """

    threshold: float
    silent: int
    settings: DetectSettings

    @classmethod
    def of(cls, saved: Saved, settings: DetectSettings, threshold: float) -> Limits:
        """Those of a run."""
        return cls(threshold, saved.probation, settings)


class StreamState:
    """All that is known of one stream.

    Args:
        weights: of the network.
        saved: columns and sizes of the run.
        limits: what decides about alerts.
        silent: records that raise no alert yet.
        rest: calm records that end an alert; None: what goes with the largest probation part of the run.
    """

    def __init__(self, weights: Weights, saved: Saved, limits: Limits, silent: int, rest: int | None = None) -> None:
        settings = limits.settings
        self._watcher = Watcher(weights, saved.cycles, short=settings.short, long=settings.long)
        self._alarm = Alarm(limits.threshold, settings.calm, rest or settings.rest_after(saved.probation))
        self._saved = saved
        self._silent = silent
        self._time: float | None = None
        self.began: tuple[str | int, int] | None = None

    @property
    def count(self) -> int:
        """How many records there were."""
        return self._watcher.count

    def take(self, time: float | None, values: Sequence[float]) -> Heard:
        """Score a record, then learn from it.

        Args:
            time: microseconds since 1970, or as the times are; None if there is none.
            values: (C,), NaN where one is missing.
        """
        verdict = self._watcher.push(None if time is None else int(time), values)
        notices: Sequence[str] = ()
        before = self._time
        if time is not None:
            if before is not None and not 0 < time - before <= _GAP * (self._saved.step or math.inf):
                notices = [self._odd(time - before)]
            self._time = time
        for number, longest in enumerate(self._saved.longest_same):
            if self._watcher.channels[number].same == max(_LEAST_STUCK, _STUCK * longest + 1):
                name, same = self._saved.channels[number], self._watcher.channels[number].same
                notices = [*notices, f"'{name}' has not changed for {same} records (in training {longest} at most)"]
        if self._silent:
            self._silent -= 1
            return Heard(verdict, None, notices)
        return Heard(verdict, self._alarm.hear(verdict.score), notices)

    def _odd(self, step: float) -> str:
        if step == 0:
            return "the time stands a second time"
        if step < 0:
            return "time goes backwards"
        return f"a gap of {step / (self._saved.step or 1.0):g} usual steps"

    def state(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "watcher": self._watcher.state(),
            "alarm": self._alarm.state(),
            "silent": self._silent,
            "time": self._time,
            "began": self.began,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self._watcher.restore(state["watcher"])
        self._alarm.restore(state["alarm"])
        self._silent, self._time = state["silent"], state["time"]
        self.began = None if state["began"] is None else (state["began"][0], state["began"][1])


#: The probation part of a stream: time and values of every record.
Start = Sequence[tuple[float | None, Sequence[float]]]


class Session:
    """Several streams, each known by its name.

    Args:
        weights: of the network.
        saved: columns and sizes of the run.
        limits: what decides about alerts.
        starts: the probation part of a stream by its name; None of one that is not known.
        identity: of the run: the state of another run is refused.
        data: how the run's file was read.
    """

    def __init__(
        self,
        weights: Weights,
        saved: Saved,
        limits: Limits,
        *,
        starts: Callable[[str], Start | None],
        identity: str,
        data: DataConfig | None = None,
    ) -> None:
        self.data = data or DataConfig(path="")
        self._weights = weights
        self._limits = limits
        self._starts = starts
        self._identity = identity
        self._streams: dict[str, StreamState] = {}
        self.saved = saved
        self._times = Times(saved, self.data)
        kinds = read_columns(self.data)
        none = [kinds[name].missing if name in kinds else self.data.missing for name in saved.channels]
        self._none = none if any(none) else None

    @property
    def threshold(self) -> float:
        """The score from which on a record is an alert."""
        return self._limits.threshold

    def stream(self, name: str) -> StreamState:
        """What is known of a stream: at first its probation part, if the run has seen it."""
        found = self._streams.get(name)
        if found is None:
            start = self._starts(name)
            silent = self._limits.silent if start is None else len(start)
            rest = None if start is None else self._limits.settings.rest_after(len(start))
            found = self._streams[name] = StreamState(self._weights, self.saved, self._limits, silent, rest)
            for time, values in start or ():
                found.take(time, values)
        return found

    def known(self, values: Sequence[float]) -> Sequence[float]:
        """Values (C,) of the channels, NaN for numbers that stand for no value, as `data.missing` told training."""
        if self._none is None:
            return values
        return [math.nan if value in none else value for value, none in zip(values, self._none, strict=True)]

    def push(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Score a record, then learn from it.

        Args:
            record: the values of the channels by name; the time, as a datetime, numpy's or text in ISO 8601, and the
                name of the series, where the run has such columns.

        Returns:
            "score", "alert" ("begin", "end" or None), "channel", "expected" by channel, and "notices".

        Raises:
            DataError: a channel is missing, or a cell is no number or no time.
        """
        saved = self.saved
        values = []
        for name in saved.channels:
            if name not in record:
                raise DataError(f"expected a value for '{name}', got a record with {', '.join(map(str, record))}")
            values.append(number_of(record[name], name))
        time = None if saved.time is None else self._times.of_record(record)[0]
        series = name_of(record, saved.series)
        heard = self.stream(series).take(time, self.known(values))
        return {
            "score": heard.verdict.score,
            "alert": heard.event,
            "channel": saved.channels[heard.verdict.channel],
            "expected": dict(zip(saved.channels, heard.verdict.expected, strict=True)),
            "notices": list(heard.notices),
        }

    def push_all(self, records: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """As `push`, for one record after the other."""
        return map(self.push, records)

    def state(self) -> dict[str, Any]:
        """All that is known of all streams, for JSON: floats keep every bit."""
        return {
            "kind": _KIND,
            "version": _VERSION,
            "run": self._identity,
            "streams": {name: own.state() for name, own in self._streams.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave: the scores that follow are the same to the bit.

        Raises:
            DataError: it is no such state, or that of another run.
        """
        if not isinstance(state, Mapping) or state.get("kind") != _KIND or state.get("version") != _VERSION:
            raise DataError("expected the state of a stream, as `unroll detect --state` writes it, got something else")
        if state.get("run") != self._identity:
            raise DataError("this is the state of a stream under another run; start without it, or name that run")
        try:
            for name, own in state["streams"].items():
                found = StreamState(self._weights, self.saved, self._limits, 0)
                found.restore(own)
                self._streams[name] = found
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"the state of the stream is damaged ({type(error).__name__}); start without it") from None

    def save(self, path: Path | str) -> None:
        """Write the state to a file, whole or not at all.

        Raises:
            BundleError: it cannot be written.
        """
        write_atomic(Path(path), (json.dumps(self.state(), allow_nan=False) + "\n").encode())

    def load(self, path: Path | str) -> None:
        """Take up the state of a file that `save` wrote.

        Raises:
            DataError: it is no such file, or that of another run.
        """
        path = Path(path)
        try:
            self.restore(decode_json(read_bounded(path, _LARGEST), path))
        except DataError as error:
            raise DataError(str(error), path) from None


def number_of(cell: object, name: str) -> float:
    """A cell as a number; NaN where it is missing or not finite.

    Raises:
        DataError: it is something else.
    """
    if cell is None:
        return math.nan
    if isinstance(cell, str) and not cell.strip():
        return math.nan
    try:
        value = float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise DataError(f"'{name}': expected a number, got {cell!r}") from None
    return value if math.isfinite(value) else math.nan
