"""Many-to-one: a text or a numeric sequence in, its class or labels out.

Shapes: N rows, B batch, T time, K classes or labels.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.cells import CELLS
from unroll.data import Kind, Table, bucketed_batches, pad_series, split_rows
from unroll.data.examples import (
    Examples,
    Joined,
    SeriesExamples,
    TextExamples,
    record_series,
    record_text,
    text_batch,
)
from unroll.data.features import CHARACTER, WORD, StepFeatures, split_words
from unroll.errors import DataError, nearest
from unroll.models.classifier import (
    Classifier,
    Decision,
    FeatureEmbedding,
    ManyToOne,
    SeriesSteps,
    Standardise,
    TextSteps,
)
from unroll.models.encoders import (
    OTHER_ENCODERS,
    BagEncoder,
    ConvolutionEncoder,
    RecurrentEncoder,
    WindowEncoder,
    recurrent_stack,
)
from unroll.models.pooling import POOLINGS, JoinedPooling
from unroll.tasks.base import Guess, Job, Predictor, Record, Scores, Task
from unroll.tasks.classify_baselines import series_baselines, text_baselines
from unroll.tasks.classify_columns import Columns, class_matrix, find_columns, row_labels
from unroll.tasks.classify_scores import answers_scored, measure, probabilities_of, run_batches, tuned_thresholds
from unroll.train import Loss, Monitor, TrainSettings

#: What the run folder's file of classes and columns is called.
_FILE = "classes.json"

#: Rows that are scored at once.
_SCORED = 256

#: Classes whose probabilities an answer lists.
_LISTED = 5

#: Letters of scripts that write no spaces between words: Thai, Lao, Burmese, Khmer, kana, Chinese characters.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")

#: Steps of the optimiser that small data is trained for: where validation stops getting better on the recorded runs.
_TEXT_STEPS = 800
_SERIES_STEPS = 3_000

#: Rows from which a feature must be met in three texts, not two, to be kept.
_LARGE = 20_000


class ClassifySettings(BaseModel):
    """The model of a classifier. None: chosen for the data, and said aloud."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    encoder: str = Field("lstm", description=f"{', '.join(CELLS)}; for comparison {', '.join(OTHER_ENCODERS)}")
    hidden_size: int | None = Field(None, ge=1, description="features of one step in each direction")
    num_layers: int = Field(1, ge=1, description="recurrent layers")
    bidirectional: bool = Field(True, description="read every row from both ends")
    embedding_size: int = Field(100, ge=1, description="numbers of a word's or character's vector")
    tokens: Literal["word", "character"] | None = Field(None, description="what a step of a text is")
    ngrams: int | None = Field(None, ge=0, le=8, description="longest character n-gram beside the step itself; 0: none")
    pairs: bool = Field(False, description="a word and the one before it are a feature, too")
    vocabulary: int = Field(50_000, ge=1, description="features kept, the most frequent first")
    pooling: tuple[str, ...] = Field(("last", "mean", "max"), min_length=1, description=f"any of {', '.join(POOLINGS)}")
    dropout: float = Field(0.5, ge=0, lt=1, description="before the last layer and between recurrent layers")
    embedding_dropout: float = Field(0.3, ge=0, lt=1, description="of single numbers of a step's vector")
    step_dropout: float = Field(0.1, ge=0, lt=1, description="of whole words or characters")
    feature_dropout: float = Field(0.2, ge=0, lt=1, description="of single features of a step")
    noise: float = Field(0.1, ge=0, description="on numeric sequences in training, in standard deviations")
    label_smoothing: float = Field(0.05, ge=0, lt=1, description="share of the truth that is spread over all classes")
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: every class counts the same in the loss"
    )
    several: bool | None = Field(None, description="whether a row may have several labels, or none")
    engine: str = Field("auto", description="what runs the recurrent layers; see `unroll info`")

    @field_validator("encoder")
    @classmethod
    def _known_encoder(cls, value: str) -> str:
        choices = (*CELLS, *OTHER_ENCODERS)
        if value not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}{nearest(value, choices)}")
        return value

    @field_validator("pooling")
    @classmethod
    def _known_pooling(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in POOLINGS:
                raise ValueError(f"expected any of {', '.join(POOLINGS)}, got '{name}'{nearest(name, POOLINGS)}")
        return value


class Saved(BaseModel):
    """What the run folder keeps beside weights, config and vocabulary: a closed, versioned schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    classes: tuple[str, ...] = Field(min_length=2, max_length=1_000_000)
    inputs: tuple[str, ...] = Field(min_length=1)
    target: str
    series: bool
    several: bool
    input_size: int = Field(ge=1, le=100_000_000)
    hidden_size: int = Field(ge=1, le=65_536)


class ClassifyJob(Job):
    """A classifier opened on its data.

    Args:
        table: the data.
        config: the run's config.
        settings: its model section.
        columns: which columns are used.
    """

    def __init__(self, table: Table, config: RunConfig, settings: ClassifySettings, columns: Columns) -> None:
        self._table = table
        self._seed = config.seed
        self._settings = settings
        self._columns = columns
        several = table.kinds[columns.target] is Kind.LABELS if settings.several is None else settings.several
        self._several = several
        labels = row_labels(table, columns.target, several=several)
        first = {name: k for k, name in enumerate(sorted(set(itertools.chain.from_iterable(labels))))}
        stratify = None if several else np.array([first[names[0]] for names in labels], dtype=np.int64)
        self._split = split_rows(
            table,
            seed=config.seed,
            validation_fraction=config.data.validation_fraction,
            test_fraction=config.data.test_fraction,
            column=config.data.split_column,
            stratify=stratify,
        )
        self.classes = tuple(sorted(set(itertools.chain.from_iterable(labels[int(row)] for row in self._split.train))))
        if len(self.classes) < 2:
            raise DataError(
                f"column '{columns.target}' must name at least two classes in the train part, got"
                f" {', '.join(map(repr, self.classes)) or 'none'}; choose another column with --target",
                table.paths[0],
            )
        rows = np.arange(len(table))
        self._truth_NK = class_matrix(table, columns.target, labels, self.classes, rows)
        self.parts = tuple(name for name in ("validation", "test") if len(getattr(self._split, name)))
        self._features: StepFeatures | None = None
        self._examples, size = self._open_inputs()
        self._saved = Saved(
            classes=self.classes,
            inputs=columns.inputs,
            target=columns.target,
            series=columns.series,
            several=several,
            input_size=size,
            hidden_size=settings.hidden_size or 96,
        )
        network = build_network(self._saved, settings)
        if isinstance(self._examples, SeriesExamples) and isinstance(network.steps, SeriesSteps):
            mean, deviation = self._examples.statistics(self._split.train)
            network.steps.standardise.fit(torch.from_numpy(mean), torch.from_numpy(deviation))
        self.model = network
        self._network = network
        self.training = self._suggested()
        self._batch_size = validate(TrainSettings, {**self.training, **config.training}, "training").batch_size
        self._weights = self._class_weights()
        self.notes = tuple(self._say())

    def _open_inputs(self) -> tuple[Examples, int]:
        """The rows as inputs, and how many features or channels they have."""
        if self._columns.series:
            series = SeriesExamples(self._table, self._columns.inputs)
            return series, series.features
        texts = Joined(self._table, self._columns.inputs, self._split.train)
        unit = self._settings.tokens or likely_unit(itertools.islice(texts, 2_000))
        self._features = StepFeatures.train(
            texts,
            unit=unit,
            longest=4 if self._settings.ngrams is None else self._settings.ngrams,
            pairs=self._settings.pairs,
            least=2 if len(texts) < _LARGE else 3,
            most=self._settings.vocabulary,
        )
        return TextExamples(self._table, self._columns.inputs, self._features), self._features.size

    def _suggested(self) -> dict[str, Any]:
        """Training settings for so many rows: enough steps on small data, enough epochs for many classes."""
        rows = len(self._split.train)
        batch_size = 16 if rows < 2_000 else 32 if rows < 5_000 else 64
        steps = _SERIES_STEPS if self._columns.series else _TEXT_STEPS + 8 * len(self.classes)
        epochs = min(60, max(4, round(steps * batch_size / rows)))
        return {
            "epochs": epochs,
            "batch_size": batch_size,
            "learning_rate": 2e-3,
            "average": 0.99,
            "patience": max(3, epochs // 2),
        }

    def _class_weights(self) -> Tensor | None:
        if self._settings.class_weights == "none":
            return None
        counts = self._truth_NK[self._split.train].sum(axis=0)
        return torch.from_numpy(counts.sum() / (len(counts) * counts)).float()

    def _say(self) -> Iterator[str]:
        split = self._split
        counts = self._truth_NK[split.train].sum(axis=0)
        kind = "labels, any number in a row" if self._several else "classes"
        rarest = int(counts.argmin())
        yield (
            f"{len(self.classes)} {kind}, in column '{self._columns.target}'; the rarest, '{self.classes[rarest]}', has"
            f" {counts[rarest]} of {len(split.train)} train rows"
        )
        yield f"{len(split.train)} rows train, {len(split.validation)} validate, {len(split.test)} test"
        if self._features is not None:
            grams = f"with character n-grams up to {self._features.longest}" if self._features.longest else "alone"
            known = self._features.size
            yield f"a step is a {self._features.unit} {grams}; {known} features are known from the train part"
        else:
            yield f"every step has {self._saved.input_size} values, standardised by the train part"
        settings = self._settings
        directions = " in both directions" if settings.bidirectional and settings.encoder in CELLS else ""
        yield (
            f"{settings.encoder} with {self._saved.hidden_size} features{directions}, pooled by"
            f" {' + '.join(settings.pooling)};"
            f" unless set otherwise: " + ", ".join(f"{key} {value:g}" for key, value in self.training.items())
        )

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Rows of like length together."""
        rows = self._split.train
        groups = bucketed_batches(self._examples.sizes()[rows], self._batch_size, seed=self._seed, epoch=epoch)
        return [rows[group] for group in groups]

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """Cross-entropy with smoothed labels; with several labels, the sum of one logistic loss per label."""
        batch = [tensor.to(device) for tensor in self._examples.batch(rows)]
        scores = model(*batch)
        truth = torch.from_numpy(self._truth_NK[rows]).to(device)
        weights = None if self._weights is None else self._weights.to(device)
        smoothing = self._settings.label_smoothing
        if self._several:
            target = truth.to(scores.dtype) * (1 - smoothing) + smoothing / 2
            total = nn.functional.binary_cross_entropy_with_logits(scores, target, weight=weights, reduction="sum")
        else:
            total = nn.functional.cross_entropy(
                scores, truth.to(torch.uint8).argmax(dim=1), weight=weights, label_smoothing=smoothing, reduction="sum"
            )
        return Loss(total, len(rows), int(batch[-1].sum()))

    def validate(self) -> dict[str, float]:
        """The validation part's values, without intervals."""
        if "validation" not in self.parts:
            return {}
        scores, truth = self._answers(self._split.validation), self._truth_NK[self._split.validation]
        probabilities = probabilities_of(self._network, scores)
        thresholds = tuned_thresholds(truth, probabilities) if self._several else None
        measured = measure(truth, probabilities, thresholds=thresholds, intervals=False)
        return {name: score.value for name, score in measured.items()}

    def settle(self) -> None:
        """Fit the temperature and, with several labels, a threshold per label, on validation."""
        if "validation" not in self.parts:
            return
        decision = self._network.decision
        scores, truth = self._answers(self._split.validation), self._truth_NK[self._split.validation]
        target = torch.from_numpy(truth if self._several else truth.argmax(axis=1)).to(scores.device)
        decision.calibrate(scores, target)
        if self._several:
            thresholds = tuned_thresholds(truth, probabilities_of(self._network, scores))
            decision.thresholds.copy_(torch.from_numpy(thresholds))

    def evaluate(self, part: str) -> Scores:
        """Scores with intervals and the sections that show them."""
        rows = getattr(self._split, part)
        probabilities = probabilities_of(self._network, self._answers(rows))
        return answers_scored(
            self._network, self._table, self._examples, self.classes, rows, self._truth_NK[rows], probabilities
        )

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """Majority, and TF-IDF with logistic regression for texts or the nearest neighbour for sequences."""
        parts = {name: getattr(self._split, name) for name in self.parts}
        if isinstance(self._examples, SeriesExamples):
            return series_baselines(self._examples, self._truth_NK, self._split.train, parts, several=self._several)
        texts = Joined(self._table, self._columns.inputs)
        return text_baselines(texts, self._truth_NK, self._split.train, parts, several=self._several)

    def save(self, folder: RunFolder) -> None:
        """Classes, columns and sizes; the vocabulary of a text model."""
        folder.write_json(_FILE, self._saved.model_dump(mode="json"))
        if self._features is not None:
            folder.write_text("tokenizer.json", self._features.to_json())

    def _answers(self, rows: np.ndarray) -> Tensor:
        """(N, K) scores of rows, in batches of like length."""
        order = np.argsort(self._examples.sizes()[rows], kind="stable")
        batches = (self._examples.batch(rows[order[at : at + _SCORED]]) for at in range(0, len(order), _SCORED))
        scores = run_batches(self._network, batches)
        back = torch.empty_like(scores)
        back[torch.from_numpy(order).to(scores.device)] = scores
        return back


class ClassifyPredictor(Predictor):
    """A trained classifier.

    Args:
        network: with its weights.
        saved: its classes and columns.
        features: its vocabulary; None for numeric sequences.
    """

    def __init__(self, network: ManyToOne, saved: Saved, features: StepFeatures | None) -> None:
        self._network = network.eval()
        self._saved = saved
        self._features = features

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """The class (or labels) and the probabilities of the likeliest few.

        Raises:
            DataError: a record lacks a column, or its values do not fit.
        """
        stream = iter(records)
        while chunk := list(itertools.islice(stream, _SCORED)):
            probabilities = probabilities_of(self._network, run_batches(self._network, [self._batch(chunk)]))
            for row in probabilities:
                yield self._answer(row)

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score all rows.

        Raises:
            DataError: a column is missing, or a class is unknown, with file and line.
        """
        saved = self._saved
        for name in (*saved.inputs, saved.target):
            if name not in table.columns:
                known = ", ".join(table.columns)
                raise DataError(
                    f"the model needs the column '{name}'{nearest(name, table.columns)}; the columns are {known}",
                    table.paths[0],
                )
        rows = np.arange(len(table))
        labels = row_labels(table, saved.target, several=saved.several)
        truth = class_matrix(table, saved.target, labels, saved.classes, rows)
        examples: Examples
        if self._features is None:
            examples = SeriesExamples(table, saved.inputs)
        else:
            examples = TextExamples(table, saved.inputs, self._features)
        batches = (examples.batch(rows[at : at + _SCORED]) for at in range(0, len(rows), _SCORED))
        probabilities = probabilities_of(self._network, run_batches(self._network, batches))
        return answers_scored(self._network, table, examples, saved.classes, rows, truth, probabilities)

    def _batch(self, records: list[Record]) -> tuple[Tensor, ...]:
        saved = self._saved
        if self._features is None:
            return pad_series([record_series(record, saved.inputs, saved.input_size) for record in records])
        return text_batch([self._features.encode(record_text(record, saved.inputs)) for record in records])

    def _answer(self, probabilities: np.ndarray) -> dict[str, Any]:
        order = np.argsort(-probabilities, kind="stable")[:_LISTED]
        listed = {self._saved.classes[k]: round(float(probabilities[k]), 6) for k in order}
        if not self._saved.several:
            return {"label": self._saved.classes[order[0]], "probabilities": listed}
        thresholds = self._network.decision.thresholds.cpu().numpy()
        chosen = [
            name
            for name, value, least in zip(self._saved.classes, probabilities, thresholds, strict=True)
            if value >= least
        ]
        return {"labels": chosen, "probabilities": listed}


class ClassifyTask(Task):
    """Texts or numeric sequences to classes."""

    name = "classify"
    summary = "texts or numeric sequences to classes, one or several per row"
    monitor = Monitor("accuracy", higher_is_better=True)
    Settings = ClassifySettings

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """A column of few classes beside a text or a sequence."""
        columns = find_columns(table, data)
        if columns is None:
            return None
        filled = data.model_copy(update={"target": columns.target, "inputs": columns.inputs})
        shown = ", ".join(columns.inputs[:3]) + (
            f" and {len(columns.inputs) - 3} more" if len(columns.inputs) > 3 else ""
        )
        kind = "numeric sequence" if columns.series else "text"
        reason = f"task classify: the class in '{columns.target}' from the {kind} in {shown}"
        timed = any(kind is Kind.TIME for kind in table.kinds.values())
        return Guess(0.2 if timed and columns.series else 0.9, reason, filled)

    def open(self, table: Table, config: RunConfig, settings: Any) -> Job:
        """Split, fit the vocabulary or the scaler, build the model."""
        columns = find_columns(table, config.data)
        if columns is None:
            raise DataError(
                f"classify needs a column of classes and a text or a numeric sequence, got {', '.join(table.columns)};"
                " name them with --target and --set data.inputs=...",
                table.paths[0],
            )
        return ClassifyJob(table, config, settings, columns)

    def load(self, folder: RunFolder) -> Predictor:
        """Build the predictor of a finished run."""
        saved = validate(Saved, folder.read_json(_FILE), str(folder.path / _FILE))
        settings = validate(ClassifySettings, folder.config.model, "model")
        features = None if saved.series else StepFeatures.from_json(folder.read_text("tokenizer.json"))
        network = build_network(saved, settings)
        folder.load_weights(network)
        return ClassifyPredictor(network, saved, features)


def build_network(saved: Saved, settings: ClassifySettings) -> ManyToOne:
    """The untrained network for these classes, inputs and settings."""
    steps: TextSteps | SeriesSteps
    if saved.series:
        steps, size = SeriesSteps(Standardise(saved.input_size), noise=settings.noise), saved.input_size
    else:
        size = settings.embedding_size
        embedding = FeatureEmbedding(saved.input_size, size, dropout=settings.feature_dropout)
        steps = TextSteps(embedding, step_dropout=settings.step_dropout, dropout=settings.embedding_dropout)
    encoder = _encoder(size, saved.hidden_size, settings)
    pooling = JoinedPooling([POOLINGS[name](encoder.output_size) for name in settings.pooling])
    classifier = Classifier(encoder, pooling, len(saved.classes), dropout=settings.dropout)
    return ManyToOne(steps, classifier, Decision(len(saved.classes), exclusive=not saved.several))


def _encoder(
    size: int, hidden: int, settings: ClassifySettings
) -> RecurrentEncoder | ConvolutionEncoder | WindowEncoder | BagEncoder:
    other = OTHER_ENCODERS.get(settings.encoder)
    if other is BagEncoder:
        return BagEncoder(size)
    if other is WindowEncoder:
        return WindowEncoder(size, hidden, dropout=settings.dropout)
    if other is ConvolutionEncoder:
        return ConvolutionEncoder(size, hidden)
    cell = CELLS[settings.encoder]
    directions = 2 if settings.bidirectional else 1
    sizes = [size] + [hidden * directions] * (settings.num_layers - 1)
    cells = [tuple(cell(below, hidden) for _ in range(directions)) for below in sizes]
    return RecurrentEncoder(
        recurrent_stack(cells, dropout=settings.dropout if settings.num_layers > 1 else 0.0, engine=settings.engine)
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
