"""WAV headers and samples: every width against what was written and against libsndfile, and headers that are wrong."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data.audio.sounds import wav_bytes
from unroll.data.audio.wav import BadHeader, decode_wav, read_wav_header

SAMPLES = np.random.default_rng(0).uniform(-0.99, 0.99, (50, 2))


def decoded(raw: bytes) -> np.ndarray:
    stream = io.BytesIO(raw)
    form = read_wav_header(stream)
    return decode_wav(stream.read(form.size), form)


@pytest.mark.parametrize(("width", "floats"), [(1, False), (2, False), (3, False), (4, False), (4, True), (8, True)])
def test_samples_of_every_width_are_what_was_written(width: int, floats: bool) -> None:
    samples = decoded(wav_bytes(SAMPLES, 8000, width=width, floats=floats))
    step = 0.0 if floats else 2.0 ** (1 - 8 * width)
    assert samples.shape == (50, 2)
    assert samples.dtype == np.float32
    assert np.abs(samples - SAMPLES).max() <= step / 2 + 2**-24


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX", "RF64"])
def test_samples_agree_with_libsndfile(subtype: str, form: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, SAMPLES, 16000, subtype=subtype, format=form)
    expected = soundfile.read(path, dtype="float32", always_2d=True)[0]
    with path.open("rb") as file:
        header = read_wav_header(file)
        samples = decode_wav(file.read(header.size), header)
    assert (header.rate, header.channels) == (16000, 2)
    np.testing.assert_allclose(samples, expected, atol=1e-7)


def test_every_code_of_the_two_laws_agrees_with_libsndfile(tmp_path: Path) -> None:
    for coding, subtype in ((7, "ULAW"), (6, "ALAW")):
        path = tmp_path / f"{subtype}.wav"
        soundfile.write(path, np.zeros(256), 8000, subtype=subtype, format="WAV")
        raw = path.read_bytes()
        at = raw.index(b"data") + 8
        path.write_bytes(raw[:at] + bytes(range(256)) + raw[at + 256 :])
        expected = soundfile.read(path, dtype="float32")[0]
        with path.open("rb") as file:
            form = read_wav_header(file)
            assert form.coding == coding
            np.testing.assert_array_equal(decode_wav(file.read(256), form)[:, 0], expected)


def test_chunks_before_the_samples_are_skipped() -> None:
    raw = wav_bytes(SAMPLES, 8000)
    mixed = raw[:12] + b"LIST" + struct.pack("<I", 5) + b"hello\0" + raw[12:]
    np.testing.assert_array_equal(decoded(mixed), decoded(raw))


def test_an_unknown_length_is_none() -> None:
    for said in (0, 0xFFFFFFFF):
        assert read_wav_header(io.BytesIO(wav_bytes(SAMPLES, 8000, size=said))).size is None


def test_a_sample_that_is_cut_off_is_left_out() -> None:
    stream = io.BytesIO(wav_bytes(SAMPLES, 8000))
    form = read_wav_header(stream)
    assert len(decode_wav(stream.read()[:-1], form)) == 49


def test_floats_that_are_no_numbers_do_not_spoil_the_others() -> None:
    samples = SAMPLES[:, :1].copy()
    samples[3], samples[4] = np.nan, np.inf
    found = decoded(wav_bytes(samples, 8000, width=4, floats=True))
    assert found[3] == 0
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: b"", "ends before its first sample"),
        (lambda raw: raw[:30], "ends within its header"),
        (lambda raw: b"OggS" + raw[4:], "no WAV header"),
        (lambda raw: raw[:12] + raw[36:], "without a chunk 'fmt '"),
        (lambda raw: raw[:20] + struct.pack("<H", 85) + raw[22:], "coding 85"),
        (lambda raw: raw[:22] + struct.pack("<H", 0) + raw[24:], "1 to 64 channels, the header says 0"),
        (lambda raw: raw[:24] + struct.pack("<I", 3) + raw[28:], "samples per second, the header says 3"),
        (lambda raw: raw[:32] + struct.pack("<H", 7) + raw[34:], "do not fit each other"),
        (lambda raw: raw[:12] + b"junk" + struct.pack("<I", 2**31) + raw[12:], "a header chunk b'junk' of 2,147"),
    ],
)
def test_a_broken_header_is_refused(change, message: str) -> None:
    with pytest.raises(BadHeader, match=message):
        read_wav_header(io.BytesIO(change(wav_bytes(SAMPLES, 8000))))
