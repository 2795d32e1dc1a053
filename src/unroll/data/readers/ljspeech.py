"""The list of recordings as LJSpeech has it: a name, a bar and what is spoken, without a first line of names."""

from __future__ import annotations

import os
import re
from pathlib import Path

from unroll.data.audio.recording import SUFFIXES
from unroll.data.readers.linewise import LineSource
from unroll.data.readers.reader import Input, Source
from unroll.data.readers.sound import AUDIO, TEXT, is_sound, sound_path
from unroll.data.table.writer import Field

#: A name, what is spoken as it is written, and perhaps once more with its numbers as words.
_LINE = re.compile(r"([^|\t]+)\|([^|]+)(?:\|([^|]*))?")
#: Lines whose recordings are looked for.
_LOOKED_AT = 3


class LjSpeechReader:
    """Reads metadata.csv of LJSpeech and of the sets that are written as it is."""

    name = "ljspeech"
    suffixes: tuple[str, ...] = ()
    summary = (
        "recordings as LJSpeech lists them: a name, a bar and what is spoken on every line, the recordings beside it or"
        " in `wavs`; known by the recordings that are there"
    )

    def recognises(self, file: Input) -> bool:
        """Every line is such a one, and the recordings of the first are there."""
        lines = [line.removesuffix("\r") for _, line in file.lines if line.strip()]
        found = [_LINE.fullmatch(line) for line in lines]
        return bool(found) and all(
            match is not None and (at >= _LOOKED_AT or _suffix(match[1], file.path.parent) is not None)
            for at, match in enumerate(found)
        )

    def open(self, file: Input, first: Source | None) -> LineSource:
        """The columns are always the same; what is spoken is the last text of a line."""
        line = next((line for _, line in file.lines if line.strip()), "")
        suffix = _suffix(line.partition("|")[0], file.path.parent) or ""

        def cells(line: str) -> list[str]:
            match = _LINE.fullmatch(line)
            if match is None:
                raise ValueError(f"expected the name of a recording, a bar and what is spoken, got {line[:40]!r}")
            name = match[1].strip()
            return [name if is_sound(name) else name + suffix, (match[3] or match[2]).strip()]

        return LineSource(file, (Field(AUDIO), Field(TEXT)), "recordings and what is spoken", cells)


def _suffix(name: str, beside: Path) -> str | None:
    """What is to be put after a recording's name so that it is a file's; None if there is no such file."""
    endings = ("",) if is_sound(name) else SUFFIXES
    # Not `Path.is_file`, which raises where a name is longer than a file's may be, as a text before a bar is.
    return next((end for end in endings if os.path.isfile(sound_path(name.strip() + end, beside))), None)
