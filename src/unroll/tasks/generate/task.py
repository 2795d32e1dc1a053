"""One-to-many: a language model of a text, and what it writes."""

from __future__ import annotations

import numpy as np

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.data import Table, Tokenizer, tokenizer_from_json
from unroll.data.text.corpus import is_running_text
from unroll.errors import DataError
from unroll.tasks.base import Guess, Task
from unroll.tasks.generate.data import GenerateData, prepare
from unroll.tasks.generate.job import GenerateJob
from unroll.tasks.generate.network import build_network
from unroll.tasks.generate.options import OPTIONS
from unroll.tasks.generate.predictor import GeneratePredictor
from unroll.tasks.generate.settings import GenerateSettings
from unroll.tasks.running_text import text_column
from unroll.tasks.transfer import Offer, below
from unroll.training import Monitor, TrainSettings


class GenerateTask(Task[GenerateSettings, GenerateData]):
    """A language model of running text."""

    name = "generate"
    summary = "a language model of a text: characters, words or BPE pieces; writes on from a seed text"
    monitor = Monitor("bits_per_character", higher_is_better=False)
    Settings = GenerateSettings
    options = OPTIONS

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """Plain text files, or a column of text and nothing to predict from it."""
        if data.target is not None:
            return None
        column = text_column(table, data)
        if column is None:
            return None
        if is_running_text(table) and len(table.columns) == 1:
            return Guess(0.5, "task generate: a language model of the whole text", data)
        reason = f"task generate: a language model of the texts in '{column}'"
        return Guess(0.05, reason, data.model_copy(update={"inputs": (column,)}))

    def prepare(self, table: Table, config: RunConfig, settings: GenerateSettings) -> GenerateData:
        """Cut the text, learn its tokens."""
        return prepare(table, config, settings)

    def build(
        self, data: GenerateData, config: RunConfig, settings: GenerateSettings, training: TrainSettings
    ) -> GenerateJob:
        """The network, for so many streams of the text."""
        if len(data.train) - 1 < training.batch_size:
            raise DataError(
                f"the training text has {len(data.train)} tokens, too few for {training.batch_size} streams;"
                " lower training.batch_size",
                data.path,
            )
        network = build_network(data.tokenizer.size, settings)
        return GenerateJob(data, network, settings, streams=training.batch_size, seed=config.seed)

    def load(self, folder: RunFolder) -> GeneratePredictor:
        """Build the predictor of a finished run."""
        settings = validate(GenerateSettings, folder.config.model, "model")
        tokenizer = tokenizer_from_json(folder.read_text("tokenizer.json"))
        network = build_network(tokenizer.size, settings)
        folder.load_weights(network)
        column = (*folder.config.data.inputs, "text")[0]
        return GeneratePredictor(network, tokenizer, settings, folder.config.seed, column=column)

    def offer(self, folder: RunFolder) -> Offer:
        """The forwards layers of a run, for a task that starts from it."""
        settings = validate(GenerateSettings, folder.config.model, "model")
        tokenizer = tokenizer_from_json(folder.read_text("tokenizer.json"))
        network = build_network(tokenizer.size, settings)
        folder.load_weights(network)
        layers = below("body.", network.state_dict())
        weights = {f"encoder.forwards.{name}": tensor for name, tensor in layers.items()}
        return Offer(
            tokenizer,
            settings.encoder,
            settings.embedding_size,
            settings.hidden_size,
            settings.num_layers,
            {"embedding.weight": network.embedding.weight.detach(), **weights},
        )

    def tokens_of(self, tokenizer: Tokenizer, text: str) -> np.ndarray:
        """Between line breaks."""
        return tokenizer.encode(f"\n{text}\n")
