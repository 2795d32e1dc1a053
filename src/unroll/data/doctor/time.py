"""The doctor on time series: repeated times, gaps, irregular steps, missing and constant values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from unroll.data.doctor.finding import Finding, at_row, counted, of_error
from unroll.data.doctor.standing import stand_ins
from unroll.data.series.calendar import row_steps
from unroll.data.series.changes import days_advice, zone_advice
from unroll.data.series.clock import Clock, in_calendar, offset_text
from unroll.data.series.frequency import Frequency, frequency_of, steps_between
from unroll.data.series.moments import check_counted, moments, offsets_of, since_1970
from unroll.data.series.rows import series_rows, shown
from unroll.data.table.table import Table
from unroll.errors import DataError

_LISTED = 3
#: A value that is kept sticks from so many rows on, and from so many times longer than elsewhere, among so many runs.
_LEAST_STUCK, _STUCK, _LEAST_RUNS = 12, 4, 3
#: A counter restarts where what rises at least so often, and in half of its steps, falls in at most such a share of
#: them, by such a share of what it had reached, and not as regularly as a calendar does.
_LEAST_RISES, _FALLS, _RESTARTS, _REGULAR = 50, 0.01, 0.8, 0.02


def look_at_times(
    table: Table, time: str, series: str | None, zone: str | None = None, *, as_they_stand: bool = False
) -> Iterator[Finding]:
    """Findings about the times of every series in a table of long form, or of one column per variable.

    Args:
        table: the data.
        time: the column of times.
        series: the column of series ids.
        zone: whose calendar the times are in; None: that of the offsets they name.
        as_they_stand: whether rows are used in the order in which they stand: then it is for the task to say what it
            does about times that stand twice or go back.
    """
    try:
        times = moments(table, time, zone).copy()
    except DataError as error:
        yield Finding("error", str(error), None, None, "name the column of times, or write all times in one notation")
        return
    if zone is None:
        try:
            check_counted(table, time)
        except DataError as error:
            yield of_error(error)
            return
    missing = np.isnan(times) if times.dtype.kind == "f" else np.isnat(times)
    if missing.any():
        text = f"column {time!r}: the time is missing in {counted(int(missing.sum()), 'row')}"
        yield at_row(table, int(missing.argmax()), "error", text, "fill it in or take the rows out")
        return
    groups = list(series_rows(table, series))
    clocks = [Clock()] * len(groups)
    if times.dtype.kind == "M":
        offsets = offsets_of(table, time, zone)
        for place, (_, rows) in enumerate(groups):
            given = None if offsets is None else offsets[rows]
            times[rows], clocks[place] = in_calendar(times[rows], given, zone=zone, likely=None)
        if offsets is not None and zone is None:
            yield from _offsets_of_no_zone(table, offsets, groups, clocks)
    calendar = row_steps([clock.wall(np.unique(times[rows])) for clock, (_, rows) in zip(clocks, groups, strict=True)])
    if calendar is not None and not calendar.slots and not as_they_stand:
        text = "times come in no usual step: every row counts as a step, whatever time passes to the next"
        yield at_row(table, int(groups[0][1][0]), "warning", text, "resample the series to equal steps if it matters")
    instants = times.dtype.kind == "M" and zone is None
    counted_in_utc = instants and since_1970(table, time)
    steps: dict[str, int] = {}
    listed = {"twice": 0, "gaps": 0, "irregular": 0, "order": 0}
    for clock, (name, rows) in zip(clocks, groups, strict=True):
        own = times[rows]
        title = "" if name is None else f"series {name!r}: "
        order = np.argsort(own, kind="stable")
        if (order != np.arange(len(order))).any() and not as_they_stand:
            listed["order"] += 1
            if listed["order"] <= _LISTED:
                back = np.flatnonzero(np.diff(own) < own[:1] - own[:1])
                text = (
                    f"{title}rows are not in the order of time, which goes back {counted(len(back), 'time')}; they are"
                    " sorted when used"
                )
                yield at_row(table, int(rows[int(back[0]) + 1]), "note", text, "")
        rows, own = rows[order], own[order]
        changes = zone_advice(own) if instants and clock.zone is None else None
        if counted_in_utc or (instants and clock.is_utc):
            changes = days_advice(own)
        twice = np.flatnonzero(own[1:] == own[:-1])
        if len(twice):
            listed["twice"] += not as_they_stand
            if not as_they_stand and listed["twice"] <= _LISTED:
                text = (
                    f"{title}{counted(len(twice), 'time')} stand{'s' if len(twice) == 1 else ''} a second time, "
                    f"first {shown(own[twice[0]])}"
                )
                advice = changes or (
                    "remove the repeated rows, or name the column of series ids (several: --series store,item)"
                )
                yield at_row(table, int(rows[twice[0] + 1]), "error", text, advice)
            keep = np.concatenate([[True], own[1:] != own[:-1]])
            rows, own = rows[keep], own[keep]
        # Where rows are steps, what lies between is closed and not missing, as training takes it.
        step = calendar or frequency_of(own)
        label = "no usual step" if step is None else step.label
        steps[label] = steps.get(label, 0) + 1
        for kind, finding in _gaps(table, title, own, rows, step):
            listed[kind] += 1
            if listed[kind] <= _LISTED:
                yield finding._replace(advice=changes) if changes and kind in ("gaps", "irregular") else finding
    for kind, count in listed.items():
        if count > _LISTED:
            what = {
                "twice": "repeated times",
                "gaps": "gaps",
                "irregular": "irregular times",
                "order": "rows out of order",
            }[kind]
            yield Finding(
                "warning" if kind != "order" else "note", f"{count} series have {what}; the first {_LISTED} are listed"
            )
    parts = ", ".join(
        f"{counted(count, 'series', 'series')} with {label}"
        for label, count in sorted(steps.items(), key=lambda item: -item[1])
    )
    yield Finding("note", f"times from {shown(times.min())} to {shown(times.max())}: {parts}")


def _offsets_of_no_zone(
    table: Table, offsets: np.ndarray, groups: Sequence[tuple[str | None, np.ndarray]], clocks: Sequence[Clock]
) -> Iterator[Finding]:
    """The first series whose times have several offsets that no zone has."""
    for (name, rows), clock in zip(groups, clocks, strict=True):
        own, counts = np.unique(offsets[rows], return_counts=True)
        if len(own) > 1 and clock.zone is not None and "/" not in clock.zone:
            shown = ", ".join(
                f"{offset_text(int(offset))} ({counted(int(count), 'row')})"
                for offset, count in zip(own[:_LISTED], counts, strict=False)
            )
            title = "" if name is None else f"series {name!r}: "
            more = ", ..." if len(own) > _LISTED else ""
            text = f"{title}times of several zones: {shown}{more}; days are those of the clock in {clock.zone}"
            row = int(rows[int((offsets[rows] != offsets[rows[0]]).argmax())])
            yield at_row(table, row, "warning", text, "name the zone whose days count with --set data.zone=ZONE")
            return


def _gaps(
    table: Table, title: str, times: np.ndarray, rows: np.ndarray, step: Frequency | None
) -> Iterator[tuple[str, Finding]]:
    if len(times) < 3:
        return
    if step is None:
        text = f"{title}times come in no usual step"
        yield "irregular", at_row(table, int(rows[0]), "warning", text, "resample the series to equal steps")
        return
    between = steps_between(times, step)
    if between is None:
        text = f"{title}some times lie between the steps of {step.label}"
        yield (
            "irregular",
            at_row(table, _off_grid(times, rows, step), "warning", text, "resample the series to equal steps"),
        )
        return
    gaps = np.flatnonzero(between > 1)
    if len(gaps):
        lost = int((between[gaps] - 1).sum())
        text = (
            f"{title}{counted(len(gaps), 'gap')}, {counted(lost, 'step')} of {step.label} missing in all, first "
            f"after {shown(times[gaps[0]])}"
        )
        yield (
            "gaps",
            at_row(
                table,
                int(rows[gaps[0] + 1]),
                "warning",
                text,
                "missing steps count as missing values; fill them if you know better",
            ),
        )


def _off_grid(times: np.ndarray, rows: np.ndarray, step: Frequency) -> int:
    for at in range(1, len(times)):
        if steps_between(times[at - 1 : at + 1], step) is None:
            return int(rows[at])
    return int(rows[0])


def stuck(values: np.ndarray) -> tuple[int, int, int] | None:
    """Where the longest run of one value begins, how long it is and how long all others are at most, if that is far
    longer; None if no value is kept so long.

    >>> stuck(np.array([1.0, 2.0, *[3.0] * 12, 4.0]))
    (2, 12, 1)
    """
    ends = np.flatnonzero(np.append(np.diff(values) != 0, True)) if len(values) else np.empty(0, np.int64)
    runs = np.diff(ends, prepend=-1)
    if len(runs) < _LEAST_RUNS:
        return None
    at, others = int(runs.argmax()), int(np.partition(runs, -2)[-2])
    length = int(runs[at])
    return (int(ends[at]) - length + 1, length, others) if length >= max(_LEAST_STUCK, _STUCK * others) else None


def restarted(values: np.ndarray) -> tuple[int, int] | None:
    """Where what only rises first falls, and how often it does; None for values that fall often, never or by little.

    >>> restarted(np.concatenate([np.arange(60.0), np.arange(45.0)]))
    (60, 1)
    """
    at = np.flatnonzero(~np.isnan(values))
    steps = np.diff(values[at])
    falls = np.flatnonzero(steps < 0)
    rises = int((steps > 0).sum())
    if not 0 < len(falls) <= _FALLS * len(steps) or rises < max(_LEAST_RISES, len(steps) / 2):
        return None
    between = np.diff(falls)
    if len(between) and np.ptp(between) <= _REGULAR * between.mean():
        return None
    # A counter begins anew near its beginning: it falls by most of what it had reached.
    reached = values[at][falls] - np.nanmin(values)
    return (int(at[falls[0] + 1]), len(falls)) if (-steps[falls] >= _RESTARTS * reached).all() else None


def look_at_sticking(table: Table, columns: Sequence[str], groups: Sequence[np.ndarray]) -> Iterator[Finding]:
    """Columns in which a sensor kept one value far longer than it does elsewhere, or a counter began anew.

    Args:
        table: the data.
        columns: of numbers.
        groups: the rows of each series, in the order of time.
    """
    for column in columns:
        try:
            values = table.numbers(column)
        except DataError:
            # An error of its own, which the look at values says.
            continue
        for rows in groups:
            again = restarted(values[rows])
            if again is not None:
                first, times = again
                text = (
                    f"column {column!r} rises from row to row and falls {counted(times, 'time')}, first from"
                    f" {values[rows[first - 1]]:g} to {values[rows[first]]:g}: did a counter restart?"
                )
                advice = "if so, write what is added from row to row, or the sum without the restart"
                yield at_row(table, int(rows[first]), "warning", text, advice)
                break
        for rows in groups:
            found = stuck(values[rows])
            if found is not None:
                begin, length, others = found
                text = (
                    f"column {column!r} keeps the value {values[rows[begin]]:g} for {counted(length, 'row')},"
                    f" elsewhere for {others:,} at most: did the sensor stick?"
                )
                advice = "if so, leave these cells empty: they then count as missing"
                yield at_row(table, int(rows[begin]), "warning", text, advice)
                break


def look_at_values(table: Table, columns: Sequence[str]) -> Iterator[Finding]:
    """Missing values in columns of numbers, and numbers that seem to stand for such."""
    for own in stand_ins(table):
        yield at_row(table, own.row, "warning", own.seen, own.advice)
    for column in columns:
        try:
            values = table.numbers(column)
        except DataError as error:
            yield of_error(error)
            continue
        missing = np.isnan(values)
        if missing.any():
            text = f"column {column!r}: {counted(int(missing.sum()), 'value')} missing of {len(values):,}"
            yield at_row(
                table, int(missing.argmax()), "warning", text, "fill them, or let the task say what it does with them"
            )
