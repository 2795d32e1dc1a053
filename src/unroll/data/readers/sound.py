"""Folders of recordings: a row per file, its transcript from the text beside it, its folder, or its name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from unroll.data.audio.recording import SUFFIXES
from unroll.data.readers.reader import Input, Source
from unroll.data.table.writer import Batch, Field, Row
from unroll.errors import DataError

#: What the columns are called.
AUDIO, TEXT = "audio", "text"
#: Of the text beside a recording, by the end of its name.
_BESIDE = (".txt", ".lab")
_MAGIC = (b"RIFF", b"RF64", b"fLaC", b"OggS")
#: Folders beside a manifest in which its recordings may lie.
_FOLDERS = ("", "wavs", "wav", "clips", "audio")
#: Bytes of a transcript at most: minutes of speech.
_MOST_TEXT = 2**16


def sound_path(cell: str, beside: Path) -> Path:
    """Where a recording is: as it is named, beside its manifest, or in one of the folders that are usual there."""
    # A manifest that was written on Windows names its folders with backslashes.
    for name in dict.fromkeys((cell, cell.replace("\\", "/"))):
        for folder in _FOLDERS:
            path = beside / folder / name
            # Not `Path.is_file`, which raises where a name is longer than a file's may be.
            if os.path.isfile(path):
                return path
    return Path(cell)


def is_sound(path: Path | str) -> bool:
    """Whether a file name promises sound."""
    return str(path).lower().endswith(SUFFIXES)


class SoundSource:
    """One recording, which is one row.

    Args:
        path: the file.
        label: its transcript, if the folder says it.
    """

    fields: Sequence[Field] = (Field(AUDIO), Field(TEXT))
    marked = False
    said = (
        "recordings; transcripts from a .txt or .lab of the same name, else from the list or the folder that they are"
        " in, else what stands in the file name before the first '_'"
    )
    empty = "no recording"

    def __init__(self, path: Path, label: str | None) -> None:
        self._path = path
        self._label = label

    def rows(self) -> Iterator[Row | Batch]:
        """The one row; the recording itself is read by whoever wants to hear it."""
        yield Row([str(self._path), self._transcript()], 1)

    def _transcript(self) -> str:
        for suffix in _BESIDE:
            beside = self._path.with_suffix(suffix)
            if beside.is_file():
                with beside.open("rb") as file:
                    raw = file.read(_MOST_TEXT + 1)
                if len(raw) > _MOST_TEXT:
                    raise DataError(
                        f"expected the transcript of one recording, got more than {_MOST_TEXT:,} bytes", beside
                    )
                try:
                    return " ".join(raw.decode("utf-8-sig").split())
                except UnicodeDecodeError as error:
                    raise DataError(f"expected utf-8, got byte {raw[error.start]:#04x}", beside, 1) from None
        return self._label if self._label is not None else self._path.stem.partition("_")[0]

    def left(self) -> list[str]:
        """Nothing is left out."""
        return []


class SoundReader:
    """Reads recordings. Of a manifest, which names them, the other readers make the rows.

    Args:
        labels: the transcript of every file, where its folder says it.
    """

    name = "sound"
    suffixes = SUFFIXES
    summary = (
        "recordings: a row per file; the transcript is the `.txt` beside it, what a list says (Kaldi, LibriSpeech,"
        " VCTK), the folder it is in, or what its name begins with, before `_`"
    )

    def __init__(self, labels: Mapping[Path, str] = MappingProxyType({})) -> None:
        self._labels = labels

    def recognises(self, file: Input) -> bool:
        """By the name, and by the first bytes: what is called .wav and is empty is a broken recording, not a text."""
        return is_sound(file.path) or file.head.startswith(_MAGIC)

    def open(self, file: Input, first: Source | None) -> SoundSource:
        """The columns are always the same.

        Raises:
            DataError: the first file of the folder was no recording.
        """
        if first is not None and not isinstance(first, SoundSource):
            raise DataError(
                "a recording beside data that names none; give the folder of the recordings alone", file.path
            )
        return SoundSource(file.path, self._labels.get(file.path))
