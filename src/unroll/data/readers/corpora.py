"""Folders of speech as Kaldi, LibriSpeech and VCTK keep it: recordings whose transcripts stand in lists or beside."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from unroll.data.readers.lines import numbered_lines
from unroll.data.readers.sound import is_sound
from unroll.data.table.partcolumns import PART_NAMES
from unroll.data.table.splits import part_of
from unroll.errors import DataError

#: The lists of Kaldi, and how the lists of LibriSpeech end.
SCRIPT, TEXT, SEGMENTS, LIST = "wav.scp", "text", "segments", ".trans.txt"
#: Folders below which lists are looked for, and above Kaldi's folder from which its paths may go.
_BELOW, _ABOVE = 4, 3
#: Folders of recordings and of texts that have the same folders and names in them.
_WAVES = ("wav48", "wav48_silence_trimmed", "wav", "wavs", "audio", "flac")
_TEXTS = ("txt", "text", "transcripts", "lab")
#: What stands behind a recording's name where several microphones heard it.
_MICROPHONE = "_mic"


class Spoken(NamedTuple):
    """One recording.

    Attributes:
        path: the file.
        text: what is spoken.
        part: 0 train, 1 validation, 2 test; None if nothing says it.
    """

    path: Path
    text: str
    part: int | None


def is_list(path: Path) -> bool:
    """Whether a file is the list of a corpus, which is read with the recordings of its folder."""
    return path.name == SCRIPT or path.name.endswith(LIST)


def corpus_of(folder: Path) -> tuple[list[Spoken], list[str]]:
    """The recordings of a folder that is a corpus of speech, and what was left out, in words; nothing of others.

    Raises:
        DataError: a list is wrong; with file and line.
    """
    if (folder / SCRIPT).is_file():
        return _kaldi(folder)
    lists = list(_lists(folder))
    if lists:
        return _librispeech(folder, lists)
    return _mirrored(folder)


def _kaldi(folder: Path) -> tuple[list[Spoken], list[str]]:
    script, texts = folder / SCRIPT, folder / TEXT
    if not texts.is_file():
        raise DataError(f"recordings are listed, and no file '{TEXT}' beside says what is spoken in them", script)
    if (folder / SEGMENTS).is_file():
        raise DataError(
            "the utterances are parts of recordings, which are not cut here; cut the recordings first (Kaldi's"
            " extract-segments), or write a CSV of file,text",
            folder / SEGMENTS,
        )
    spoken = {name: (text, line) for line, name, text in _entries(texts)}
    found = []
    for line, name, cell in _entries(script):
        if cell.endswith("|"):
            raise DataError(
                f"{cell[:60]!r} is a command, which is not run; write the path of the file that it makes", script, line
            )
        if name in spoken:
            found.append(Spoken(_found(cell, folder), spoken.pop(name)[0], None))
        elif not cell:
            raise DataError(f"expected a name and the path of a recording, got {name!r}", script, line)
    if not found:
        raise DataError(f"none of its names stands in '{TEXT}'", script)
    said = f"{len(spoken):,} lines of '{TEXT}' name no recording of {SCRIPT}: left out"
    return found, [said] if spoken else []


def _entries(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, name and what stands behind it."""
    for line, text in numbered_lines(path):
        name, _, rest = text.strip().replace("\t", " ").partition(" ")
        if name:
            yield line, name, rest.strip()


def _found(cell: str, folder: Path) -> Path:
    """A path as it is written, or from the folder or one of those above, where Kaldi's scripts run."""
    above = itertools.islice((folder, *folder.absolute().parents), _ABOVE + 1)
    return next((base / cell for base in above if os.path.isfile(base / cell)), Path(cell))


def _lists(folder: Path) -> Iterator[Path]:
    for depth in range(_BELOW):
        yield from sorted(folder.glob("*/" * depth + "*" + LIST))


def _librispeech(folder: Path, lists: Sequence[Path]) -> tuple[list[Spoken], list[str]]:
    found, lacking = [], 0
    for path in lists:
        beside = {other.stem: other for other in path.parent.iterdir() if is_sound(other)}
        part = next((p for name in path.relative_to(folder).parts[:-1] if (p := _part(name)) is not None), None)
        for _, name, text in _entries(path):
            lacking += name not in beside
            if name in beside:
                found.append(Spoken(beside[name], text, part))
    if not found:
        raise DataError("the recordings that it names are not beside it", lists[0])
    if len({spoken.part for spoken in found} - {None}) < 2 or not any(spoken.part == 0 for spoken in found):
        found = [spoken._replace(part=None) for spoken in found]
    found.sort(key=lambda spoken: (spoken.part or 0, spoken.path))
    return found, [f"{lacking:,} recordings are named and not there: left out"] if lacking else []


def _part(folder: str) -> int | None:
    """The part that a folder names, at its end or its beginning: train-clean-100, dev-other."""
    return part_of(folder) if part_of(folder) is not None else PART_NAMES.get(folder.lower().partition("-")[0])


def _mirrored(folder: Path) -> tuple[list[Spoken], list[str]]:
    """Recordings in one folder and texts in another, with the same folders and names in them."""
    waves = next((folder / name for name in _WAVES if (folder / name).is_dir()), None)
    texts = next((folder / name for name in _TEXTS if (folder / name).is_dir()), None)
    if waves is None or texts is None:
        return [], []
    recordings = sorted(path for path in waves.rglob("*") if is_sound(path))
    found = []
    for path in recordings:
        stem = path.relative_to(waves).with_suffix(".txt")
        beside = texts / stem.with_name(stem.stem.partition(_MICROPHONE)[0] + ".txt")
        if beside.is_file():
            found.append(Spoken(path, " ".join(text.strip() for _, text in numbered_lines(beside)).strip(), None))
    lacking = len(recordings) - len(found)
    return found, [f"{lacking:,} recordings without a text: left out"] if found and lacking else []
