"""Many-to-many over turns: an answer to what was said."""

from __future__ import annotations

from collections.abc import Iterator

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.data import Finding, Split, Table
from unroll.errors import DataError
from unroll.tasks.base import Guess, Task
from unroll.tasks.chat.data import ChatData, draw_split, find_columns, findings, named_turns, prepare
from unroll.tasks.chat.job import ChatJob
from unroll.tasks.chat.options import OPTIONS
from unroll.tasks.chat.predictor import ChatPredictor
from unroll.tasks.chat.settings import FILE, ChatSettings, Saved
from unroll.tasks.options import NO_SETTINGS, Model
from unroll.tasks.pair_settings import build_network
from unroll.tasks.pair_writer import load_writer
from unroll.training import Monitor, TrainSettings


class ChatTask(Task[ChatSettings, ChatData]):
    """An answer to what was said."""

    name = "chat"
    summary = "an answer to what was said: questions with answers, or conversations, to learn from"
    monitor = Monitor("perplexity", higher_is_better=False)
    Settings = ChatSettings
    options = OPTIONS
    writes_target = True

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """Columns of questions and answers, or one of turns, by their names."""
        columns = find_columns(table, data)
        if columns is None:
            return None
        inputs = (columns.question,) if columns.passage is None else (columns.question, columns.passage)
        filled = data.model_copy(update={"target": columns.answer, "inputs": inputs})
        if columns.answer is None:
            reason = f"task chat: each turn in '{columns.question}' from those before it"
        else:
            beside = "" if columns.passage is None else f" with '{columns.passage}'"
            reason = f"task chat: '{columns.answer}' as the answer to '{columns.question}'{beside}"
        return Guess(0.96 if named_turns(table, columns) else 0.0005, reason, filled)

    def split(self, table: Table, config: RunConfig) -> Split | None:
        """Conversations by themselves."""
        return draw_split(table, config)

    def prepare(self, table: Table, config: RunConfig, settings: ChatSettings) -> ChatData:
        """Check the pairs, split, learn the tokens."""
        columns = find_columns(table, config.data)
        if columns is None:
            raise DataError(
                f"chat needs columns of questions and answers, or one of turns, got {', '.join(table.columns)}; name"
                " them with --set data.inputs=COL and --target COL",
                table.paths[0],
            )
        return prepare(table, config, settings, columns)

    def build(self, data: ChatData, config: RunConfig, settings: ChatSettings, training: TrainSettings) -> ChatJob:
        """The network, untrained."""
        network = build_network(settings, *data.vocabularies.sizes, shared=data.vocabularies.shared)
        return ChatJob(data, network, settings, batch_size=training.batch_size, seed=config.seed)

    def load(self, folder: RunFolder) -> ChatPredictor:
        """Build the predictor of a finished run."""
        saved = validate(Saved, folder.read_json(FILE), str(folder.path / FILE))
        settings = validate(ChatSettings, folder.config.model, "model")
        return ChatPredictor(load_writer(folder, settings), saved, settings)

    def findings(self, table: Table, data: DataConfig, model: Model = NO_SETTINGS) -> Iterator[Finding]:
        """Empty turns, and answers that come again and again; with file and line."""
        columns = find_columns(table, data)
        if columns is not None:
            yield from findings(table, columns, validate(ChatSettings, model, "model").history)
