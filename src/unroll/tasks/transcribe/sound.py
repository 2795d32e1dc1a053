"""What a model hears of the recordings of a table, and what is wrong with them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from unroll.data import Table
from unroll.data.audio.mel import LogMel
from unroll.data.audio.recording import Recording
from unroll.data.table.kinds import Problem
from unroll.errors import ConfigError
from unroll.models.recognizer import least_steps
from unroll.tasks.transcribe.columns import Columns, recording_of_row
from unroll.tasks.transcribe.settings import TranscribeSettings

#: Recordings by which the usual rate is found.
_SAMPLED = 50
#: Without a word of the user, recordings are heard at most so finely: speech has little above 8 kHz.
_FINEST = 16_000
#: Steps that a model which reads forwards only hears before it answers for one: as long as a short word, 450 ms.
_DELAY = 15
#: What each kind of problem is called, and the option that drops or admits it.
KINDS = {
    "unreadable": ("recordings that cannot be read", "broken=drop leaves them out"),
    "truncated": ("recordings that are cut off", "broken=drop leaves them out"),
    "length": ("headers that lie about the length", "broken=drop leaves them out"),
    "untimed": ("headers that do not say how long the sound is", "broken=drop leaves them out"),
    "empty": ("recordings without a sample", "broken=drop leaves them out"),
    "long": ("recordings that are too long", "broken=drop leaves them out, longest=SECONDS reads longer ones"),
    "silent": ("silent recordings", "silent=drop leaves them out, silent=keep trains on them"),
    "clipped": ("clipped recordings", "clipped=drop leaves them out, clipped=keep trains on them"),
    "untold": ("recordings without a transcript", "unfit=drop leaves them out"),
    "unfit": ("transcripts longer than their recordings allow", "unfit=drop leaves them out"),
    "outside": (
        "transcripts with letters outside the alphabet",
        "outside=cut leaves such letters out, outside=drop the recordings",
    ),
}
_OPTION = {"silent": "silent", "clipped": "clipped", "untold": "unfit", "unfit": "unfit", "outside": "outside"}


class Heard(NamedTuple):
    """What is known of the recording of a row.

    Attributes:
        text: its transcript, as it is learnt.
        rate: samples per second of the file; 0 if it cannot be read.
        seconds: how long it is.
        channels: of the file.
        problems: what is wrong with it.
    """

    text: str
    rate: int
    seconds: float
    channels: int
    problems: tuple[Problem, ...]


def spoken_text(cell: str) -> str:
    """A transcript with composed letters and single spaces."""
    return " ".join(unicodedata.normalize("NFC", cell).split())


class Ears(NamedTuple):
    """How a model hears: by it a recording has its steps.

    Attributes:
        features: at the model's rate.
        frames: of a step.
        delay: steps that it hears before it answers for one.
    """

    features: LogMel
    frames: int
    delay: int

    def steps(self, samples: int, rate: int) -> int:
        """Steps of a recording of so many samples at its own rate."""
        heard = -(-samples * self.features.rate // rate)
        return -(-self.features.frames(heard) // self.frames)


def row_problems(text: str, recording: Recording, ears: Ears) -> list[Problem]:
    """What is wrong with a recording and its transcript."""
    found = list(recording.problems)
    if not text:
        found.append(Problem("untold", 1, "no transcript"))
    elif len(recording.samples):
        need, have = least_steps([ord(letter) for letter in text]), ears.steps(len(recording.samples), recording.rate)
        if need > have:
            found.append(
                Problem(
                    "unfit",
                    1,
                    f"the transcript needs {need} steps of CTC, the recording of {recording.seconds:.2f} s has {have}",
                )
            )
    return found


def listen(table: Table, columns: Columns, longest: float, ears: Ears) -> Iterator[tuple[Heard, Recording]]:
    """Every row's recording in order, read one at a time."""
    for row, cell in enumerate(table.texts(columns.text)):
        recording = recording_of_row(table, columns, row, longest)
        text = spoken_text(cell)
        problems = tuple(row_problems(text, recording, ears))
        yield Heard(text, recording.rate, recording.seconds, recording.channels, problems), recording


def named(table: Table, columns: Columns, row: int, text: str) -> str:
    """A problem's text, with the recording's name where the row's file is a manifest."""
    if table.format == "sound" or columns.rate is not None:
        return text
    return f"{table.texts(columns.audio, np.array([row]))[0]}: {text}"


def ears_of(rate: int, settings: TranscribeSettings) -> Ears:
    """How a model of these settings hears.

    Raises:
        ConfigError: too many bands for the rate.
    """
    delay = settings.delay if settings.delay is not None else 0 if settings.bidirectional else _DELAY
    try:
        return Ears(LogMel(rate, settings.bands), settings.frames, delay)
    except ValueError as error:
        raise ConfigError(f"--set model.bands: {error}") from None


def usual_rate(table: Table, columns: Columns, longest: float) -> int:
    """The rate that most of some recordings from all over the table have, 16,000 at most."""
    rates: Counter[int] = Counter()
    for row in range(0, len(table), max(1, len(table) // _SAMPLED)):
        recording = recording_of_row(table, columns, row, longest)
        if recording.rate:
            rates[recording.rate] += 1
    return min(rates.most_common(1)[0][0], _FINEST) if rates else _FINEST


def option_for(kind: str, settings: TranscribeSettings) -> str:
    """What the settings say of a kind of problem: "stop", "drop", "keep" or "cut"."""
    # What a pipe wrote is whole as far as anyone can tell.
    if kind == "untimed" and settings.broken == "stop":
        return "keep"
    return str(getattr(settings, _OPTION.get(kind, "broken")))
