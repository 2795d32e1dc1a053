"""Questions in splits, and what is learnt from those of training before the network is: words and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unroll.bundle import RunConfig
from unroll.data import Split, Table, split_rows
from unroll.report.words import model_name
from unroll.tasks.answer.choice import ChoiceReading
from unroll.tasks.answer.questions import SET, Columns, Question, check_questions, find_form
from unroll.tasks.answer.reading import Reading
from unroll.tasks.answer.settings import AnswerSettings, Saved
from unroll.tasks.answer.span import SpanReading

#: The column of the article that a question is about.
_TITLE = "title"
#: Articles from which on whole articles are drawn; of fewer, texts.
_ARTICLES = 10


@dataclass(frozen=True)
class AnswerData:
    """Checked questions in splits.

    Attributes:
        questions: of every row; only those of `rows` are used.
        rows: of "train", "validation" and "test".
        reading: fitted on the train split.
        saved: columns and answers.
        training: settings that suit it.
        notes: what was decided, in words.
    """

    questions: list[Question]
    rows: Mapping[str, np.ndarray]
    reading: Reading[Any]
    saved: Saved
    training: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        """Which of "validation" and "test" have questions."""
        return tuple(name for name in ("validation", "test") if len(self.rows[name]))

    def of(self, split: str) -> list[Question]:
        """The questions of a split."""
        return [self.questions[row] for row in self.rows[split].tolist()]


def draw_split(table: Table, config: RunConfig, columns: Columns) -> Split:
    """Whole stories, texts or articles, of every set in proportion: questions about one of them share its facts."""
    data = config.data
    sets = None
    if SET in table.columns:
        _, sets = np.unique(np.array(list(table.texts(SET))), return_inverse=True)
    return split_rows(
        table,
        seed=config.seed,
        validation_fraction=data.validation_fraction,
        test_fraction=data.test_fraction,
        column=data.split_column,
        stratify=sets,
        groups=_groups(table, columns),
    )


def _groups(table: Table, columns: Columns) -> np.ndarray:
    """A number for every row, the same for questions about one story."""
    names: list[object]
    if table.format == "babi":
        # A story grows from question to question, and begins where its first sentence stands.
        names = [(table.place(row)[0], *table.item_lines(row)[:1]) for row in range(len(table))]
    else:
        stories = list(table.texts(columns.story))
        titles = list(table.texts(_TITLE)) if _TITLE in table.columns else []
        names = list(titles if len(set(titles)) >= _ARTICLES else stories)
    number: dict[object, int] = {}
    return np.array([number.setdefault(name, len(number)) for name in names], dtype=np.int64)


def prepare(table: Table, config: RunConfig, settings: AnswerSettings, columns: Columns) -> AnswerData:
    """Check the questions, split them, learn words and answers.

    Raises:
        DataError: a question has something wrong, with file and line.
    """
    form = settings.answer or find_form(table, columns)
    checked = check_questions(table, columns, form, broken=settings.broken, unanswered=settings.unanswerable)
    split = draw_split(table, config, columns)
    rows = {name: np.intersect1d(getattr(split, name), checked.kept) for name in split._fields}
    train = [checked.questions[row] for row in rows["train"].tolist()]
    reading: Reading[Any]
    reading = ChoiceReading.fitted(train, settings) if form == "choice" else SpanReading.fitted(train, settings)
    saved = Saved(
        form=form,
        story=columns.story,
        question=columns.question,
        answer=columns.answer,
        answers=reading.answers_known if isinstance(reading, ChoiceReading) else (),
        rarity=reading.rarity if isinstance(reading, SpanReading) else {},
    )
    notes = [*checked.notes, *_notes(reading, train, settings)]
    training = {"learning_rate": 3e-3, "epochs": 40, "batch_size": 32, "weight_decay": 0.01, "patience": 10}
    return AnswerData(checked.questions, rows, reading, saved, training, tuple(notes))


def _notes(reading: Reading[Any], train: list[Question], settings: AnswerSettings) -> list[str]:
    layers = f"{settings.num_layers} {model_name(settings.encoder)} layer(s) of {settings.hidden_size} both ways"
    if not isinstance(reading, ChoiceReading):
        different = len({question.text for question in train})
        about = f"{len(train):,} questions about {different:,} texts to train on"
        return [f"an answer is a span of its text, of at most {settings.longest} tokens; {about}", layers]
    notes = [
        f"an answer is one of the {len(reading.answers_known):,} of training; {len(train):,} questions to train on,"
        f" {reading.tokenizer.size:,} words",
        f"{layers} over the sentences, looked at {settings.hops} times",
    ]
    long = sum(len(question.story) > settings.memory for question in train)
    if long:
        notes.append(
            f"{long:,} stories have more than model.memory={settings.memory} sentences; of those the last are read"
        )
    return notes
