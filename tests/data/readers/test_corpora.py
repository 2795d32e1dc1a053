"""Speech as corpora keep it: lists of Kaldi and LibriSpeech, texts in folders like those of the recordings."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from data.helpers import read, rows, write
from unroll.errors import DataError


def record(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\1\0" * 800)
    return path


def spoken(table: object) -> list[tuple[str, str]]:
    return [(Path(path).name, text) for path, text in rows(table)]  # type: ignore[arg-type]


def test_kaldi(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "train"
    for name in "abc":
        record(tmp_path / "sound" / f"{name}.wav")
    write(folder / "wav.scp", "u1 sound/a.wav\nu2\tsound/b.wav\n" + f"u3 {tmp_path}/sound/c.wav\n")
    write(folder / "text", "u3 good night\nu1 good day\nu2 안녕 하세요\nu9 nobody\n")
    write(folder / "utt2spk", "u1 s1\nu2 s1\nu3 s2\n")
    expected = [("a.wav", "good day"), ("b.wav", "안녕 하세요"), ("c.wav", "good night")]
    table = read(folder, tmp_path)
    assert spoken(table) == expected
    assert "1 lines of 'text' name no recording of wav.scp: left out" in table.notes
    assert spoken(read(folder / "wav.scp", tmp_path)) == expected


@pytest.mark.parametrize(
    ("lists", "says"),
    [
        ({"wav.scp": "u1 sph2pipe -f wav a.sph |\n", "text": "u1 hi\n"}, r"wav\.scp:1: 'sph2pipe .*' is a command"),
        ({"wav.scp": "u1 a.wav\n"}, "no file 'text' beside"),
        ({"wav.scp": "r1 a.wav\n", "text": "u1 hi\n", "segments": "u1 r1 0 1\n"}, "segments: the utterances are parts"),
        ({"wav.scp": "u1 a.wav\n", "text": "x1 hi\n"}, "none of its names stands in 'text'"),
        ({"1-2.trans.txt": "1-2-0 HI\n"}, r"1-2\.trans\.txt: the recordings that it names are not beside it"),
    ],
)
def test_what_is_wrong_with_a_list_is_said(tmp_path: Path, lists: dict[str, str], says: str) -> None:
    for name, text in lists.items():
        write(tmp_path / "set" / name, text)
    with pytest.raises(DataError, match=says):
        read(tmp_path / "set", tmp_path)


def test_librispeech(tmp_path: Path) -> None:
    top = tmp_path / "LibriSpeech"
    for part in ("train-clean-100", "dev-clean", "test-other"):
        for n in range(2):
            record(top / part / "7" / "9" / f"7-9-000{n}.wav")
        write(top / part / "7" / "9" / "7-9.trans.txt", f"7-9-0000 {part.upper()}\n7-9-0001 ON WE GO\n7-9-0002 LOST\n")
    write(top / "SPEAKERS.TXT", "; 7 | F\n")
    write(top / "CHAPTERS.TXT", "; 9 | F\n")
    table = read(top, tmp_path)
    assert table.parts is not None
    assert table.parts.tolist() == [0, 0, 1, 1, 2, 2]
    assert [text for _, text in spoken(table)] == [
        "TRAIN-CLEAN-100",
        "ON WE GO",
        "DEV-CLEAN",
        "ON WE GO",
        "TEST-OTHER",
        "ON WE GO",
    ]
    assert "3 recordings are named and not there: left out" in table.notes
    alone = read(top / "dev-clean" / "7" / "9" / "7-9.trans.txt", tmp_path)
    assert alone.parts is None
    assert len(alone) == 2


def test_texts_in_folders_like_those_of_the_recordings(tmp_path: Path) -> None:
    for speaker in ("p1", "p2"):
        record(tmp_path / "set" / "wav48" / speaker / f"{speaker}_001_mic1.wav")
        write(tmp_path / "set" / "txt" / speaker / f"{speaker}_001.txt", f"I am {speaker}\n")
    record(tmp_path / "set" / "wav48" / "p2" / "p2_002_mic1.wav")
    table = read(tmp_path / "set", tmp_path)
    assert spoken(table) == [("p1_001_mic1.wav", "I am p1"), ("p2_001_mic1.wav", "I am p2")]
    assert "1 recordings without a text: left out" in table.notes
