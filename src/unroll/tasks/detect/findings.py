"""What spoils a stream, for `unroll check`: time that goes backwards, sensors that stick, restart or never change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from unroll.data import Finding, Table
from unroll.data.doctor.finding import at_row, counted
from unroll.data.doctor.time import stuck
from unroll.tasks.detect.columns import Columns, Stream
from unroll.tasks.detect.data import usual_step

#: Streams for which one kind of finding is listed; the others are counted.
_LISTED = 3
#: The name of a channel in a finding.
_CHANNEL = re.compile(r"(?<=: )'[^']*'")
#: A gap from so many usual steps on is a restart.
_RESTART = 10


def findings_of(table: Table, streams: Sequence[Stream], columns: Columns) -> Iterator[Finding]:
    """Every kind of fault, with the first place of each stream that has it."""
    for look in (_backwards, _twice, _restarts, _constant, _stuck, _infinite):
        found = [(stream.name, finding) for stream in streams for finding in look(table, stream, columns)]
        yield from (finding for _, finding in found[:_LISTED])
        others = [_CHANNEL.search(finding.text) for _, finding in found[_LISTED:]]
        names = dict.fromkeys(
            stream if match is None else match[0] for (stream, _), match in zip(found[_LISTED:], others, strict=True)
        )
        if names:
            shown = ", ".join(list(names)[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
            text = f"the like {counted(len(others), 'more time')}, in other streams or channels: {shown}"
            yield Finding(found[0][1].level, text)


def _steps(stream: Stream) -> np.ndarray:
    """The time from each record to the next, in microseconds or as the times are."""
    if stream.times is None:
        return np.empty(0)
    return np.diff(stream.times.astype(np.int64) if stream.times.dtype.kind == "M" else stream.times)


def _backwards(table: Table, stream: Stream, columns: Columns) -> Iterator[Finding]:
    places = np.flatnonzero(_steps(stream) < 0)
    if len(places):
        text = f"{stream.name}: time goes backwards {counted(len(places), 'time')}; records are taken as they stand"
        yield at_row(table, int(stream.rows[places[0] + 1]), "warning", text, "sort the rows if they lost their order")


def _twice(table: Table, stream: Stream, columns: Columns) -> Iterator[Finding]:
    places = np.flatnonzero(_steps(stream) == 0)
    if len(places):
        text = f"{stream.name}: the time of {counted(len(places), 'record')} is that of the one before"
        yield at_row(table, int(stream.rows[places[0] + 1]), "warning", text, "each counts as a record of its own")


def _restarts(table: Table, stream: Stream, columns: Columns) -> Iterator[Finding]:
    step = usual_step([stream])
    places = np.flatnonzero(_steps(stream) >= _RESTART * step) if step else np.empty(0, np.int64)
    if len(places):
        text = f"{stream.name}: {counted(len(places), 'gap')} of {_RESTART} usual steps and more: the sensor was off"
        yield at_row(table, int(stream.rows[places[0] + 1]), "warning", text, "the record after a gap may look odd")


def _constant(table: Table, stream: Stream, columns: Columns) -> Iterator[Finding]:
    for name, values in zip(columns.channels, stream.values.T, strict=True):
        known = values[~np.isnan(values)]
        if len(known) == 0 or (known == known[0]).all():
            what = "holds no value" if len(known) == 0 else f"is always {known[0]:g}"
            text = f"{stream.name}: '{name}' {what}: any change will be an alert"
            yield at_row(table, int(stream.rows[0]), "warning", text, "leave it out with --set data.inputs=...")


def _stuck(table: Table, stream: Stream, columns: Columns) -> Iterator[Finding]:
    for name, values in zip(columns.channels, stream.values.T, strict=True):
        found = stuck(values)
        if found is not None:
            begin, length, others = found
            text = f"{stream.name}: '{name}' keeps the value {values[begin]:g} for {length:,} records"
            advice = f"elsewhere for {others:,} at most: did the sensor stick?"
            yield at_row(table, int(stream.rows[begin]), "warning", text, advice)


def _infinite(table: Table, stream: Stream, columns: Columns) -> Iterator[Finding]:
    for name, values in zip(columns.channels, stream.values.T, strict=True):
        missing = np.flatnonzero(np.isnan(values))
        if len(missing):
            text = f"{stream.name}: '{name}' is missing or infinite in {counted(len(missing), 'record')}"
            yield at_row(table, int(stream.rows[missing[0]]), "note", text, "taken to be as expected, and not scored")
