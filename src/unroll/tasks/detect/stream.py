"""From bytes of a stream to lines of JSON: alerts as they begin and end, and what is odd, with its line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from unroll.data.doctor.finding import counted
from unroll.errors import DataError
from unroll.tasks.detect.lines import Lines, Problem, Taken
from unroll.tasks.detect.session import Heard, Session, StreamState

#: What a stream is called in messages.
_NAME = "standard input"


class Said(NamedTuple):
    """One line to write.

    Attributes:
        text: the line.
        aside: whether it is a remark for standard error, not a result.
    """

    text: str
    aside: bool


class AlertStream:
    """Takes bytes as they come and says what is to be written, in order.

    Args:
        session: what knows the streams.
        scores: whether the score of every record is written, not the alerts alone.
    """

    def __init__(self, session: Session, *, scores: bool = False) -> None:
        self._session = session
        self._lines = Lines(session.saved, session.data, _NAME)
        self._scores = scores
        self._rest = b""
        self.records = 0
        self.alerts = 0
        self.problems = 0

    def feed(self, block: bytes) -> Iterator[Said]:
        """What is to be written after the next bytes; a line that has not ended waits for its end."""
        *lines, self._rest = (self._rest + block).split(b"\n")
        return self._said(lines)

    def finish(self) -> Iterator[Said]:
        """What is to be written after the last bytes: the last line may lack its end."""
        last, self._rest = self._rest, b""
        return self._said([last] if last.strip() else [])

    def summary(self) -> str:
        """How much there was, in words."""
        left = f", {counted(self.problems, 'line')} left out" if self.problems else ""
        return f"{counted(self.records, 'record')}{left}; {counted(self.alerts, 'alert')}"

    def _said(self, lines: Sequence[bytes]) -> Iterator[Said]:
        for item in self._lines.block(lines):
            if isinstance(item, Problem):
                self.problems += 1
                yield Said(f"{_NAME}:{item.line}: {item.text}; the line is left out", True)
                continue
            self.records += 1
            if item.note:
                yield Said(f"{_NAME}:{item.line}: note: {item.note}", True)
            item = item._replace(values=self._session.known(item.values))
            state = self._session.stream(item.series)
            try:
                heard = state.take(item.time, item.values)
            except OverflowError:
                raise DataError("a value is too large to reckon with", _NAME, item.line) from None
            for notice in heard.notices:
                yield Said(f"{_NAME}:{item.line}: note: {self._of(item)}{notice}", True)
            if heard.event == "begin":
                self.alerts += 1
                state.began = (item.text or item.line, state.count)
            if heard.event is not None or self._scores:
                yield Said(_json(self._record(item, heard, state)), False)

    def _of(self, item: Taken) -> str:
        return f"{item.series}: " if item.series else ""

    def _record(self, item: Taken, heard: Heard, state: StreamState) -> Mapping[str, Any]:
        channels = self._session.saved.channels
        number = heard.verdict.channel
        found: dict[str, Any] = {"alert": heard.event, "line": item.line}
        if item.text:
            found["time"] = item.text
        if item.series:
            found["series"] = item.series
        if heard.event == "end" and state.began is not None:
            found["began"], found["records"] = state.began[0], state.count - state.began[1]
        if heard.event != "end" or self._scores:
            value = item.values[number]
            found["channel"] = channels[number]
            found["value"] = None if value != value else value
            found["expected"] = heard.verdict.expected[number]
        found["score"] = heard.verdict.score
        if self._scores and len(channels) > 1:
            found["expected_of_all"] = dict(zip(channels, heard.verdict.expected, strict=True))
        return found


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False)
