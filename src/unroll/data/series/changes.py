"""Clock changes in times that name no zone: an hour that stands twice in autumn, and one that lacks in spring."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa

from unroll.data.series.clock import known_zones, to_instants, to_wall

_HOUR = np.timedelta64(1, "h")
#: Times that are looked at, zones that are named, and steps that tell what is usual.
_LOOKED_AT, _NAMED, _LEAST = 12, 3, 8
_DAY = np.timedelta64(1, "D")


def zone_advice(times: np.ndarray) -> str | None:
    """What to do about times that stand twice or lack where the clocks of some zones change; None where no zone's do.

    Args:
        times: (T,) datetime64[us] of one series, rising, of a wall clock without a zone; some may stand twice.

    >>> hours = np.datetime64("2023-03-26", "h") + np.array([0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    >>> zone_advice(hours.astype("datetime64[us]"))[:74]
    'clocks that are put forward skip an hour, and those of Europe/Berlin and o'
    """
    twice = times[1:][times[1:] == times[:-1]]
    skipped = _skipped(np.unique(times))
    if len(twice) == 0 and len(skipped) == 0:
        return None
    zones = _zones(_seconds(twice), _seconds(skipped))
    if not zones:
        return None
    # Zones of the same part of the world are likelier to be meant than those of an island elsewhere.
    part = zones[0].partition("/")[0]
    near = sorted(zones[1:], key=lambda zone: zone.partition("/")[0] != part)[: _NAMED - 1]
    others = f" and others such as {', '.join(near)}" if near else ""
    what = "go back show an hour twice" if len(twice) else "are put forward skip an hour"
    return (
        f"clocks that {what}, and those of {zones[0]}{others} do so then: name the zone with --set data.zone={zones[0]}"
    )


def days_advice(times: np.ndarray) -> str | None:
    """What to do about days of 23 and 25 hours in UTC: the zones in which each begins at midnight.

    Args:
        times: (T,) datetime64[us] of one series in UTC, rising.

    >>> days = np.array(["2024-03-29T23", "2024-03-30T23", "2024-03-31T22", "2024-04-01T22"], "datetime64[us]")
    >>> days_advice(days)
    'these are days of Europe/Berlin and others: name the zone with --set data.zone=Europe/Berlin'
    """
    steps = np.diff(times)
    odd = np.flatnonzero(np.abs(steps - _DAY) == _HOUR)
    if len(odd) == 0 or 2 * (steps == _DAY).sum() < len(steps):
        return None
    looked = times[np.unique(np.concatenate([[0, len(times) - 1], odd, odd + 1]))]
    zones = [zone for zone in known_zones() if _are_midnights(zone, looked)]
    if not zones:
        return None
    others = " and others" if len(zones) > 1 else ""
    return f"these are days of {zones[0]}{others}: name the zone with --set data.zone={zones[0]}"


def lengths_advice(days: np.ndarray, hours: Sequence[int]) -> str | None:
    """What to do about days of 23 and 25 hours: the zones in which they have so many.

    Args:
        days: (D,) datetime64[D].
        hours: of each.

    >>> lengths_advice(np.array(["2024-10-27", "2024-03-31"], "datetime64[D]"), [25, 23])
    'name the zone with --set data.zone=Europe/London (or Europe/Berlin or another in which they are so long)'
    """
    zones = itertools.islice((zone for zone in known_zones() if _are_so_long(zone, days, hours)), 2)
    first, second = next(zones, None), next(zones, None)
    if first is None:
        return None
    others = f" (or {second} or another in which they are so long)" if second is not None else ""
    return f"name the zone with --set data.zone={first}{others}"


def _are_so_long(zone: str, days: np.ndarray, hours: Sequence[int]) -> bool:
    try:
        begins, ends = (to_instants(own.astype("datetime64[us]"), zone) for own in (days, days + 1))
    except pa.ArrowException:
        return False
    return bool(((ends - begins) // _HOUR == np.array(hours)).all())


def _are_midnights(zone: str, instants: np.ndarray) -> bool:
    """Whether days of a zone begin at all of these."""
    try:
        wall = to_wall(instants, zone)
    except pa.ArrowException:
        return False
    return bool((wall == wall.astype("datetime64[D]")).all())


def _skipped(times: np.ndarray) -> np.ndarray:
    """The first of the times that lack where just an hour does."""
    if len(times) < _LEAST:
        return times[:0]
    steps = np.diff(times)
    values, counts = np.unique(steps, return_counts=True)
    usual = values[counts.argmax()]
    if usual > _HOUR:
        return times[:0]
    found: np.ndarray = times[:-1][steps == usual + _HOUR] + usual
    return found


def _seconds(times: np.ndarray) -> tuple[int, ...]:
    return tuple(np.unique(times.astype("datetime64[s]").astype(np.int64))[:_LOOKED_AT].tolist())


@lru_cache(maxsize=64)
def _zones(twice: Sequence[int], skipped: Sequence[int]) -> tuple[str, ...]:
    """The zones whose clocks show all the former twice, and skip the latter if any does that, too."""
    fitting = [zone for zone in known_zones() if _changes(zone, twice, again=True)]
    both = [zone for zone in fitting if skipped and _changes(zone, skipped, again=False)]
    return tuple(both or (fitting if twice else ()))


def _changes(zone: str, moments: Sequence[int], *, again: bool) -> bool:
    from zoneinfo import ZoneInfo

    clock = ZoneInfo(zone)
    for moment in moments:
        wall = datetime.datetime(1970, 1, 1, tzinfo=clock) + datetime.timedelta(seconds=moment)
        first, second = wall.replace(fold=0).utcoffset(), wall.replace(fold=1).utcoffset()
        if first is None or second is None or first == second or (first > second) is not again:
            return False
    return True
