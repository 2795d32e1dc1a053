"""Recordings of a table: what is wrong with them and what is done about it, the split, the alphabet and the features.

Shapes: T frames, M bands, N rows.
"""

from __future__ import annotations

import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from unroll.bundle import RunConfig
from unroll.data import Finding, Split, Table, split_rows
from unroll.data.audio.resample import resample
from unroll.data.doctor.finding import counted
from unroll.data.table.kinds import Problem
from unroll.errors import DataError
from unroll.report.words import model_name
from unroll.tasks.transcribe.columns import Columns, recording_name
from unroll.tasks.transcribe.settings import Saved, TranscribeSettings
from unroll.tasks.transcribe.sound import KINDS, Heard, ears_of, listen, named, option_for, spoken_text, usual_rate

#: Findings that are listed one by one.
_LISTED = 200
#: Recordings of a batch, and batches in all, of a training that nobody has settled: CTC needs a while to find out where
#: the letters are, however few recordings there are.
_BATCH, _STEPS, _LEAST_EPOCHS, _MOST_EPOCHS = 16, 3000, 20, 400
#: Bytes of disk that are left free.
_KEEP_FREE = 256 * 2**20


def findings(table: Table, columns: Columns) -> Iterator[Finding]:
    """What `unroll check` says of recordings: every problem with file and line, and what they are."""
    settings = TranscribeSettings.model_validate({})
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
                advice = f"--set model.{KINDS[problem.kind][1]}"
                yield Finding(_level(problem.kind), named(table, columns, row, problem.text), *table.place(row), advice)
        seconds += heard.seconds
        stereo += heard.channels > 1
        rates[heard.rate] += 1
        for letter in set(heard.text):
            letters[letter] += 1
            first.setdefault(letter, row)
    for kind, count in counts.items():
        if count > _LISTED:
            yield Finding(_level(kind), f"{count - _LISTED:,} more {KINDS[kind][0]}")
    yield from _rare_letters(table, columns, letters, first)
    said = ", ".join(f"{rate:,} Hz: {count:,}" for rate, count in rates.most_common(5) if rate)
    shown = "".join(sorted(letters))
    yield Finding(
        "note",
        f"{len(table):,} recordings, {seconds / 60:.1f} minutes ({said}"
        + (f", {stereo:,} of several channels" if stereo else "")
        + f"); {len(letters)} letters: {shown[:200]!r}",
    )


def _level(kind: str) -> Literal["error", "warning"]:
    """Training stops at all but what it keeps by itself."""
    return "warning" if kind in ("clipped", "untimed") else "error"


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
    # One that reads forwards only must learn to carry a word to where it answers, and takes twice as long.
    steps = _STEPS if settings.bidirectional else 2 * _STEPS
    epochs = min(max(round(steps * _BATCH / len(rows["train"])), _LEAST_EPOCHS), _MOST_EPOCHS)
    training = {
        "learning_rate": 3e-3,
        "epochs": epochs,
        "batch_size": _BATCH,
        "weight_decay": 0.01,
        # To the end: a rate that has fallen to nothing is worth more than the epoch that validation happened to like.
        "patience": 0,
        "average": 0.99,
    }
    notes = _notes(heard, problems, dropped, saved, settings)
    names = [recording_name(table, columns, row) for row in range(len(table))]
    return Speech(saved, [own.text for own in heard], names, rows, stored, np.array(starts), training, notes)


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
    admitted = [f"{KINDS[kind][0]}: {count:,} ({option_for(kind, settings)})" for kind, count in counts.items()]
    other = sum(own.rate not in (0, saved.rate) for own in heard)
    mixed = sum(own.channels > 1 for own in heard)
    shown = "".join(saved.letters)
    way = "from both ends" if settings.bidirectional else f"forwards only, {saved.delay} steps late"
    return (
        f"transcripts from '{saved.target}', recordings from '{saved.audio}': {sum(o.seconds for o in heard) / 60:.1f}"
        " minutes",
        f"heard at {saved.rate:,} Hz" + (f"; {other:,} recordings of other rates are resampled" if other else ""),
        *([f"{mixed:,} recordings of several channels: their mean is heard"] if mixed else []),
        f"{len(saved.letters)} letters: {shown[:100]}{'...' if len(shown) > 100 else ''}",
        *admitted,
        *([f"left out: {counted(len(dropped), 'recording')}"] if dropped else []),
        f"log-mel of {settings.bands} bands, {settings.frames} frames a step; {model_name(settings.encoder)} of"
        f" {settings.num_layers} x {settings.hidden_size}, {way}; CTC",
    )
