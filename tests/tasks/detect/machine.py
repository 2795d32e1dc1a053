"""A machine's temperature and load, with a day's rhythm, a few faults, and where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

#: First and last record of each fault.
FAULTS = ((700, 719), (1000, 1009))
RECORDS = 1200


def values(seed: int = 0, records: int = RECORDS) -> np.ndarray:
    """(records, 2) temperature and load."""
    t = np.arange(records)
    noise = np.random.default_rng(seed).normal(size=(records, 2))
    found = np.stack([20 + 2 * np.sin(t / 23), 50 + 9 * np.cos(t / 23)], axis=1) + noise * [0.1, 0.5]
    for first, last in FAULTS:
        found[first : last + 1, 0] += 6.0
    return np.round(found, 3)


def times(records: int = RECORDS) -> list[str]:
    """A record every ten minutes."""
    moments = np.datetime64("2024-03-01T00:00:00") + np.arange(records) * np.timedelta64(600, "s")
    return [str(moment).replace("T", " ") for moment in moments]


def lines(seed: int = 0, records: int = RECORDS, labels: bool = True) -> list[str]:
    """A CSV file, header first."""
    flags = np.zeros(records, int)
    for first, last in FAULTS:
        flags[first : last + 1] = 1
    rows = zip(times(records), values(seed, records).tolist(), flags.tolist(), strict=True)
    body = [f"{time},{a},{b},{flag}" if labels else f"{time},{a},{b}" for time, (a, b), flag in rows]
    return ["when,temperature,load" + (",anomaly" if labels else ""), *body]


def write(path: Path, rows: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
