"""Many-to-many, unaligned: a recording of speech in, its transcript out."""

from __future__ import annotations

from collections.abc import Iterator

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.data import Finding, Split, Table
from unroll.errors import DataError
from unroll.tasks.base import Guess, Task
from unroll.tasks.options import NO_SETTINGS, Model
from unroll.tasks.transcribe.columns import find_columns
from unroll.tasks.transcribe.data import Speech, draw_split, findings, prepare
from unroll.tasks.transcribe.job import FILE, SPOKEN, TranscribeJob, make_reading
from unroll.tasks.transcribe.network import build_network
from unroll.tasks.transcribe.options import OPTIONS
from unroll.tasks.transcribe.predictor import TranscribePredictor
from unroll.tasks.transcribe.settings import Saved, Spoken, TranscribeSettings
from unroll.tasks.transcribe.sound import ears_of
from unroll.training import Monitor, TrainSettings


class TranscribeTask(Task[TranscribeSettings, Speech]):
    """A transcript for a recording."""

    name = "transcribe"
    summary = "a recording of speech to its transcript"
    monitor = Monitor("wer", higher_is_better=False)
    stopping = Monitor("wer_and_loss", higher_is_better=False)
    Settings = TranscribeSettings
    options = OPTIONS
    writes_target = True

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """A column of recordings beside one of texts."""
        columns = find_columns(table, data)
        if columns is None:
            return None
        filled = data.model_copy(update={"target": columns.text, "inputs": (columns.audio,)})
        reason = f"task transcribe: the transcript in '{columns.text}' of the recordings in '{columns.audio}'"
        return Guess(0.98, reason, filled)

    def split(self, table: Table, config: RunConfig) -> Split | None:
        """Recordings by themselves."""
        return draw_split(table, config)

    def prepare(self, table: Table, config: RunConfig, settings: TranscribeSettings) -> Speech:
        """Read and check the recordings, split, learn the alphabet, compute the features."""
        columns = find_columns(table, config.data)
        if columns is None:
            raise DataError(
                "transcribe needs a column of recordings (paths, or samples as 'audio' beside their 'rate') and one of"
                f" transcripts, got {', '.join(table.columns)}; name them with --set data.inputs=... and --target",
                table.paths[0],
            )
        return prepare(table, config, settings, columns)

    def build(
        self, data: Speech, config: RunConfig, settings: TranscribeSettings, training: TrainSettings
    ) -> TranscribeJob:
        """The network."""
        network = build_network(data.saved, settings)
        ears = ears_of(data.saved.rate, settings)
        return TranscribeJob(data, network, ears, settings, batch_size=training.batch_size, seed=config.seed)

    def load(self, folder: RunFolder) -> TranscribePredictor:
        """Build the predictor of a finished run."""
        saved = validate(Saved, folder.read_json(FILE), str(folder.path / FILE))
        settings = validate(TranscribeSettings, folder.config.model, "model")
        network = build_network(saved, settings)
        folder.load_weights(network)
        spoken = validate(Spoken, folder.read_json(SPOKEN), str(folder.path / SPOKEN))
        weight, bonus = network.reading.tolist()
        reading = make_reading(settings, saved, spoken.counts, weight, bonus)
        ears = ears_of(saved.rate, settings)
        return TranscribePredictor(network, saved, ears, reading, longest=settings.longest, seed=folder.config.seed)

    def findings(self, table: Table, data: DataConfig, model: Model = NO_SETTINGS) -> Iterator[Finding]:
        """Everything that is wrong with the recordings and transcripts, with file and line."""
        columns = find_columns(table, data)
        if columns is not None:
            yield from findings(table, columns)
