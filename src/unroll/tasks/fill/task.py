"""Many-to-one from both sides: the word that is missing in a text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.data import Finding, Table, tokeniser_from_json
from unroll.tasks.base import Guess, Task
from unroll.tasks.fill.data import FillData, gaps_in_text, prepare
from unroll.tasks.fill.job import FillJob
from unroll.tasks.fill.network import build_compared, load_network
from unroll.tasks.fill.predictor import FillPredictor
from unroll.tasks.fill.settings import FillSettings
from unroll.tasks.running_text import text_column
from unroll.training import Monitor, TrainSettings


class FillTask(Task[FillSettings, FillData]):
    """The missing word of a text."""

    name = "fill"
    summary = "the missing word of a text, from what stands on both sides of it"
    monitor = Monitor("accuracy", higher_is_better=True)
    Settings = FillSettings

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """Any text, but only if nothing else can be made of it: it is asked for with --task fill."""
        if data.target is not None:
            return None
        column = text_column(table, data)
        if column is None:
            return None
        filled = data.model_copy(update={"inputs": (column,)})
        return Guess(0.01, f"task fill: the missing word of the texts in '{column}'", filled)

    def prepare(self, table: Table, config: RunConfig, settings: FillSettings) -> FillData:
        """Cut the text into rows, learn its tokens."""
        return prepare(table, config, settings)

    def build(self, data: FillData, config: RunConfig, settings: FillSettings, training: TrainSettings) -> FillJob:
        """The network, and the one that it is compared with."""
        models = build_compared(data.tokeniser.size, settings)
        return FillJob(data, models, settings, batch_size=training.batch_size, seed=config.seed)

    def load(self, folder: RunFolder) -> FillPredictor:
        """Build the predictor of a finished run."""
        settings = validate(FillSettings, folder.config.model, "model")
        tokeniser = tokeniser_from_json(folder.read_text("tokenizer.json"))
        column = (*folder.config.data.inputs, "text")[0]
        return FillPredictor(load_network(folder, tokeniser.size, settings), tokeniser, settings, column)

    def findings(self, table: Table, data: DataConfig) -> Iterator[Finding]:
        """Rows that already hold a gap: its underscores would be learnt as a word."""
        column = text_column(table, data)
        gaps = list(gaps_in_text(table, column))
        for row, text in itertools.islice(gaps, 5):
            path, line = table.place(row)
            yield Finding("warning", f"the text holds a gap already: {text[:60]!r}", path, line, "remove such rows")
        if len(gaps) > 5:
            yield Finding("warning", f"{len(gaps) - 5:,} more rows hold a gap already")
