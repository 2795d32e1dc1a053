"""Recordings: what is wrong with one, and how it is read all the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from data.audio.sounds import spoken, wav_bytes, write_wav
from unroll.data.audio.recording import read_recording

SOUND = spoken("abc")


def kinds(path: Path, longest: float = 10.0) -> list[str]:
    return [problem.kind for problem in read_recording(path, longest).problems]


def test_nothing_is_wrong_with_a_good_one(tmp_path: Path) -> None:
    recording = read_recording(write_wav(tmp_path / "a.wav", SOUND), 10)
    assert recording.problems == ()
    assert recording.rate == 8000
    np.testing.assert_allclose(recording.samples, SOUND, atol=2**-15)


@pytest.mark.parametrize("form", ["flac", "ogg", "wav"])
def test_several_channels_become_their_mean(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{form}"
    soundfile.write(path, np.stack([SOUND, np.zeros_like(SOUND)], axis=1), 16000)
    recording = read_recording(path, 10)
    assert (recording.rate, recording.channels, recording.problems) == (16000, 2, ())
    assert np.corrcoef(recording.samples, SOUND)[0, 1] > 0.99
    assert np.abs(recording.samples).max() == pytest.approx(np.abs(SOUND).max() / 2, rel=0.1)


def test_every_fault_is_found(tmp_path: Path) -> None:
    raw = wav_bytes(SOUND, 8000)
    cases = {
        "missing.wav": (None, ["unreadable"]),
        "text.wav": (b"this is no sound at all, is it?", ["unreadable"]),
        "nothing.wav": (b"", ["unreadable"]),
        "header.wav": (wav_bytes(np.empty(0), 8000), ["empty"]),
        "silent.wav": (wav_bytes(np.zeros(800), 8000), ["silent"]),
        "hum.wav": (wav_bytes(np.full(800, 0.25), 8000), ["silent"]),
        "clipped.wav": (wav_bytes(np.clip(SOUND * 10, -1, 1), 8000), ["clipped"]),
        "cut.wav": (raw[:-1000], ["truncated"]),
        "more.wav": (wav_bytes(SOUND, 8000, size=10**9), ["truncated"]),
        "less.wav": (wav_bytes(SOUND + 0.2, 8000, size=1000), ["length"]),
        "unsaid.wav": (wav_bytes(SOUND, 8000, size=0xFFFFFFFF), ["untimed"]),
        "broken.flac": (b"fLaC" + raw, ["unreadable"]),
    }
    for name, (content, expected) in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        assert kinds(tmp_path / name) == expected, name


def test_notes_behind_the_samples_are_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav_bytes(SOUND, 8000) + b"LIST\x04\0\0\0INFO")
    assert kinds(tmp_path / "a.wav") == []


def test_a_flac_that_is_cut_off_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 40000), 8000)
    path.write_bytes(path.read_bytes()[:30000])
    # What comes before the cut is there.
    found = read_recording(path, 60.0)
    assert [problem.kind for problem in found.problems] == ["truncated"]
    assert len(found.samples) > 8000


@pytest.mark.parametrize("suffix", ["ogg", "opus"])
def test_an_ogg_stream_that_is_cut_off_is_found(tmp_path: Path, suffix: str) -> None:
    """Its header says nothing of its length; its last page says that it is the last."""
    path = tmp_path / f"a.{suffix}"
    form = {"format": "OGG", "subtype": "OPUS"} if suffix == "opus" else {}
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 64_000), 8000, **form)
    whole = path.read_bytes()
    assert kinds(path) == []
    for kept in (0.5, 0.9):
        path.write_bytes(whole[: int(kept * len(whole))])
        assert kinds(path)[0] in ("truncated", "unreadable")
    # At the seam between two pages, too.
    path.write_bytes(whole[: whole.rfind(b"OggS")])
    assert kinds(path)[0] in ("truncated", "unreadable")


def test_what_a_pipe_wrote_is_whole(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav_bytes(SOUND, 8000, size=0xFFFFFFFF))
    recording = read_recording(tmp_path / "a.wav", 60.0)
    assert len(recording.samples) == len(SOUND)
    assert "does not say how long" in recording.problems[0].text


def test_a_long_one_is_not_read(tmp_path: Path) -> None:
    for name in ("a.wav", "a.flac"):
        soundfile.write(tmp_path / name, np.tile(SOUND, 10), 8000)
        recording = read_recording(tmp_path / name, 1.0)
        assert [problem.kind for problem in recording.problems] == ["long"]
        assert len(recording.samples) == 0


def test_a_header_that_promises_the_world_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(SOUND, 8000, size=0x7FFFFFF0))
    recording = read_recording(path, 1e6)
    assert len(recording.samples) == len(SOUND)
