"""Many-to-one, and spans: the answer to a question about a story or a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.data import Finding, Split, Table, WordTokenizer, tokenizer_from_json
from unroll.data.text.saved import tokens_from_json
from unroll.errors import BundleError, DataError
from unroll.tasks.answer.choice import ChoiceReading
from unroll.tasks.answer.data import AnswerData, draw_split, prepare
from unroll.tasks.answer.job import FILE, AnswerJob
from unroll.tasks.answer.options import OPTIONS
from unroll.tasks.answer.predictor import AnswerPredictor
from unroll.tasks.answer.questions import find_columns, find_form, findings
from unroll.tasks.answer.reading import Reading
from unroll.tasks.answer.settings import AnswerSettings, Saved
from unroll.tasks.answer.span import SpanReading
from unroll.tasks.base import Guess, Task
from unroll.tasks.options import NO_SETTINGS, Model
from unroll.training import Monitor, TrainSettings

#: Formats that hold nothing but questions about stories.
_SURE = ("babi", "squad")


class AnswerTask(Task[AnswerSettings, AnswerData]):
    """The answer to a question about a story or a text."""

    name = "answer"
    summary = "the answer to a question about a story, or the span of a text that answers it"
    monitor = Monitor("score", higher_is_better=True)
    Settings = AnswerSettings
    options = OPTIONS

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """Columns of stories, questions and answers."""
        columns = find_columns(table, data)
        if columns is None:
            return None
        filled = data.model_copy(
            update={"target": columns.answer, "inputs": (columns.story, columns.question)},
        )
        if find_form(table, columns) == "span":
            what = f"spans of '{columns.story}' that answer '{columns.question}', from '{columns.answer}'"
        else:
            what = f"the '{columns.answer}' to '{columns.question}' about '{columns.story}'"
        return Guess(0.97 if table.format in _SURE else 0.92, f"task answer: {what}", filled)

    def split(self, table: Table, config: RunConfig) -> Split | None:
        """Whole stories."""
        columns = find_columns(table, config.data)
        return None if columns is None else draw_split(table, config, columns)

    def prepare(self, table: Table, config: RunConfig, settings: AnswerSettings) -> AnswerData:
        """Check the questions, split, learn words and answers."""
        columns = find_columns(table, config.data)
        if columns is None:
            raise DataError(
                f"answer needs columns of stories, questions and answers, got {', '.join(table.columns)};"
                " name them with --target and --set data.inputs=STORY,QUESTION",
                table.paths[0],
            )
        return prepare(table, config, settings, columns)

    def build(
        self, data: AnswerData, config: RunConfig, settings: AnswerSettings, training: TrainSettings
    ) -> AnswerJob:
        """The network."""
        return AnswerJob(data, data.reading.network(), batch_size=training.batch_size, seed=config.seed)

    def load(self, folder: RunFolder) -> AnswerPredictor:
        """Build the predictor of a finished run."""
        saved = validate(Saved, folder.read_json(FILE), str(folder.path / FILE))
        settings = validate(AnswerSettings, folder.config.model, "model")
        text = folder.read_text("tokenizer.json")
        reading: Reading[Any]
        if saved.form == "choice":
            tokenizer = tokenizer_from_json(text)
            if not isinstance(tokenizer, WordTokenizer):
                raise BundleError(f"{folder.tokenizer}: expected a tokenizer of words")
            reading = ChoiceReading(tokenizer, saved.answers, settings)
        else:
            reading = SpanReading(tokens_from_json(text), saved.rarity, settings)
        network = reading.network()
        folder.load_weights(network)
        return AnswerPredictor(network, reading, saved, seed=folder.config.seed)

    def findings(self, table: Table, data: DataConfig, model: Model = NO_SETTINGS) -> Iterator[Finding]:
        """Everything that is wrong with the questions, with file and line."""
        columns = find_columns(table, data)
        if columns is not None:
            yield from findings(table, columns, validate(AnswerSettings, model, "model").answer)
