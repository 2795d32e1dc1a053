"""Recordings of a table: what is wrong with them and what is done about it, the split, the alphabet and the features.

Shapes: T frames, M bands, N rows.
"""

from __future__ import annotations

import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from unroll.bundle import RunConfig
from unroll.data import Finding, Split, Table, split_rows
from unroll.data.audio.mel import LogMel
from unroll.data.audio.recording import Recording
from unroll.data.audio.resample import resample
from unroll.data.table.kinds import Problem
from unroll.errors import ConfigError, DataError
from unroll.models.recognizer import least_steps
from unroll.report.words import model_name
from unroll.tasks.transcribe.columns import Columns, recording_name, recording_of_row
from unroll.tasks.transcribe.settings import Saved, TranscribeSettings

#: Findings that are listed one by one.
_LISTED = 200
#: Recordings by which the usual rate is found.
_SAMPLED = 50
#: Bytes of disk that are left free.
_KEEP_FREE = 256 * 2**20
#: Without a word of the user, recordings are heard at most so finely: speech has little above 8 kHz.
_FINEST = 16_000
#: Steps of silence in which a model that reads forwards only can still answer: 150 ms.
_DELAY = 5
#: What each kind of problem is called, and the option that drops or admits it.
KINDS = {
    "unreadable": ("recordings that cannot be read", "broken=drop leaves them out"),
    "truncated": ("recordings that are cut off", "broken=drop leaves them out"),
    "length": ("headers that lie about the length", "broken=drop leaves them out"),
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
        delay: steps behind the end.
    """

    features: LogMel
    frames: int
    delay: int

    def steps(self, samples: int, rate: int) -> int:
        """Steps of a recording of so many samples at its own rate."""
        heard = -(-samples * self.features.rate // rate)
        return -(-self.features.frames(heard) // self.frames) + self.delay


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


def findings(table: Table, columns: Columns) -> Iterator[Finding]:
    """What `unroll check` says of recordings: every problem with file and line, and what they are."""
    settings = TranscribeSettings()
    ears = ears_of(usual_rate(table, columns, settings.longest), settings)
    counts: Counter[str] = Counter()
    rates: Counter[int] = Counter()
    letters: Counter[str] = Counter()
    first: dict[str, int] = {}
    seconds, stereo = 0.0, 0
    for row, (heard, _) in enumerate(listen(table, columns, settings.longest, ears)):
        for problem in heard.problems:
            counts[problem.kind] += 1
            if counts[problem.kind] <= _LISTED:
                level = "warning" if problem.kind == "clipped" else "error"
                advice = f"--set model.{KINDS[problem.kind][1]}"
                yield Finding(level, named(table, columns, row, problem.text), *table.place(row), advice)  # type: ignore[arg-type]
        seconds += heard.seconds
        stereo += heard.channels > 1
        rates[heard.rate] += 1
        for letter in set(heard.text):
            letters[letter] += 1
            first.setdefault(letter, row)
    for kind, count in counts.items():
        if count > _LISTED:
            yield Finding("error", f"{count - _LISTED:,} more {KINDS[kind][0]}")
    yield from _rare_letters(table, columns, letters, first)
    said = ", ".join(f"{rate:,} Hz: {count:,}" for rate, count in rates.most_common(5) if rate)
    shown = "".join(sorted(letters))
    yield Finding(
        "note",
        f"{len(table):,} recordings, {seconds / 60:.1f} minutes ({said}"
        + (f", {stereo:,} of several channels" if stereo else "")
        + f"); {len(letters)} letters: {shown[:200]!r}",
    )


def _rare_letters(table: Table, columns: Columns, letters: Counter[str], first: Mapping[str, int]) -> Iterator[Finding]:
    """Letters of a single transcript: where that one tests, they are outside the alphabet that training has."""
    if len(table) < 20:
        return
    for letter, count in letters.items():
        if count == 1:
            row = first[letter]
            text = f"the letter {letter!r} (U+{ord(letter):04X}) stands in this transcript alone"
            advice = "write it as the others do, or name the letters with --set model.alphabet=..."
            yield Finding("warning", named(table, columns, row, text), *table.place(row), advice)


@dataclass(frozen=True)
class Speech:
    """A transcriber's data: features on disk, split, with the alphabet of the train split.

    Attributes:
        saved: columns, rate, letters.
        texts: the transcript of every row.
        names: what the recording of every row is called.
        rows: the rows of "train", "validation" and "test", rising; those that are left out are in none.
        features: (all T, M) float32 on disk, one recording after the other.
        starts: where each row's features begin, (N + 1,).
        training: settings that suit a transcriber.
        notes: what was decided, in words.
    """

    saved: Saved
    texts: Sequence[str]
    names: Sequence[str]
    rows: Mapping[str, np.ndarray]
    features: np.ndarray
    starts: np.ndarray
    training: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        """Which of "validation" and "test" hold rows."""
        return tuple(name for name in ("validation", "test") if len(self.rows[name]))

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        """Frames of each of these rows."""
        return np.asarray(self.starts[rows + 1] - self.starts[rows])

    def of(self, row: int) -> np.ndarray:
        """The features of a row, (T, M)."""
        return np.asarray(self.features[self.starts[row] : self.starts[row + 1]])


def prepare(table: Table, config: RunConfig, settings: TranscribeSettings, columns: Columns) -> Speech:
    """Read every recording once, stop at what would falsify the result, and write the features into the table's store.

    Raises:
        DataError: a recording or transcript is wrong and no option admits or drops it, or none is left for training.
        ConfigError: the settings do not fit the recordings.
    """
    split = draw_split(table, config)
    rate = settings.rate or usual_rate(table, columns, settings.longest)
    ears = ears_of(rate, settings)
    heard: list[Heard] = []
    starts = [0]
    file = table.store / "features.bin"
    with file.open("wb") as target:
        for own, recording in listen(table, columns, settings.longest, ears):
            kept = _kept(own, settings)
            if kept:
                frames = ears.features(resample(recording.samples, recording.rate, rate)).numpy()
                if shutil.disk_usage(table.store).free < _KEEP_FREE + frames.nbytes:
                    raise DataError("the disk is nearly full while features are written; free space", table.store)
                target.write(frames.tobytes())
            starts.append(starts[-1] + (len(frames) if kept else 0))
            heard.append(own)
    train = {int(row) for row in split.train}
    letters = _alphabet([own.text for row, own in enumerate(heard) if row in train and _kept(own, settings)], settings)
    heard = [_within(own, letters, settings) for own in heard]
    problems = [
        (row, problem)
        for row, own in enumerate(heard)
        for problem in own.problems
        # What only validates or tests may hold letters that training has not: they count as errors there.
        if problem.kind != "outside" or settings.alphabet is not None
    ]
    stop_at(table, columns, problems, settings)
    dropped = {row for row, problem in problems if option_for(problem.kind, settings) == "drop"}
    kept_rows = np.array([row for row in range(len(table)) if row not in dropped], dtype=np.int64)
    rows = {name: np.intersect1d(own, kept_rows) for name, own in split._asdict().items()}
    if not len(rows["train"]):
        raise DataError("no recording is left for training", table.paths[0])
    if not letters:
        raise DataError("the transcripts hold no letter of the alphabet", table.paths[0])
    saved = Saved(
        audio=columns.audio,
        rate_column=columns.rate,
        target=columns.text,
        rate=rate,
        letters=tuple(letters),
        delay=ears.delay,
    )
    stored = np.memmap(file, np.float32, "r", shape=(starts[-1], settings.bands))
    training = {
        "learning_rate": 3e-3,
        "epochs": 60,
        "batch_size": 16,
        "weight_decay": 0.01,
        "patience": 15,
        "average": 0.99,
    }
    notes = _notes(heard, problems, dropped, saved, settings)
    names = [recording_name(table, columns, row) for row in range(len(table))]
    return Speech(saved, [own.text for own in heard], names, rows, stored, np.array(starts), training, notes)


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
    return str(getattr(settings, _OPTION.get(kind, "broken")))


def _kept(own: Heard, settings: TranscribeSettings) -> bool:
    return all(option_for(problem.kind, settings) not in ("stop", "drop") for problem in own.problems)


def _alphabet(texts: Sequence[str], settings: TranscribeSettings) -> list[str]:
    if settings.alphabet is not None:
        return sorted(set(unicodedata.normalize("NFC", settings.alphabet)))
    return sorted({letter for text in texts for letter in text})


def _within(own: Heard, letters: Sequence[str], settings: TranscribeSettings) -> Heard:
    """A row whose transcript holds a letter outside the alphabet gets that problem, or loses the letter."""
    outside = sorted(set(own.text) - set(letters))
    if not outside:
        return own
    shown = ", ".join(f"{letter!r} (U+{ord(letter):04X})" for letter in outside[:8])
    problem = Problem("outside", 1, f"letters outside the alphabet: {shown}")
    text = own.text
    if settings.alphabet is not None and settings.outside == "cut":
        text = spoken_text("".join(letter for letter in own.text if letter not in outside))
    return own._replace(text=text, problems=(*own.problems, problem))


def stop_at(
    table: Table, columns: Columns, problems: Sequence[tuple[int, Problem]], settings: TranscribeSettings
) -> None:
    """Raise at the first problem that no option covers, with file and line, and how many of its kind there are."""
    for row, problem in problems:
        if option_for(problem.kind, settings) == "stop":
            what, advice = KINDS[problem.kind]
            count = sum(other.kind == problem.kind for _, other in problems)
            raise DataError(
                f"{named(table, columns, row, problem.text)}; {count:,} such ({what}), all listed by `unroll check`;"
                f" --set model.{advice}",
                *table.place(row),
            )


def draw_split(table: Table, config: RunConfig) -> Split:
    """The recordings of each split; those that are left out are taken out of it afterwards."""
    return split_rows(
        table,
        seed=config.seed,
        validation_fraction=config.data.validation_fraction,
        test_fraction=config.data.test_fraction,
        column=config.data.split_column,
    )


def _notes(
    heard: Sequence[Heard],
    problems: Sequence[tuple[int, Problem]],
    dropped: set[int],
    saved: Saved,
    settings: TranscribeSettings,
) -> tuple[str, ...]:
    counts = Counter(problem.kind for _, problem in problems)
    admitted = [f"{count:,} {KINDS[kind][0]} ({option_for(kind, settings)})" for kind, count in counts.items()]
    other = sum(own.rate not in (0, saved.rate) for own in heard)
    mixed = sum(own.channels > 1 for own in heard)
    shown = "".join(saved.letters)
    way = "from both ends" if settings.bidirectional else f"forwards only, answers up to {saved.delay} steps late"
    return (
        f"transcripts from '{saved.target}', recordings from '{saved.audio}': {sum(o.seconds for o in heard) / 60:.1f}"
        " minutes",
        f"heard at {saved.rate:,} Hz" + (f"; {other:,} recordings of other rates are resampled" if other else ""),
        *([f"{mixed:,} recordings of several channels: their mean is heard"] if mixed else []),
        f"{len(saved.letters)} letters: {shown[:100]}{'...' if len(shown) > 100 else ''}",
        *admitted,
        *([f"{len(dropped):,} recordings left out"] if dropped else []),
        f"log-mel of {settings.bands} bands, {settings.frames} frames a step; {model_name(settings.encoder)} of"
        f" {settings.num_layers} x {settings.hidden_size}, {way}; CTC",
    )
