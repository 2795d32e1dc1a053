"""Many-to-many, aligned: a tag for every token of a sentence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.data import Finding, Split, Table, tokenizer_from_json
from unroll.data.text.saved import tokens_from_json
from unroll.errors import DataError
from unroll.metrics.entities import detect_scheme
from unroll.tasks.base import Guess, Task
from unroll.tasks.options import NO_SETTINGS, Model
from unroll.tasks.tag.data import TagData, draw_split, find_columns, findings, prepare
from unroll.tasks.tag.job import FILE, WORDS, TagJob
from unroll.tasks.tag.network import build_network, pieces_of
from unroll.tasks.tag.options import OPTIONS
from unroll.tasks.tag.predictor import TagPredictor
from unroll.tasks.tag.settings import Saved, TagSettings, Words
from unroll.tasks.transfer import TOKENIZER, take
from unroll.training import Monitor, TrainSettings


class TagTask(Task[TagSettings, TagData]):
    """A tag for every token."""

    name = "tag"
    summary = "a tag for every token of a sentence: parts of speech, named entities"
    monitor = Monitor("score", higher_is_better=True)
    Settings = TagSettings
    options = OPTIONS

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """A column of tokens beside one of as many tags."""
        columns = find_columns(table, data)
        if columns is None:
            return None
        filled = data.model_copy(update={"target": columns.tags, "inputs": (columns.tokens,)})
        tags = table.labels(columns.tags, np.arange(min(len(table), 1000)))
        what = "entities" if detect_scheme(tags) is not None else "tags"
        return Guess(0.95, f"task tag: the {what} in '{columns.tags}' of the tokens in '{columns.tokens}'", filled)

    def split(self, table: Table, config: RunConfig) -> Split | None:
        """Sentences by themselves."""
        return draw_split(table, config)

    def prepare(self, table: Table, config: RunConfig, settings: TagSettings) -> TagData:
        """Check the sentences, split, learn the vocabulary."""
        columns = find_columns(table, config.data)
        if columns is None:
            raise DataError(
                f"tag needs a column of tokens and one of tags, got {', '.join(table.columns)};"
                " name them with --target and --set data.inputs=..., or the format with --format conll",
                table.paths[0],
            )
        return prepare(table, config, settings, columns)

    def build(self, data: TagData, config: RunConfig, settings: TagSettings, training: TrainSettings) -> TagJob:
        """The network, with the weights of the run that it starts from."""
        network = build_network(data.saved, data.features, settings)
        pieces = None
        if data.pretrained is not None and network.contexts is not None:
            take({"": network.contexts}, data.pretrained)
            pieces = pieces_of(data.saved, data.pretrained.tokenizer)
        return TagJob(data, network, pieces, best=settings.best, batch_size=training.batch_size, seed=config.seed)

    def load(self, folder: RunFolder) -> TagPredictor:
        """Build the predictor of a finished run."""
        saved = validate(Saved, folder.read_json(FILE), str(folder.path / FILE))
        settings = validate(TagSettings, folder.config.model, "model")
        features = tokens_from_json(folder.read_text("tokenizer.json"))
        network = build_network(saved, features, settings)
        folder.load_weights(network)
        pieces = None
        if saved.start is not None:
            pieces = pieces_of(saved, tokenizer_from_json(folder.read_text(TOKENIZER)))
        known = None
        # A run of an earlier version did not keep the words.
        if folder.has(WORDS):
            known = frozenset(validate(Words, folder.read_json(WORDS), str(folder.path / WORDS)).words)
        return TagPredictor(network, saved, features, settings.best, pieces, known=known, seed=folder.config.seed)

    def findings(self, table: Table, data: DataConfig, model: Model = NO_SETTINGS) -> Iterator[Finding]:
        """Everything that is wrong with the sentences, with file and line."""
        columns = find_columns(table, data)
        if columns is not None:
            yield from findings(table, columns)
