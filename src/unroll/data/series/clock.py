"""Whose calendar times are in: the wall clock of the data's zone, its offsets and its clock changes.

Steps of days, weeks and months, and the day and the week of the calendar, are those of the wall clock; hours and
shorter steps are equal in absolute time, so where clocks change they are counted there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unroll.data.series.frequency import FIRST, LAST, frequency_of, steps_between
from unroll.errors import ConfigError, nearest

#: How zones are called that are UTC.
_UTC = ("Z", "+00:00", "UTC")
_DAY = np.timedelta64(86_400_000_000, "us")
#: Zones that are named first where several have the same clock changes.
_KNOWN = (
    *("Europe/London", "Europe/Berlin", "Europe/Athens", "America/New_York", "America/Chicago", "America/Denver"),
    *("America/Los_Angeles", "Australia/Sydney", "Australia/Adelaide", "Pacific/Auckland", "America/Sao_Paulo"),
    *("Asia/Jerusalem", "Africa/Cairo", "America/Santiago"),
)


class Clock(NamedTuple):
    """How times are read and shown.

    Attributes:
        zone: a name such as "Europe/Berlin", an offset such as "+09:00", "Z" for UTC; None: times name no zone.
        absolute: whether times are UTC; else they are those of the wall clock.
    """

    zone: str | None = None
    absolute: bool = False

    @property
    def is_utc(self) -> bool:
        """Whether the zone is UTC by name."""
        return self.zone in _UTC

    def wall(self, times: np.ndarray) -> np.ndarray:
        """Times (T,) of a series as the wall clock shows them."""
        return to_wall(times, self.zone) if self.absolute and self.zone is not None else times

    def text(self, times: np.ndarray) -> list[str]:
        """Times (T,) of a series in ISO 8601, with the offset of their zone."""
        if times.dtype.kind != "M":
            return [str(time) for time in times.tolist()]
        wall = self.wall(times)
        shown = [str(time) for time in wall.astype("datetime64[s]")]
        if self.zone is None:
            return shown
        if self.zone == "Z" or self.zone[0] in "+-":
            return [text + self.zone for text in shown]
        instants = times if self.absolute else to_instants(times, self.zone)
        offsets = (wall - instants).astype("timedelta64[m]").astype(np.int64).tolist()
        return [text + offset_text(offset) for text, offset in zip(shown, offsets, strict=True)]


def offset_text(minutes: int) -> str:
    """Minutes east of Greenwich as "+09:00"."""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def check_zone(zone: str) -> None:
    """Raise unless this is a zone that is known.

    Raises:
        ConfigError: it is none; names the nearest.
    """
    from zoneinfo import available_timezones

    known = available_timezones()
    if zone not in known and not _is_offset(zone):
        raise ConfigError(
            f"data.zone: expected a zone such as Europe/Berlin or an offset such as +09:00, got"
            f" '{zone}'{nearest(zone, sorted(known))}"
        )


def _is_offset(zone: str) -> bool:
    sign, hours, colon, minutes = zone[:1], zone[1:3], zone[3:4], zone[4:]
    return (sign in ("+", "-") and hours.isdigit() and colon == ":" and minutes.isdigit() and len(minutes) == 2) and (
        int(hours) < 24 and int(minutes) < 60
    )


def to_wall(instants: np.ndarray, zone: str) -> np.ndarray:
    """UTC times as the wall clock of a zone shows them."""
    stamped = pa.array(instants.astype("datetime64[us]")).cast(pa.timestamp("us", "UTC" if zone == "Z" else zone))
    return np.asarray(pc.local_timestamp(stamped).to_numpy(zero_copy_only=False), dtype="datetime64[us]")


def to_instants(wall: np.ndarray, zone: str, *, later: np.ndarray | None = None) -> np.ndarray:
    """Times of a zone's wall clock as UTC. An hour that the clock skips is read as the moment of the change.

    Args:
        wall: (T,).
        zone: its name or offset.
        later: (T,) bool: which of the times that the clock shows twice are the second ones; None: none.
    """
    stamps = pa.array(wall.astype("datetime64[us]"))
    name = "UTC" if zone == "Z" else zone
    if name[0] in "+-":
        sign = -1 if name[0] == "-" else 1
        minutes = sign * (60 * int(name[1:3]) + int(name[4:6]))
        return wall.astype("datetime64[us]") - np.timedelta64(minutes, "m")

    def read(ambiguous: str) -> np.ndarray:
        placed = pc.assume_timezone(stamps, name, ambiguous=ambiguous, nonexistent="latest")
        return np.asarray(placed.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False), dtype="datetime64[us]")

    first = read("earliest")
    return first if later is None else np.where(later, read("latest"), first)


def known_zones() -> list[str]:
    """The names of zones, the best known first, without those that are offsets or names of old."""
    from zoneinfo import available_timezones

    zones = [*_KNOWN, *sorted(available_timezones() - set(_KNOWN))]
    return [zone for zone in zones if "/" in zone and not zone.startswith(("Etc/", "posix", "right", "SystemV"))]


def zones_of(instants: np.ndarray, offsets: np.ndarray) -> list[str]:
    """The zones whose clocks have these offsets at these times, the best known first.

    Args:
        instants: (T,) UTC, rising.
        offsets: (T,) minutes.
    """
    at = np.flatnonzero(np.diff(offsets))
    # Where it changes and at the ends, which is where zones differ; a few in between for the rest of them.
    looked = np.unique(np.concatenate([at, at + 1, np.linspace(0, len(offsets) - 1, 24).astype(np.int64)]))
    moments, wanted = instants[looked], offsets[looked]
    return [zone for zone in known_zones() if _fits(zone, moments, wanted)]


def _fits(zone: str, instants: np.ndarray, offsets: np.ndarray) -> bool:
    try:
        wall = to_wall(instants, zone)
    except pa.ArrowException:
        return False
    return bool(((wall - instants).astype("timedelta64[m]").astype(np.int64) == offsets).all())


def in_calendar(
    times: np.ndarray, offsets: np.ndarray | None, *, zone: str | None, likely: str | None
) -> tuple[np.ndarray, Clock]:
    """The times of one series on the axis on which its steps are equal, and how they are shown.

    Args:
        times: (T,) datetime64[us] in the order of the file: UTC where the text names an offset, else the wall clock's.
        offsets: (T,) minutes, where the text names them.
        zone: whose calendar they shall be in; None: that of the offsets.
        likely: a zone that is taken where offsets fit it, or where there are none.

    Returns:
        (T,) times and their clock.
    """
    if offsets is None:
        zone = zone or (likely if likely is not None and "/" in likely else None)
        if zone is None:
            return times, Clock()
        return _by_length(to_instants(times, zone, later=_second(times)), zone)
    if zone is not None:
        return _by_length(times, zone)
    order = np.argsort(times, kind="stable")
    if likely is not None and "/" in likely and _fits(likely, times, offsets):
        return _by_length(times, likely)
    if len(np.unique(offsets)) == 1:
        own = int(offsets[0]) if len(offsets) else 0
        return times + np.timedelta64(own, "m"), Clock(offset_text(own))
    zones = zones_of(times[order], offsets[order])
    return _by_length(times, zones[0] if zones else offset_text(int(offsets[order[-1]])))


def _second(wall: np.ndarray) -> np.ndarray:
    """(T,) bool: times that have stood before, as the hour does that is shown twice when clocks go back."""
    _, first = np.unique(wall, return_index=True)
    again = np.ones(len(wall), dtype=bool)
    again[first] = False
    return again


def _by_length(instants: np.ndarray, zone: str) -> tuple[np.ndarray, Clock]:
    """By the wall clock for steps of days and longer, else absolute."""
    wall = to_wall(instants, zone)
    if zone == "Z" or zone[0] in "+-":
        return wall, Clock(zone)
    rising = np.sort(wall)
    step = frequency_of(rising)
    whole = step is not None and (
        step.unit in ("month", FIRST, LAST, "business day") or step.size * np.timedelta64(1, "us") >= _DAY
    )
    if whole and step is not None and steps_between(rising, step) is not None:
        return wall, Clock(zone)
    return instants, Clock(zone, absolute=True)
