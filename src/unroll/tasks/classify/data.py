"""A table as a classifier's data: which columns hold the classes and which the inputs, the classes of every row, the
split, and the vocabulary.

Shapes: N rows, K classes or labels.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unroll.bundle import RunConfig
from unroll.data import Kind, Table, split_rows
from unroll.data.table.numbers import class_name
from unroll.data.table.splits import Split
from unroll.data.text.features import CHARACTER, LONGEST, WORD, StepFeatures
from unroll.data.text.split import split_words
from unroll.errors import ConfigError, DataError, nearest
from unroll.tasks.classify.columns import Columns
from unroll.tasks.classify.examples import Examples, Gaps, SeriesExamples, TextForms, open_examples
from unroll.tasks.classify.series import HIDDEN, plan_series, series_training, training_rows
from unroll.tasks.classify.settings import ClassifySettings, Saved
from unroll.tasks.classify.texts import Joined
from unroll.tasks.classify.wide import train_grams
from unroll.tasks.transfer import Pretrained, RunTokens, check_fits, read_pretrained


def row_labels(table: Table, column: str, *, several: bool) -> list[tuple[str, ...]]:
    """The labels of every row.

    Args:
        table: the data.
        column: the target.
        several: whether a cell may hold several labels, or none.

    Raises:
        DataError: a cell is empty where one class is needed, with file and line.
    """
    if several:
        return table.labels(column)
    # Rows of a class share one tuple: of a million rows a tuple each would take more room than the texts of short rows.
    shared: dict[str, tuple[str, ...]] = {}
    labels = []
    for row, text in enumerate(table.texts(column)):
        label = class_name(text.strip())
        if not label:
            raise DataError(
                f"column '{column}' must name a class, got an empty cell; fill it or remove the row", *table.place(row)
            )
        labels.append(shared.setdefault(label, (label,)))
    return labels


def class_matrix(
    table: Table, column: str, labels: list[tuple[str, ...]], classes: tuple[str, ...], rows: np.ndarray
) -> np.ndarray:
    """(rows, K) bool: which classes each of these rows has.

    Raises:
        DataError: a label is none of the classes that the model knows, with file and line.
    """
    number = {class_name(name): k for k, name in enumerate(classes)}
    out = np.zeros((len(rows), len(classes)), dtype=bool)
    for position, row in enumerate(rows):
        for label in labels[int(row)]:
            if label not in number:
                shown = ", ".join(classes[:8]) + (", ..." if len(classes) > 8 else "")
                raise DataError(
                    f"column '{column}': the class '{label}' is not in the train part{nearest(label, classes)};"
                    f" known: {shown}; correct it, or add such rows to the train part",
                    *table.place(int(row)),
                )
            out[position, number[label]] = True
    return out


#: Letters of scripts that write no spaces between words: Thai, Lao, Burmese, Khmer, kana, Chinese characters.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")

#: Steps of the optimiser that small data is trained for: where validation stops getting better on the recorded runs.
_TEXT_STEPS = 800
_SERIES_STEPS = 3_000

#: Rows from which a feature must be met in three texts, not two, to be kept.
_LARGE = 20_000


@dataclass(frozen=True)
class ClassifyData:
    """A classifier's data, split, with vocabulary and scaler fitted on the train split.

    Attributes:
        table: the rows.
        saved: columns, classes and sizes.
        split: the rows of each split.
        truth_NK: (rows, K) bool, of all rows.
        forms: how a text is read.
        examples: the rows as the network takes them.
        pretrained: the run that this one starts from.
        statistics: mean and deviation (I,) of the train split's steps; None for texts.
        training: settings that suit so many rows.
        gaps: the missing values of numeric sequences; None for texts.
    """

    table: Table
    saved: Saved
    split: Split
    truth_NK: np.ndarray
    forms: TextForms
    examples: Examples
    pretrained: Pretrained | None
    statistics: tuple[np.ndarray, np.ndarray] | None
    training: Mapping[str, Any]
    gaps: Gaps | None = None

    @property
    def splits(self) -> tuple[str, ...]:
        """Which of "validation" and "test" hold rows."""
        return tuple(name for name in ("validation", "test") if len(getattr(self.split, name)))

    @property
    def sources(self) -> tuple[Path, ...]:
        """The files of the run that this one starts from."""
        return () if self.pretrained is None else self.pretrained.files


def prepare(table: Table, config: RunConfig, settings: ClassifySettings, columns: Columns) -> ClassifyData:
    """Split the rows, and fit the vocabulary or the scaler on the train split.

    Raises:
        DataError: there are fewer than two classes to learn, a cell is empty, or a class is met after training only.
        ConfigError: the settings do not fit the data.
    """
    several = has_several(table, columns.target, settings)
    labels = row_labels(table, columns.target, several=several)
    split = draw_split(table, config, labels, several=several)
    if columns.series:
        split = training_rows(table, split, config, settings)
    classes = tuple(sorted(set(itertools.chain.from_iterable(labels[int(row)] for row in split.train))))
    if len(classes) < 2:
        raise DataError(
            f"column '{columns.target}' must name at least two classes in the train part, got"
            f" {', '.join(map(repr, classes)) or 'none'}; choose another column with --target",
            table.paths[0],
        )
    truth_NK = class_matrix(table, columns.target, labels, classes, np.arange(len(table)))
    pretrained = _read_start(settings, columns)
    if columns.series and settings.wide != "none":
        raise ConfigError(f"model.wide={settings.wide} counts n-grams of a text, got numeric sequences; leave it out")
    features, grams = None, None
    if not columns.series:
        texts = Joined(table, columns.inputs, split.train)
        features = _train_features(texts, settings) if pretrained is None or settings.words else None
        grams = None if settings.wide == "none" else train_grams(texts, settings.wide, len(classes))
    size, plan, lengths, gaps = 1 if features is None else features.size, None, np.empty(0, np.int64), None
    if columns.series:
        rows = SeriesExamples(table, columns.inputs)
        size, lengths = rows.features, rows.sizes()[split.train]
        plan, gaps = plan_series(lengths, size, settings), rows.gaps()
    saved = Saved(
        classes=classes,
        inputs=columns.inputs,
        target=columns.target,
        series=columns.series,
        several=several,
        input_size=size,
        hidden_size=settings.hidden_size or (96 if plan is None else HIDDEN),
        start=None if pretrained is None else pretrained.start,
        wide_size=None if grams is None else grams.size,
        plan=plan,
        gaps=gaps is not None and gaps.rows > 0,
    )
    forms = TextForms(_tokens(pretrained), features, grams)
    examples = open_examples(table, saved, forms)
    statistics = examples.statistics(split.train) if isinstance(examples, SeriesExamples) else None
    if plan is not None:
        training = series_training(plan, lengths, size)
    else:
        training = _suggested(len(split.train), len(classes), series=columns.series)
    return ClassifyData(table, saved, split, truth_NK, forms, examples, pretrained, statistics, training, gaps)


def has_several(table: Table, target: str, settings: ClassifySettings) -> bool:
    """Whether a row may have several classes."""
    return table.kinds[target] is Kind.LABELS if settings.several is None else settings.several


def draw_split(table: Table, config: RunConfig, labels: list[tuple[str, ...]], *, several: bool) -> Split:
    """The rows of each split, every class in proportion where a row has one."""
    ids = {name: k for k, name in enumerate(sorted(set(itertools.chain.from_iterable(labels))))}
    return split_rows(
        table,
        seed=config.seed,
        validation_fraction=config.data.validation_fraction,
        test_fraction=config.data.test_fraction,
        column=config.data.split_column,
        stratify=None if several else np.array([ids[names[0]] for names in labels], dtype=np.int64),
    )


def _read_start(settings: ClassifySettings, columns: Columns) -> Pretrained | None:
    """The run that this one starts from."""
    if settings.init is None:
        return None
    if columns.series:
        raise ConfigError(
            f"--init {settings.init}: a model of text cannot start one of numeric sequences; leave it out"
        )
    pretrained = read_pretrained(settings.init, bidirectional=settings.bidirectional)
    if not settings.words:
        sizes = {name: getattr(settings, name) for name in ("hidden_size", "num_layers")}
        given = {"encoder": settings.network(series=False), **sizes}
        check_fits(pretrained, given, settings.init)
    return pretrained


def _tokens(pretrained: Pretrained | None) -> RunTokens | None:
    if pretrained is None:
        return None
    return RunTokens(pretrained.tokenizer, pretrained.start.task)


def _train_features(texts: Joined, settings: ClassifySettings) -> StepFeatures:
    """The features of words or characters."""
    unit = settings.tokens or likely_unit(itertools.islice(texts, 2_000))
    return StepFeatures.train(
        texts,
        unit=unit,
        longest=LONGEST[unit] if settings.ngrams is None else settings.ngrams,
        pairs=settings.pairs,
        least=2 if len(texts) < _LARGE else 3,
        most=settings.vocabulary,
    )


def likely_unit(texts: Iterable[str]) -> str:
    """Words where texts have several of them; characters for single words and for scripts that write no spaces."""
    words, unspaced, letters = [], 0, 0
    for text in texts:
        if text.strip():
            words.append(len(split_words(text)))
            letters += sum(character.isalpha() for character in text)
            unspaced += len(_UNSPACED.findall(text))
    if not words:
        return WORD
    return CHARACTER if np.median(words) <= 1 or unspaced > letters / 3 else WORD


def _suggested(rows: int, classes: int, *, series: bool) -> dict[str, Any]:
    """Training settings for so many rows: enough steps on small data, enough epochs for many classes."""
    batch_size = 16 if rows < 2_000 else 32 if rows < 5_000 else 64
    steps = _SERIES_STEPS if series else _TEXT_STEPS + 8 * classes
    epochs = min(60, max(4, round(steps * batch_size / rows)))
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": 2e-3,
        "average": 0.99,
        "patience": max(3, epochs // 2),
    }
