"""A trained transcriber that answers, and the one place where it is scored.

Shapes: T frames, M bands, S steps, V letters and blank.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from unroll.bundle import DataConfig
from unroll.data import Table
from unroll.data.audio.recording import Recording
from unroll.data.audio.resample import resample
from unroll.decoding.ctc import align
from unroll.errors import DataError
from unroll.models.named import Heard, state_sizes
from unroll.models.recognizer import Recognizer
from unroll.tasks.base import Predictor, Record, Scores
from unroll.tasks.parts import NetworkParts, after, carried_states, lengths, numbers
from unroll.tasks.transcribe.columns import (
    Columns,
    find_columns,
    recording_name,
    recording_of_record,
    recording_of_row,
)
from unroll.tasks.transcribe.listening import Listener
from unroll.tasks.transcribe.network import hear, letters_of, log_probabilities, padded
from unroll.tasks.transcribe.reading import Reading
from unroll.tasks.transcribe.scores import Transcribed, score_transcripts
from unroll.tasks.transcribe.settings import Saved
from unroll.tasks.transcribe.sound import Ears, named, spoken_text

#: Recordings that are answered for at a time.
_BLOCK = 64
#: Problems of a recording that leave nothing to hear; with the others it is heard all the same.
_DEAF = ("unreadable", "long")
#: Problems with which a recording is scored.
_HEARD = ("silent", "clipped", "untimed")


class TranscribePredictor(Predictor):
    """A transcriber.

    Args:
        network: trained.
        saved: columns, rate, letters.
        ears: how it hears.
        reading: how texts are read off its steps.
        longest: seconds of the longest recording that is read.
        seed: of the intervals.
    """

    def __init__(
        self, network: Recognizer, saved: Saved, ears: Ears, reading: Reading, *, longest: float, seed: int
    ) -> None:
        self._network = network
        self.saved = saved
        self.ears = ears
        self.reading = reading
        self._longest = longest
        self._seed = seed
        self.numbers = () if saved.rate_column is None else (saved.rate_column,)
        self.files = (saved.audio,) if saved.rate_column is None else ()

    @property
    def network(self) -> nn.Module:
        """The network, in evaluation mode."""
        return self._network.eval()

    @property
    def recognizer(self) -> Recognizer:
        """The network by its own class, in evaluation mode."""
        self._network.eval()
        return self._network

    def features(self, recording: Recording) -> np.ndarray:
        """The log-mel features of a recording, (T, M)."""
        heard = resample(recording.samples, recording.rate, self.saved.rate) if recording.rate else recording.samples
        return np.asarray(self.ears.features(heard).numpy())

    def encode(self, records: Sequence[Record]) -> tuple[Any, ...]:
        """Features (B, T, M) and frames (B,)."""
        return padded([self.features(self._recording(record)) for record in records])

    def ask(self, inputs: tuple[Any, ...]) -> Tensor:
        """(B, S, V) log-probabilities of every letter at every step."""
        return self.recognizer(*inputs)[0]  # type: ignore[no-any-return]

    def network_parts(self) -> tuple[NetworkParts, ...]:
        """The network from log-mel features to the log-probabilities of every letter at every step, the first of them
        that of no letter, and how many steps each recording has; one that reads forwards also as a stream."""
        network, ears = self.recognizer, self.ears.features
        inputs = {"features": numbers("batch", "frames", network.bands), "lengths": lengths("frames", "batch")}
        metadata = {
            "unroll.letters": json.dumps(self.saved.letters, ensure_ascii=False),
            "unroll.rate": json.dumps(self.saved.rate),
            "unroll.hop": json.dumps(ears.hop),
        }
        whole = NetworkParts(network, inputs, ("log_probabilities", "steps"), metadata)
        if network.both_ways:
            return (whole,)
        states = state_sizes(network.stack)
        step = numbers("batch", "steps", network.frames * network.bands)
        told = {**metadata, "unroll.frames": json.dumps(network.frames), "unroll.delay": json.dumps(network.delay)}
        said = ("log_probabilities", *after(states))
        return (whole, NetworkParts(Heard(network), {"features": step, **carried_states(states)}, said, told, "stream"))

    def _recording(self, record: Record) -> Recording:
        recording = recording_of_record(record, self.saved.audio, self.saved.rate_column, self._longest)
        for problem in recording.problems:
            if problem.kind in _DEAF:
                name = record if isinstance(record, str) else record.get(self.saved.audio, "")
                raise DataError(problem.text, Path(name) if isinstance(name, str | Path) and str(name) else None)
        return recording

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """The text, how sure the network is of its letters, when each word begins and ends, and what is wrong with the
        recording.

        Raises:
            DataError: a record names no recording, or one that cannot be read.
        """
        waiting = iter(records)
        while block := list(itertools.islice(waiting, _BLOCK)):
            recordings = [self._recording(record) for record in block]
            log_ps = log_probabilities(self._network, [self.features(own) for own in recordings])
            for record, own, log_p in zip(block, recordings, log_ps, strict=True):
                text = self.reading.text(log_p, self.saved)
                answer: dict[str, Any] = {
                    "text": text,
                    "words": self._words(log_p, text),
                    "seconds": round(own.seconds, 3),
                }
                name = record if isinstance(record, str) else record.get(self.saved.audio)
                if isinstance(name, str):
                    answer = {"audio": name, **answer}
                if own.problems:
                    answer["problems"] = [problem.text for problem in own.problems]
                yield answer

    def _words(self, log_p_SV: np.ndarray, text: str) -> list[dict[str, Any]]:
        """Each word with the seconds between which the likeliest path has it, and how likely its letters are."""
        if not text:
            return []
        placed = align(log_p_SV, letters_of(text, self.saved))
        step = self.ears.frames * self.ears.features.hop / self.saved.rate
        found, at = [], 0
        for word in text.split(" "):
            letters = placed[at : at + len(word)]
            at += len(word) + 1
            sure = np.mean([float(log_p_SV[own.first : own.end, own.letter].max()) for own in letters])
            found.append(
                {
                    "word": word,
                    "start": round(letters[0].first * step, 3),
                    "end": round(letters[-1].end * step, 3),
                    "probability": round(float(np.exp(sure)), 6),
                }
            )
        return found

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score all recordings of a table.

        Raises:
            DataError: a column is missing, or a recording cannot be read, with file and line.
        """
        # A folder of recordings calls its columns otherwise than the manifest that the model was trained with.
        own_names, others = ((self.saved.audio,), self.saved.target), ((), None)
        tried = (data.model_copy(update={"inputs": inputs, "target": target}) for inputs, target in (own_names, others))
        columns = next((found for own in tried if (found := find_columns(table, own)) is not None), None)
        if columns is None:
            raise DataError(
                f"the model needs the columns '{self.saved.audio}' of recordings and '{self.saved.target}' of"
                f" transcripts; the columns are {', '.join(table.columns)}",
                table.paths[0],
            )
        names = [recording_name(table, columns, row) for row in range(len(table))]
        texts = [spoken_text(cell) for cell in table.texts(columns.text)]
        self._check_alphabet(table, columns, texts)
        return self.score(texts, hear(self._network, self._features_of(table, columns)), names)

    def _check_alphabet(self, table: Table, columns: Columns, texts: Sequence[str]) -> None:
        """Raise if no transcript holds a letter that the model writes: they are of another alphabet, and a score would
        say nothing of what was heard."""
        known = set(self.saved.letters) - {" "}
        told = [(row, text) for row, text in enumerate(texts) if text]
        if told and not any(known & set(text) for _, text in told):
            row, text = told[0]
            raise DataError(
                f"none of {len(told):,} transcripts holds a letter that the model writes"
                f" ({''.join(sorted(known))[:60]!r}), the first is {text[:40]!r}: write them in the alphabet of the"
                " training transcripts",
                *table.place(row),
            )

    def _features_of(self, table: Table, columns: Columns) -> Iterator[np.ndarray]:
        for row in range(len(table)):
            recording = recording_of_row(table, columns, row, self._longest)
            for problem in recording.problems:
                if problem.kind not in _HEARD:
                    raise DataError(named(table, columns, row, problem.text), *table.place(row))
            yield self.features(recording)

    def score(self, gold: Sequence[str], log_ps: Iterable[np.ndarray], names: Sequence[str]) -> Scores:
        """Score what the network heard against the transcripts."""
        return score_transcripts(Transcribed(gold, self.reading.texts(log_ps, self.saved), names), seed=self._seed)

    def listen(self, rate: int) -> Listener:
        """A listener for a stream of so many samples per second.

        Raises:
            ConfigError: the model reads from both ends.
        """
        return Listener(self._network, self.ears, self.reading, self.saved, rate)
