"""Many-to-many without alignment: a text in another language."""

from __future__ import annotations

from collections.abc import Iterator

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.data import Finding, Split, Table
from unroll.errors import DataError
from unroll.tasks.base import Guess, Task
from unroll.tasks.options import NO_SETTINGS, Model
from unroll.tasks.pair_settings import build_network
from unroll.tasks.pair_writer import load_writer
from unroll.tasks.translate.data import (
    TranslateData,
    draw_split,
    find_columns,
    findings,
    named_languages,
    prepare,
)
from unroll.tasks.translate.job import TranslateJob
from unroll.tasks.translate.options import OPTIONS
from unroll.tasks.translate.predictor import TranslatePredictor
from unroll.tasks.translate.settings import FILE, Saved, TranslateSettings
from unroll.training import Monitor, TrainSettings


class TranslateTask(Task[TranslateSettings, TranslateData]):
    """A text in another language."""

    name = "translate"
    summary = "a text in another language, or said otherwise: pairs of texts to learn from"
    monitor = Monitor("score", higher_is_better=True)
    Settings = TranslateSettings
    options = OPTIONS
    writes_target = True

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """Two columns of texts, surest if their names are languages."""
        columns = find_columns(table, data)
        if columns is None:
            return None
        named = named_languages(table)
        filled = data.model_copy(update={"target": columns.target, "inputs": (columns.source,)})
        reason = f"task translate: from '{columns.source}' to '{columns.target}'"
        notes = ("name the other way with --target and --source",) if data.target is None else ()
        return Guess(0.97 if named else 0.001, reason, filled, notes)

    def split(self, table: Table, config: RunConfig) -> Split | None:
        """Pairs by themselves."""
        return draw_split(table, config)

    def prepare(self, table: Table, config: RunConfig, settings: TranslateSettings) -> TranslateData:
        """Check the pairs, split, learn the tokens."""
        data = config.data
        if settings.source is not None and settings.source == data.target:
            # The target was guessed before the source was known.
            data = data.model_copy(update={"target": None, "inputs": ()})
        columns = find_columns(table, data, settings.source)
        if columns is None:
            raise DataError(
                f"translate needs two columns of texts, got {', '.join(table.columns)}; name them with --source and"
                " --target",
                table.paths[0],
            )
        return prepare(table, config, settings, columns)

    def build(
        self, data: TranslateData, config: RunConfig, settings: TranslateSettings, training: TrainSettings
    ) -> TranslateJob:
        """The network, untrained."""
        network = build_network(settings, *data.vocabularies.sizes, shared=data.vocabularies.shared)
        return TranslateJob(data, network, settings, batch_size=training.batch_size, seed=config.seed)

    def load(self, folder: RunFolder) -> TranslatePredictor:
        """Build the predictor of a finished run."""
        saved = validate(Saved, folder.read_json(FILE), str(folder.path / FILE))
        settings = validate(TranslateSettings, folder.config.model, "model")
        return TranslatePredictor(load_writer(folder, settings), saved, settings)

    def findings(self, table: Table, data: DataConfig, model: Model = NO_SETTINGS) -> Iterator[Finding]:
        """Empty sides, odd lengths, texts that were not translated; with file and line."""
        columns = find_columns(table, data)
        if columns is not None:
            yield from findings(table, columns, validate(TranslateSettings, model, "model").ratio)
