"""One recording: read in bounded memory, made mono, and everything that is wrong with it.

Shapes: S samples, C channels.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unroll.data.audio.wav import LEAST_RATE, MOST_CHANNELS, MOST_RATE, BadHeader, decode_wav, read_wav_header
from unroll.data.table.kinds import Problem

if TYPE_CHECKING:
    from soundfile import SoundFile

#: What can be read, by the ends of file names; WAV here, the others with libsndfile.
SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif")
#: A recording whose loudest sample is below this is silent: the smallest step of 16 bits.
_SILENT = 1.5 / 32768
#: From this share of the loudest value on a sample stands at it, and so many in a row are clipped.
_AT_PEAK, _FLAT = 0.999, 4
#: Clipping is told of from this share of the samples on, and only where the peak is so high.
_CLIPPED, _LOUD = 0.005, 0.5
#: Frames that are decoded at a time: a block of FLAC, so that all before a damaged one is kept.
_FRAMES = 4096
#: The most bytes of a page of Ogg, twice, so that a whole one is among them.
_LARGEST_PAGE = 2 * 65_307


class Recording(NamedTuple):
    """A recording as it was read.

    Attributes:
        samples: (S,) float32, the mean of all channels; empty if it cannot be read.
        rate: samples per second; 0 if it cannot be read.
        channels: C of the file.
        problems: what is wrong with it: kinds "unreadable", "truncated", "length", "untimed", "empty", "long", "silent"
            and "clipped".
    """

    samples: np.ndarray
    rate: int
    channels: int
    problems: tuple[Problem, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate if self.rate else 0.0


def read_recording(path: Path, longest: float) -> Recording:
    """Read a sound file.

    Args:
        path: the file.
        longest: seconds; of a longer recording nothing is read, and it has the problem "long".
    """
    try:
        with path.open("rb") as file:
            head = file.read(12)
        if head[:4] in (b"RIFF", b"RF64") or not head:
            return _read_wav(path, longest)
        return _read_other(path, longest)
    except OSError as error:
        return _unreadable(error.strerror or type(error).__name__)


def _unreadable(why: str) -> Recording:
    return Recording(np.empty(0, np.float32), 0, 0, (Problem("unreadable", 1, why),))


def _read_wav(path: Path, longest: float) -> Recording:
    there = path.stat().st_size
    with path.open("rb") as file:
        try:
            form = read_wav_header(file)
        except BadHeader as error:
            return _unreadable(str(error))
        rest = there - form.start
        promised = rest if form.size is None else form.size
        problems = []
        if promised > rest:
            problems.append(
                Problem(
                    "truncated",
                    1,
                    f"the header promises {_seconds(promised, form.block, form.rate)} of sound, the file holds"
                    f" {_seconds(rest, form.block, form.rate)}: cut off, or a header that lies",
                )
            )
        elif form.size is None and rest:
            problems.append(
                Problem(
                    # As programs write it that put sound into a pipe, and no lie.
                    "untimed",
                    1,
                    f"the header does not say how long the sound is; the file holds"
                    f" {_seconds(rest, form.block, form.rate)}",
                )
            )
        elif promised < rest:
            file.seek(form.start + promised + promised % 2)
            tail = file.read(8)
            # Chunks of text and marks may follow the samples; anything else is sound that the header hides.
            if len(tail) == 8 and not tail[:4].isascii():
                problems.append(
                    Problem(
                        "length",
                        1,
                        f"the header says {_seconds(promised, form.block, form.rate)} of sound, the file holds"
                        f" {_seconds(rest, form.block, form.rate)}",
                    )
                )
        size = min(promised, rest)
        if size > longest * form.rate * form.block:
            return _too_long(size / form.block / form.rate, longest, form.rate, form.channels, problems)
        file.seek(form.start)
        samples = decode_wav(file.read(size), form)
    return _examined(samples, form.rate, problems)


def _read_other(path: Path, longest: float) -> Recording:
    import soundfile

    try:
        with soundfile.SoundFile(str(path)) as file:
            rate, channels, promised = int(file.samplerate), int(file.channels), int(file.frames)
            if not (LEAST_RATE <= rate <= MOST_RATE and 1 <= channels <= MOST_CHANNELS):
                return _unreadable(f"{rate:,} samples per second in {channels} channels")
            most = int(longest * rate)
            samples = _decoded(file, min(promised, most + 1))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        return _unreadable(f"cannot be read as sound ({str(error).splitlines()[0][-100:]})")
    if len(samples) > most:
        return _too_long(promised / rate, longest, rate, channels, [])
    problems = []
    if _open_ended(path):
        text = f"the last page of the stream is not there, the file holds {len(samples) / rate:.2f} s of sound"
        problems.append(Problem("truncated", 1, f"{text}: cut off"))
    elif len(samples) < promised:
        text = f"the header promises {promised / rate:.2f} s of sound, {len(samples) / rate:.2f} s can be decoded"
        problems.append(Problem("truncated", 1, f"{text}: cut off, damaged there, or a header that lies"))
    return _examined(np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0), rate, problems)


def _decoded(file: SoundFile, frames: int) -> np.ndarray:
    """Samples (S, C) as far as they can be decoded."""
    import soundfile

    pieces, left = [np.empty((0, file.channels), np.float32)], frames
    while left > 0:
        try:
            piece = file.read(min(_FRAMES, left), dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError):
            break
        if not len(piece):
            break
        pieces.append(piece)
        left -= len(piece)
    return np.concatenate(pieces)


def _open_ended(path: Path) -> bool:
    """Whether an Ogg stream ends before the page that says that it is the last (RFC 3533, section 6)."""
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return False
        size = file.seek(0, 2)
        file.seek(max(0, size - _LARGEST_PAGE))
        tail = file.read()
    # A page begins with its mark, a version of 0, and what kind it is: 4 is the last; behind its 27 bytes stand the
    # sizes of what it holds.
    at = len(tail)
    while (at := tail.rfind(b"OggS\0", 0, at)) >= 0:
        head = tail[at : at + 27]
        sizes = tail[at + 27 : at + 27 + head[26]] if len(head) == 27 else b""
        if len(head) == 27 and len(sizes) == head[26] and at + 27 + len(sizes) + sum(sizes) <= len(tail):
            return not head[5] & 4
    return True


def _too_long(seconds: float, longest: float, rate: int, channels: int, problems: list[Problem]) -> Recording:
    text = f"{seconds:.1f} s of sound; at most {longest:g} s are taken: cut the recording"
    return Recording(np.empty(0, np.float32), rate, channels, (*problems, Problem("long", 1, text)))


def _examined(samples_SC: np.ndarray, rate: int, problems: list[Problem]) -> Recording:
    mono = samples_SC.mean(axis=1, dtype=np.float32)
    found = [*problems, *sound_problems(mono, samples_SC)]
    return Recording(mono, rate, samples_SC.shape[1], tuple(found))


def sound_problems(mono_S: np.ndarray, samples_SC: np.ndarray) -> list[Problem]:
    """What is wrong with samples: empty, silent, clipped."""
    if not len(mono_S):
        return [Problem("empty", 1, "no samples")]
    peaks = np.abs(samples_SC).max(axis=0)
    if float(np.abs(mono_S - mono_S.mean()).max()) < _SILENT:
        return [Problem("silent", 1, f"silence: no sample of {len(mono_S):,} differs from the others")]
    share = max(
        _flat_share(np.abs(samples_SC[:, channel]) >= _AT_PEAK * peak) for channel, peak in enumerate(peaks) if peak > 0
    )
    if share > _CLIPPED and float(peaks.max()) > _LOUD:
        return [Problem("clipped", 1, f"clipped: {100 * share:.1f} % of the samples stand at the peak in a row")]
    return []


def _flat_share(at_peak_S: np.ndarray) -> float:
    """The share of samples in runs of at least so many at the peak."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], at_peak_S.astype(np.int8), [0]])))
    lengths = edges[1::2] - edges[::2]
    return float(lengths[lengths >= _FLAT].sum() / len(at_peak_S))


def _seconds(size: int, block: int, rate: int) -> str:
    return f"{size // block / rate:.2f} s"
