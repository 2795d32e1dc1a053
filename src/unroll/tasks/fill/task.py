"""Many-to-one from both sides: the word that is missing in a text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.data import Finding, Table, Tokenizer, tokenizer_from_json
from unroll.tasks.base import Guess, Task
from unroll.tasks.fill.data import FillData, gaps_in_text, prepare
from unroll.tasks.fill.job import FillJob
from unroll.tasks.fill.network import build_compared, load_network
from unroll.tasks.fill.options import OPTIONS
from unroll.tasks.fill.predictor import FillPredictor
from unroll.tasks.fill.settings import FillSettings
from unroll.tasks.options import NO_SETTINGS, Model
from unroll.tasks.running_text import text_column
from unroll.tasks.transfer import Offer
from unroll.training import Monitor, TrainSettings


class FillTask(Task[FillSettings, FillData]):
    """The missing word of a text."""

    name = "fill"
    summary = "the missing word of a text, from what stands on both sides of it"
    monitor = Monitor("accuracy", higher_is_better=True)
    Settings = FillSettings
    options = OPTIONS

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
        models = build_compared(data.tokenizer.size, settings)
        return FillJob(data, models, settings, batch_size=training.batch_size, seed=config.seed)

    def load(self, folder: RunFolder) -> FillPredictor:
        """Build the predictor of a finished run."""
        settings = validate(FillSettings, folder.config.model, "model")
        tokenizer = tokenizer_from_json(folder.read_text("tokenizer.json"))
        column = (*folder.config.data.inputs, "text")[0]
        return FillPredictor(load_network(folder, tokenizer.size, settings), tokenizer, settings, column)

    def findings(self, table: Table, data: DataConfig, model: Model = NO_SETTINGS) -> Iterator[Finding]:
        """Rows that already hold a gap: its underscores would be learnt as a word."""
        column = text_column(table, data)
        gaps = list(gaps_in_text(table, column))
        for row, text in itertools.islice(gaps, 5):
            path, line = table.place(row)
            yield Finding("warning", f"the text holds a gap already: {text[:60]!r}", path, line, "remove such rows")
        if len(gaps) > 5:
            yield Finding("warning", f"{len(gaps) - 5:,} more rows hold a gap already")

    def offer(self, folder: RunFolder) -> Offer:
        """The vectors and the layers of a run, for a task that starts from it."""
        settings = validate(FillSettings, folder.config.model, "model")
        tokenizer = tokenizer_from_json(folder.read_text("tokenizer.json"))
        state = load_network(folder, tokenizer.size, settings).state_dict()
        return Offer(
            tokenizer,
            settings.encoder,
            settings.embedding_size,
            settings.hidden_size,
            settings.num_layers,
            {name: tensor for name, tensor in state.items() if name.startswith(("embedding.", "encoder."))},
        )

    def tokens_of(self, tokenizer: Tokenizer, text: str) -> np.ndarray:
        """Between edges."""
        return np.pad(tokenizer.encode(text), 1)
