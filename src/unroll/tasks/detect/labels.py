"""Where anomalies are: windows of the Numenta anomaly benchmark's JSON, or columns of 0 and 1 as in SKAB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unroll.bundle.files import decode_json, read_bounded
from unroll.errors import BundleError, DataError
from unroll.tasks.detect.columns import Columns, Stream, changes

#: Bytes of a file of windows that are read at most.
_LIMIT = 16 * 2**20

#: Of the records of a series, the share that windows around points make up together, as in the benchmark (Lavin, Ahmad
#: 2015, section III A).
_SHARE = 0.1

#: First and last record of a window.
Window = tuple[int, int]


def read_windows(path: Path | str) -> dict[str, list[Any]]:
    """The windows of a JSON file: name of a series -> pairs of times, or single times.

    Raises:
        DataError: the file is missing, or holds something else.
    """
    path = Path(path)
    try:
        given = decode_json(read_bounded(path, _LIMIT), path)
    except (BundleError, OSError) as error:
        raise DataError(f"cannot read the windows: {error}", path) from None
    if not isinstance(given, dict) or not all(isinstance(entry, list) for entry in given.values()):
        raise DataError("expected a JSON object with a list of windows for each series", path)
    return given


def windows_of(
    stream: Stream, columns: Columns, given: Mapping[str, Sequence[Any]] | None, path: Path | str | None
) -> list[Window] | None:
    """The windows of a stream, in order and apart; None where nothing says whether it has any.

    Args:
        stream: the records.
        columns: which of its label columns mark changes.
        given: what `read_windows` gave, if there is such a file.
        path: that file, for errors.

    Raises:
        DataError: a window is no pair of times of the series.
    """
    if given is not None:
        name = _entry(stream.name, given)
        if name is None:
            return None
        return _from_times(stream, given[name], Path(str(path)), name)
    if not columns.labels:
        return None
    stretches = [place for place, is_change in enumerate(changes(columns)) if not is_change]
    if stretches:
        return _runs(np.asarray(stream.labels[:, stretches].any(axis=1)))
    return _around(np.flatnonzero(stream.labels.any(axis=1)), len(stream.values))


def _entry(name: str, given: Mapping[str, Any]) -> str | None:
    """The entry for a stream: of its own name, or the only one whose last part is that of its file."""
    if name in given:
        return name
    last = name.rpartition("/")[2]
    found = [key for key in given if key.rpartition("/")[2] == last]
    return found[0] if len(found) == 1 else None


def _from_times(stream: Stream, entries: Sequence[Any], path: Path, name: str) -> list[Window]:
    if stream.times is None:
        raise DataError(f"'{name}' has windows in time, and the records no time; name the column with --time", path)
    windows: list[Window] = []
    points: list[int] = []
    for entry in entries:
        pair = entry if isinstance(entry, list) else [entry, entry]
        if len(pair) != 2:
            raise DataError(f"'{name}': expected the first and the last time of a window, got {entry!r}", path)
        places = [_place(stream.times, moment, path, name) for moment in pair]
        if places[0] > places[1]:
            raise DataError(f"'{name}': a window must not end before it begins, got {entry!r}", path)
        if isinstance(entry, list):
            windows.append((places[0], places[1]))
        else:
            points.append(places[0])
    windows += _around(np.array(points, np.int64), len(stream.times))
    return _apart(windows)


def _place(times: np.ndarray, moment: Any, path: Path, name: str) -> int:
    """The first record at this time, or the last one before it."""
    wanted: Any
    if times.dtype.kind == "M":
        try:
            wanted = np.datetime64(str(moment).strip().replace(" ", "T"), "us")
        except ValueError:
            raise DataError(f"'{name}': expected a time such as 2014-07-01 00:30:00, got {moment!r}", path) from None
    elif isinstance(moment, int | float) and not isinstance(moment, bool):
        wanted = np.float64(moment)
    else:
        raise DataError(f"'{name}': expected a number, as the times of the series are, got {moment!r}", path)
    same = np.flatnonzero(times == wanted)
    if len(same):
        return int(same[0])
    if not times.min() <= wanted <= times.max():
        raise DataError(f"'{name}': the time {moment} of a window lies outside the series", path)
    return int(np.flatnonzero(times <= wanted)[-1])


def _runs(flags: np.ndarray) -> list[Window]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(first), int(end) - 1) for first, end in zip(edges[::2], edges[1::2], strict=True)]


def _around(points: np.ndarray, length: int) -> list[Window]:
    """A window around every point, all together a tenth of the series."""
    if not len(points):
        return []
    half = max(1, int(_SHARE * length / len(points) / 2))
    return _apart([(max(0, int(at) - half), min(length - 1, int(at) + half)) for at in points])


def _apart(windows: list[Window]) -> list[Window]:
    """Windows in order, those that overlap joined."""
    joined: list[Window] = []
    for first, last in sorted(windows):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined
