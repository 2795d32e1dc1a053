"""Which columns of a table hold recordings and transcripts, and where a recording is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unroll.bundle import DataConfig
from unroll.data import Kind, Table
from unroll.data.audio.recording import Recording, read_recording, sound_problems
from unroll.data.audio.wav import LEAST_RATE, MOST_RATE
from unroll.data.readers.sound import is_sound, sound_path
from unroll.data.table.kinds import Problem
from unroll.errors import DataError

#: Names of the columns of transcripts and of sample rates, most usual first.
_TEXTS = (
    *("text", "transcript", "transcription", "sentence", "normalized_text", "label", "word", "words", "wrd", "txt"),
    *("phonemes", "phoneme", "phones", "phn"),
)
_RATES = ("rate", "sample_rate", "sampling_rate", "samplerate")
_SAMPLES = ("audio", "samples", "sound", "signal", "waveform")
#: Rows by which recordings are recognised.
_LOOKED_AT = 20


class Columns(NamedTuple):
    """The columns of a table.

    Attributes:
        audio: paths of recordings, or their samples.
        text: transcripts.
        rate: samples per second, where `audio` holds samples.
    """

    audio: str
    text: str
    rate: str | None


def find_columns(table: Table, data: DataConfig) -> Columns | None:
    """The columns of recordings and transcripts: those that were named, or those that look like it; None if there are
    none."""
    audio = data.inputs[0] if data.inputs else next((c for c in table.columns if _holds_sound(table, c)), None)
    if audio is None or audio not in table.kinds or not _holds_sound(table, audio):
        return None
    rate = None
    if table.kinds[audio] is Kind.SERIES:
        rate = next((name for name in _RATES if name in table.columns), None)
        if rate is None:
            return None
    others = [name for name in table.columns if name not in (audio, rate) and not _holds_sound(table, name)]
    texts = [name for name in others if table.kinds[name] is not Kind.SERIES and name != data.split_column]
    text = data.target or next((name for name in _TEXTS if name in texts), texts[0] if len(texts) == 1 else None)
    return None if text is None or text not in texts else Columns(audio, text, rate)


def _holds_sound(table: Table, column: str) -> bool:
    kind = table.kinds[column]
    if kind is Kind.SERIES:
        return column.lower() in _SAMPLES and table.details(column).channels == 1
    if kind is not Kind.TEXT:
        return False
    cells = table.texts(column, np.arange(min(len(table), _LOOKED_AT)))
    return len(cells) > 0 and all(map(is_sound, cells))


def recording_of_row(table: Table, columns: Columns, row: int, longest: float) -> Recording:
    """The recording of a row."""
    if columns.rate is not None:
        rate = float(table.numbers(columns.rate, np.array([row]))[0])
        return from_samples(table.series(columns.audio, row), rate, longest)
    cell = table.texts(columns.audio, np.array([row]))[0]
    return read_recording(sound_path(cell, table.place(row)[0].parent), longest)


def recording_name(table: Table, columns: Columns, row: int) -> str:
    """What a row's recording is called in a report."""
    if columns.rate is not None:
        return f"row {row + 1}"
    return Path(table.texts(columns.audio, np.array([row]))[0]).name


def from_samples(samples: np.ndarray, rate: float, longest: float) -> Recording:
    """A recording that is in memory: (S,) or (S, C), floats between -1 and 1 or integers of their whole range.

    It has the problem "unreadable" if it is none.
    """
    given = np.asarray(samples)

    def refuse(why: str) -> Recording:
        return Recording(np.empty(0, np.float32), 0, 0, (Problem("unreadable", 1, why),))

    if not (LEAST_RATE <= rate <= MOST_RATE and rate == int(rate)):
        return refuse(f"expected {LEAST_RATE:,} to {MOST_RATE:,} samples per second, got {rate:g}")
    if given.ndim not in (1, 2) or given.dtype.kind not in "iuf" or (given.ndim == 2 and given.shape[1] > 64):
        return refuse(f"expected samples (S,) or (S, C), got an array {given.shape} of {given.dtype}")
    if len(given) > longest * rate:
        text = f"{len(given) / rate:.1f} s of sound; at most {longest:g} s are taken: cut the recording"
        return Recording(np.empty(0, np.float32), int(rate), 1, (Problem("long", 1, text),))
    wide = (given[:, None] if given.ndim == 1 else given).astype(np.float64)
    if given.dtype.kind in "iu":
        half = 2.0 ** (8 * given.dtype.itemsize - 1)
        wide = wide / half - (given.dtype.kind == "u")
    elif wide.size and not np.isfinite(wide).all():
        return refuse("samples that are no finite numbers")
    elif wide.size and np.abs(wide).max() > 8:
        return refuse(f"floats must lie between -1 and 1, got {np.abs(wide).max():g}; divide 16-bit samples by 32768")
    narrow = wide.astype(np.float32)
    mono = narrow.mean(axis=1, dtype=np.float32) if narrow.shape[1] else np.empty(0, np.float32)
    return Recording(mono, int(rate), narrow.shape[1], tuple(sound_problems(mono, narrow)))


def recording_of_record(record: str | Mapping[str, Any], audio: str, rate: str | None, longest: float) -> Recording:
    """The recording of something to predict for: a path, or a mapping with a path, or with samples and their rate.

    Raises:
        DataError: it names no recording.
    """
    if isinstance(record, str):
        return read_recording(Path(record), longest)
    value = record.get(audio, record.get("audio"))
    if isinstance(value, str | Path):
        return read_recording(Path(value), longest)
    given = next((record[name] for name in (rate, *_RATES) if name is not None and name in record), None)
    if value is None or given is None:
        raise DataError(
            f"a record needs '{audio}', the path of a recording, or samples as '{audio}' and their number per second as"
            f" 'rate'; got {', '.join(map(str, record))}"
        )
    return from_samples(np.asarray(value), float(given), longest)
