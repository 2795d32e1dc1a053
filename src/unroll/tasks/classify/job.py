"""Many-to-one: a text or a numeric sequence in, its class or labels out.

Shapes: N rows, B batch, T time, K classes or labels.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.cells import CELLS
from unroll.data import Kind, Table, bucketed_batches, split_rows, tokenizer_from_json
from unroll.data.text.features import CHARACTER, LONGEST, WORD, StepFeatures
from unroll.data.text.saved import steps_from_json
from unroll.data.text.split import split_words
from unroll.errors import ConfigError, DataError
from unroll.models.classifier import ManyToOne, SeriesSteps
from unroll.models.encoders import GRID
from unroll.models.towers import TowersToOne
from unroll.models.wide import WideAndDeep
from unroll.tasks.base import Guess, Job, Predictor, Scores, Task
from unroll.tasks.classify.baselines import series_baselines, text_baselines
from unroll.tasks.classify.data import Columns, class_matrix, find_columns, row_labels
from unroll.tasks.classify.examples import Joined, SeriesExamples
from unroll.tasks.classify.network import build_network, network_layers, take_over
from unroll.tasks.classify.options import OPTIONS
from unroll.tasks.classify.predictor import SCORED, ClassifyPredictor, TextForms, open_examples
from unroll.tasks.classify.scores import answers_scored, measure, probabilities_of, run_batches, tuned_thresholds
from unroll.tasks.classify.settings import ClassifySettings, Saved
from unroll.tasks.classify.wide import GRAMS, fit_grams, train_grams
from unroll.tasks.transfer import TOKENIZER, Pretrained, check_fits, encode, read_pretrained
from unroll.training import Loss, Monitor, TrainSettings

#: What the run folder's file of classes and columns is called.
_FILE = "classes.json"

#: Letters of scripts that write no spaces between words: Thai, Lao, Burmese, Khmer, kana, Chinese characters.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")

#: Steps of the optimiser that small data is trained for: where validation stops getting better on the recorded runs.
_TEXT_STEPS = 800
_SERIES_STEPS = 3_000

#: Rows from which a feature must be met in three texts, not two, to be kept.
_LARGE = 20_000


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
        self._pretrained = self._read_start()
        self._features = self._train_features()
        self._grams = self._train_grams()
        if self._features is not None:
            size = self._features.size
        else:
            size = SeriesExamples(table, columns.inputs).features if columns.series else 1
        self._saved = Saved(
            classes=self.classes,
            inputs=columns.inputs,
            target=columns.target,
            series=columns.series,
            several=several,
            input_size=size,
            hidden_size=settings.hidden_size or 96,
            start=None if self._pretrained is None else self._pretrained.start,
            wide_size=None if self._grams is None else self._grams.size,
        )
        forms = TextForms(self._tokens(), self._features, self._grams)
        self._examples = open_examples(table, self._saved, forms)
        self._weights = self._class_weights()
        network = build_network(self._saved, settings)
        self._deep = deep = network.deep if isinstance(network, WideAndDeep) else network
        if isinstance(self._examples, SeriesExamples) and isinstance(deep, ManyToOne):
            mean, deviation = self._examples.statistics(self._split.train)
            if isinstance(deep.steps, SeriesSteps):
                deep.steps.standardise.fit(torch.from_numpy(mean), torch.from_numpy(deviation))
        if self._pretrained is not None and isinstance(deep, TowersToOne):
            take_over(deep, self._pretrained)
        self._wide_answers: Tensor | None = None
        if isinstance(network, WideAndDeep):
            self._fit_wide(network)
        self.model = network
        self._network = network
        self.training = self._suggested()
        self._batch_size = validate(TrainSettings, {**self.training, **config.training}, "training").batch_size
        self.notes = tuple(self._say())

    def _read_start(self) -> Pretrained | None:
        """The run that this one starts from."""
        settings = self._settings
        if settings.init is None:
            return None
        if self._columns.series:
            raise ConfigError(
                f"--init {settings.init}: a model of text cannot start one of numeric sequences; leave it out"
            )
        found = read_pretrained(settings.init, bidirectional=settings.bidirectional)
        if not settings.words:
            given = {name: getattr(settings, name) for name in ("encoder", "hidden_size", "num_layers")}
            check_fits(found, given, settings.init)
        self.sources = found.files
        return found

    def _tokens(self) -> Callable[[str], np.ndarray] | None:
        found = self._pretrained
        return None if found is None else functools.partial(encode, found.tokenizer, found.start.task)

    def _train_features(self) -> StepFeatures | None:
        """The features of words or characters; None for numbers, and where only tokens are read."""
        if self._columns.series or (self._pretrained is not None and not self._settings.words):
            return None
        texts = Joined(self._table, self._columns.inputs, self._split.train)
        unit = self._settings.tokens or likely_unit(itertools.islice(texts, 2_000))
        return StepFeatures.train(
            texts,
            unit=unit,
            longest=LONGEST[unit] if self._settings.ngrams is None else self._settings.ngrams,
            pairs=self._settings.pairs,
            least=2 if len(texts) < _LARGE else 3,
            most=self._settings.vocabulary,
        )

    def _train_grams(self) -> StepFeatures | None:
        """The n-grams of the linear model beside the network."""
        unit = self._settings.wide
        if unit == "none":
            return None
        if self._columns.series:
            raise ConfigError(f"model.wide={unit} counts n-grams of a text, got numeric sequences; leave it out")
        return train_grams(Joined(self._table, self._columns.inputs, self._split.train), unit, len(self.classes))

    def _fit_wide(self, network: WideAndDeep) -> None:
        if self._grams is not None:
            rows = self._split.train
            fit_grams(
                network.wide,
                Joined(self._table, self._columns.inputs, rows),
                self._grams,
                self._truth_NK[rows],
                exclusive=not self._several,
                class_weights=self._weights,
            )

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
            grams = f"with n-grams up to {self._features.longest}" if self._features.longest else "alone"
            known = self._features.size
            yield f"a step is a {self._features.unit} {grams}; {known} features are known from the train part"
        if self._grams is not None:
            yield f"beside the network stands a linear model of {self._grams.size} features, by {self._grams.unit}"
        if self._columns.series:
            yield f"every step has {self._saved.input_size} values, standardised by the train part"
        settings = self._settings
        if self._pretrained is not None:
            yield self._pretrained.note
        directions = " in both directions" if settings.bidirectional and settings.encoder in (*CELLS, GRID) else ""
        own = f"{settings.encoder} with {self._saved.hidden_size} features{directions}, "
        yield (
            ("" if self._features is None and not self._columns.series else own)
            + f"pooled by {' + '.join(settings.pooling)}; unless set otherwise: "
            + ", ".join(f"{key} {value:g}" for key, value in self.training.items())
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
        scores, truth = self._validation_answers(), self._truth_NK[self._split.validation]
        probabilities = probabilities_of(self._network, scores)
        thresholds = tuned_thresholds(truth, probabilities) if self._several else None
        measured = measure(truth, probabilities, thresholds=thresholds, intervals=False)
        return {name: score.value for name, score in measured.items()}

    def settle(self) -> None:
        """Fit the temperature, with several labels a threshold per label, and the share of the linear model if there
        is one, on validation."""
        if "validation" not in self.parts:
            return
        decision = self._network.decision
        scores, truth = self._validation_answers(), self._truth_NK[self._split.validation]
        decision.calibrate(scores, self._target(truth, scores.device))
        if self._several:
            thresholds = tuned_thresholds(truth, probabilities_of(self._network, scores))
            decision.thresholds.copy_(torch.from_numpy(thresholds))

    def layers(self) -> list[list[nn.Module]]:
        """The answer, the recurrent layers from the highest down, the steps' vectors."""
        return network_layers(self._deep, self._saved.start)

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
        if self._grams is not None:
            folder.write_text(GRAMS, self._grams.to_json())
        if self._pretrained is not None:
            folder.write_text(TOKENIZER, self._pretrained.tokenizer.to_json())

    def _target(self, truth_NK: np.ndarray, device: torch.device) -> Tensor:
        """The truth as `Decision` takes it."""
        return torch.from_numpy(truth_NK if self._several else truth_NK.argmax(axis=1)).to(device)

    def _validation_answers(self) -> Tensor:
        """(N, K) scores of the validation part, after the share of the linear model was fitted on it."""
        rows, network = self._split.validation, self._network
        if not isinstance(network, WideAndDeep):
            return self._answers(rows)
        network.share.fill_(0.0)
        deep = self._answers(rows)
        if self._wide_answers is None:
            # Once for all epochs: the linear model does not change any more.
            chunks = (rows[at : at + SCORED] for at in range(0, len(rows), SCORED))
            with torch.no_grad():
                parts = [
                    network.wide(*(part.to(deep.device) for part in self._examples.batch(chunk)[-3:]))
                    for chunk in chunks
                ]
            self._wide_answers = torch.cat(parts)
        target = self._target(self._truth_NK[rows], deep.device)
        return network.weigh(deep, self._wide_answers.to(deep.device), target)

    def _answers(self, rows: np.ndarray) -> Tensor:
        """(N, K) scores of rows, in batches of like length."""
        order = np.argsort(self._examples.sizes()[rows], kind="stable")
        batches = (self._examples.batch(rows[order[at : at + SCORED]]) for at in range(0, len(order), SCORED))
        scores = run_batches(self._network, batches)
        back = torch.empty_like(scores)
        back[torch.from_numpy(order).to(scores.device)] = scores
        return back


class ClassifyTask(Task):
    """Texts or numeric sequences to classes."""

    name = "classify"
    summary = "texts or numeric sequences to classes, one or several per row"
    monitor = Monitor("accuracy", higher_is_better=True)
    Settings = ClassifySettings
    options = OPTIONS

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
        features, tokens, grams = None, None, None
        if not saved.series and (saved.start is None or settings.words):
            features = steps_from_json(folder.read_text("tokenizer.json"))
        if saved.start is not None:
            tokens = functools.partial(encode, tokenizer_from_json(folder.read_text(TOKENIZER)), saved.start.task)
        if saved.wide_size is not None:
            grams = steps_from_json(folder.read_text(GRAMS))
        network = build_network(saved, settings)
        folder.load_weights(network)
        return ClassifyPredictor(network, saved, TextForms(tokens, features, grams))


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
