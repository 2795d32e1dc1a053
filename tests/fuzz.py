"""Damaged inputs of every kind: whatever is broken in a file or a run folder, only unroll's own errors leave.

    python tests/fuzz.py                 10,000 inputs, some minutes
    python tests/fuzz.py 500 --seed 7    fewer, and others

An input that fails is kept in a folder that is printed, and shown with its error. Exit code 1 if there is one.
"""

from __future__ import annotations

import argparse
import gzip
import io
import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))

from data.readers.recognised import FILES
from data.readers.recognised_foreign import FOREIGN
from data.readers.recognised_own import OWN
from data.readers.recognised_series import SERIES
from data.readers.recognised_talks import TALKS
from data.readers.recognised_texts import TEXTS
from unroll.bundle import DataConfig, RunFolder
from unroll.data import Kind, Table, examine
from unroll.errors import UnrollError
from unroll.tasks import TASKS
from unroll.tasks.pipeline import open_table, with_parts
from unroll.tasks.recognition import recognise, task_named

RUNS = Path(__file__).parent / "tasks" / "old_runs"
#: One input in so many is a run folder: to load one takes longer than to read a file.
_RUN_EVERY = 20
#: What breaks parsers more often than chance would.
_PIECES = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"\r", b"\n\n\n", b",,,,", b"{", b"[" * 50, b"1e999", b"NaN", b"-",
    b"\t", b"\xed\xa0\x80", b"9" * 400, b"\x1f", b":", b"@data", b"null", b"\\ud800", b"\xc2\xa0", b"O",
    b"1:1", b"__label__",
)  # fmt: skip


class Failure(NamedTuple):
    """An input from which another error left."""

    name: str
    data: bytes
    error: str


def whole_files() -> dict[str, bytes]:
    """Undamaged files of every kind, by name."""
    found = {file.name: file.text.encode() for file in (*FILES, *SERIES, *TEXTS, *FOREIGN, *TALKS, *OWN)}
    table = pa.table({"text": ["a b", "c d"] * 20, "label": [0, 1] * 20, "x": [[1.0, 2.0]] * 40, "when": ["2024"] * 40})
    names = b'{"features": {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}}'
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({b"huggingface": names}), sink)
    found["rows.parquet"] = sink.getvalue()
    found["series.ts"] = b"@problemName T\n@classLabel true a b\n@data\n" + b"1,2,?:4,5,6:a\n7:8:b\n" * 20
    found["splits.json"] = b'{"train": [{"text": "a", "y": 1}, {"text": "b", "y": 0}], "test": [{"text": "c", "y": 1}]}'
    found["labels.json"] = b'{"joy": ["a b", "c"], "fear": ["d", "e f"]}'
    found["wide.utf16.csv"] = found["reviews.csv"].decode().encode("utf-16")
    for name in ("reviews.csv", "rows.parquet", "names.jsonl"):
        found[f"{name}.gz"] = gzip.compress(found[name], mtime=0)
    return found


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The data with one to four kinds of damage."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice((1, 2, 8, 64, 1024)))
        how = chance.randrange(6)
        if how == 0 and data:
            at = min(at, len(data) - 1)
            data = data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
        elif how == 1:
            data = data[:at] + data[end:]
        elif how == 2:
            data = data[:at]
        elif how == 3:
            data = data[:at] + chance.choice(_PIECES) + data[at:]
        elif how == 4:
            data = data[:at] + chance.randbytes(end - at) + data[end:]
        else:
            data = data[:end] + data[at:end] * chance.choice((1, 3)) + data[end:]
    return data


def use(table: Table, data: DataConfig) -> None:
    """What the tasks and the doctor do with a table."""
    task, guess = recognise(table, data, TASKS, None)
    list(task.findings(table, guess.data))
    filled = guess.data
    examine(table, target=filled.target, inputs=filled.inputs, time=filled.time, series=filled.series)
    for name, kind in table.kinds.items():
        if kind is Kind.SERIES:
            table.series(name, len(table) - 1)
        elif kind in (Kind.TIME, Kind.NUMBER):
            (table.times if kind is Kind.TIME else table.numbers)(name)


def try_file(name: str, data: bytes, folder: Path) -> str | None:
    """The error that left, if it is none of unroll's."""
    path = folder / name
    path.write_bytes(data)
    try:
        config = DataConfig(path=str(path))
        use(with_parts(open_table(config, folder / "store"), config), config)
    except UnrollError:
        return None
    except Exception:
        return traceback.format_exc()
    return None


def try_run(run: Path, name: str, data: bytes, folder: Path) -> str | None:
    """The same for a run folder one of whose files is damaged."""
    copy = folder / "run"
    shutil.copytree(run, copy)
    (copy / name).write_bytes(data)
    try:
        opened = RunFolder.open(copy)
        predictor = task_named(opened.config.task, TASKS).load(opened)
        list(predictor.predict(["a b 1 2 3"]))
    except UnrollError:
        return None
    except Exception:
        return traceback.format_exc()
    return None


def failures(count: int, seed: int, *, seconds: float = float("inf")) -> Iterator[Failure]:
    """Try so many damaged inputs, or as many as there is time for; yield those from which another error left."""
    chance = random.Random(seed)
    files = sorted(whole_files().items())
    runs = [path for path in sorted(RUNS.glob("*/run/*")) if path.is_file()]
    end = time.monotonic() + seconds
    for number in range(count):
        if time.monotonic() > end:
            return
        with tempfile.TemporaryDirectory(prefix="unroll-fuzz-") as place, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if number % _RUN_EVERY == 0:
                path = chance.choice(runs)
                data = damaged(path.read_bytes(), chance)
                name, error = str(path.relative_to(RUNS)), try_run(path.parent, path.name, data, Path(place))
            else:
                name, whole = chance.choice(files)
                data = damaged(whole, chance)
                error = try_file(name, data, Path(place))
        if error is not None:
            yield Failure(name, data, error)


def main() -> int:
    """Try, print, and keep what fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    given = parser.parse_args()
    started = time.monotonic()
    bad = 0
    for failure in failures(given.count, given.seed, seconds=given.seconds):
        bad += 1
        kept = Path(tempfile.mkdtemp(prefix="unroll-fuzz-kept-")) / Path(failure.name).name
        kept.write_bytes(failure.data)
        print(f"{failure.name}: kept as {kept}\n{failure.error}", flush=True)
    print(f"{given.count} inputs, seed {given.seed}: {bad} failed; {time.monotonic() - started:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
