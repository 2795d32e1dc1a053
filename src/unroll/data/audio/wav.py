"""The header and the samples of WAV, from a file or from a pipe that cannot be wound back.

Source: Microsoft 1991, "Multimedia Programming Interface and Data Specifications 1.0", chapter "Waveform Audio File
Format"; WAVE_FORMAT_EXTENSIBLE: Microsoft 2007, "Multiple Channel Audio Data and WAVE Files"; RF64: EBU Tech 3306;
mu-law and A-law: ITU-T G.711.

Shapes: S samples, C channels.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

import numpy as np

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
#: What programs write that do not know yet how long a recording will be.
_UNKNOWN = (0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFFFFF - 44, 0xFFFFFFFF - 44)
#: Chunks before the samples are skipped up to so many bytes: names and pictures, but no endless header.
_MOST_HEADER = 64 * 2**20
_BLOCK = 2**16
#: Bounds of what a header may claim; more is a broken header, not a recording.
MOST_CHANNELS, LEAST_RATE, MOST_RATE = 64, 1_000, 768_000


class BadHeader(ValueError):
    """The bytes are not the header of a WAV that can be read; the text says why."""


class WavFormat(NamedTuple):
    """How samples stand in a WAV.

    Attributes:
        coding: 1 integers, 3 floats, 6 A-law, 7 mu-law.
        channels: C.
        rate: samples per second of each channel.
        width: bytes of one sample.
        size: bytes of samples that the header promises; None if it says that it does not know.
        start: where they begin in the file.
    """

    coding: int
    channels: int
    rate: int
    width: int
    size: int | None
    start: int

    @property
    def block(self) -> int:
        """Bytes of one sample of all channels."""
        return self.width * self.channels


def read_wav_header(stream: BinaryIO) -> WavFormat:
    """Read up to the first sample.

    Args:
        stream: stands at the first byte, and behind the header afterwards.

    Raises:
        BadHeader: it is no WAV, is cut off, or holds what cannot be read; the text says what.
    """
    head = _exactly(stream, 12)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        raise BadHeader("no WAV header ('RIFF....WAVE') at the start")
    read, form, long_size = 12, None, None
    while True:
        name, size = struct.unpack("<4sI", _exactly(stream, 8))
        read += 8
        if name == b"data":
            break
        if read + size > _MOST_HEADER:
            raise BadHeader(f"a header chunk {name!r} of {size:,} bytes before the samples")
        wanted = min(size, 64) if name in (b"fmt ", b"ds64") else 0
        body = _exactly(stream, wanted)
        _skip(stream, size + size % 2 - wanted)
        read += size + size % 2
        if name == b"fmt ":
            form = _format(body)
        elif name == b"ds64" and len(body) >= 16:
            long_size = struct.unpack("<Q", body[8:16])[0]
    if form is None:
        raise BadHeader("samples without a chunk 'fmt ' before them that says what they are")
    known: int | None = None if size in _UNKNOWN else size
    if long_size is not None and size == 0xFFFFFFFF:
        known = long_size
    return form._replace(size=known, start=read)


def _format(body: bytes) -> WavFormat:
    if len(body) < 16:
        raise BadHeader(f"a chunk 'fmt ' of {len(body)} bytes; expected at least 16")
    coding, channels, rate, _, block, bits = struct.unpack("<HHIIHH", body[:16])
    if coding == _EXTENSIBLE and len(body) >= 26:
        coding = struct.unpack("<H", body[24:26])[0]
    if not 1 <= channels <= MOST_CHANNELS:
        raise BadHeader(f"expected 1 to {MOST_CHANNELS} channels, the header says {channels}")
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise BadHeader(f"expected {LEAST_RATE:,} to {MOST_RATE:,} samples per second, the header says {rate:,}")
    width = block // channels
    allowed = {_PCM: (1, 2, 3, 4), _FLOAT: (4, 8), _ALAW: (1,), _MULAW: (1,)}
    if coding not in allowed:
        raise BadHeader(f"coding {coding}; can be read: integers (1), floats (3), A-law (6), mu-law (7)")
    if width not in allowed[coding] or block != width * channels or not 0 < bits <= 8 * width:
        raise BadHeader(f"{bits} bits in {block} bytes for {channels} channels do not fit each other")
    return WavFormat(coding, channels, rate, width, None, 0)


def decode_wav(raw: bytes, form: WavFormat) -> np.ndarray:
    """Samples as numbers between -1 and 1, (S, C) float32; bytes of an unfinished sample at the end are left out.

    Integers of n bits are divided by 2^(n-1); those of 8 bits are unsigned with their zero at 128.
    """
    count = len(raw) // form.block
    raw = raw[: count * form.block]
    if form.coding == _FLOAT:
        wide = np.frombuffer(raw, "<f4" if form.width == 4 else "<f8")
        # What is no number, or out of all bounds, would spoil every feature of its frame.
        samples = np.nan_to_num(np.clip(wide, -8.0, 8.0), nan=0.0)
    elif form.coding in (_ALAW, _MULAW):
        samples = (_MULAW_TABLE if form.coding == _MULAW else _ALAW_TABLE)[np.frombuffer(raw, np.uint8)]
    elif form.width == 1:
        samples = (np.frombuffer(raw, np.uint8).astype(np.float64) - 128.0) / 128.0
    elif form.width == 3:
        parts = np.frombuffer(raw, np.uint8).reshape(-1, 3).astype(np.int32)
        whole = (parts[:, 0] << 8) | (parts[:, 1] << 16) | (parts[:, 2] << 24)
        samples = whole / 2.0**31
    else:
        samples = np.frombuffer(raw, f"<i{form.width}") / 2.0 ** (8 * form.width - 1)
    return np.asarray(samples.astype(np.float32).reshape(count, form.channels))


def _mulaw_table() -> np.ndarray:
    code = ~np.arange(256, dtype=np.int64) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.asarray(np.where(code & 0x80, -magnitude, magnitude) / 32768.0)


def _alaw_table() -> np.ndarray:
    code = np.arange(256, dtype=np.int64) ^ 0x55
    part, step = (code & 0x70) >> 4, (code & 0x0F) << 4
    magnitude = np.where(part == 0, step + 8, (step + 0x108) << np.maximum(part - 1, 0))
    return np.asarray(np.where(code & 0x80, magnitude, -magnitude) / 32768.0)


_MULAW_TABLE, _ALAW_TABLE = _mulaw_table(), _alaw_table()


def _exactly(stream: BinaryIO, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = stream.read(count - len(found))
        if not more:
            raise BadHeader("the file ends within its header" if found else "the file ends before its first sample")
        found += more
    return found


def _skip(stream: BinaryIO, count: int) -> None:
    while count > 0:
        count -= len(_exactly(stream, min(count, _BLOCK)))
