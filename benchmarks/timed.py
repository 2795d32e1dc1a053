"""The record of a timing: what it says beside its figures, and the file it stands in."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from unroll.bench.run import machine
from unroll.errors import DISTRIBUTION


def stamp(packages: Sequence[str]) -> dict[str, Any]:
    """Date, machine, and the versions of unroll and of the others that were timed."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "versions": {"unroll": version(DISTRIBUTION), **{name: version(name) for name in packages}},
    }


def file_of(record: dict[str, Any], folder: Path) -> Path:
    """The file of a record: one for each processor and day."""
    cpu = re.sub(r"[^A-Za-z0-9]+", "-", record["machine"]["cpu"]).strip("-").lower()
    return folder / f"{cpu}_{record['date']}.json"
