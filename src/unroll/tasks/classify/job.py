"""The training of a classifier.

Shapes: N rows, B batch, T time, K classes or labels.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from unroll.bundle import RunFolder
from unroll.data import bucketed_batches
from unroll.models.ensemble import SeriesEnsemble
from unroll.models.wide import Network, WideAndDeep
from unroll.report import Section
from unroll.tasks.base import Job, Scores
from unroll.tasks.classify.baselines import series_baselines, text_baselines
from unroll.tasks.classify.beside import Beside
from unroll.tasks.classify.data import ClassifyData
from unroll.tasks.classify.examples import SeriesExamples
from unroll.tasks.classify.network import deep_part, network_layers
from unroll.tasks.classify.predictor import ClassifyPredictor
from unroll.tasks.classify.scores import SCORED, Labelled, measure, probabilities_of, row_logits, tuned_thresholds
from unroll.tasks.classify.series import decides
from unroll.tasks.classify.settings import ClassifySettings
from unroll.tasks.classify.texts import Joined
from unroll.tasks.classify.wide import GRAMS, fit_grams
from unroll.tasks.transfer import TOKENIZER
from unroll.training import Loss, entropy

#: What the run folder's file of classes and columns is called.
FILE = "classes.json"


class ClassifyJob(Job):
    """A classifier in training.

    Args:
        data: prepared.
        network: for these data.
        settings: the run's model section.
        batch_size: rows of a batch.
        seed: of the batches.
        notes: what was decided, in words.
    """

    def __init__(
        self,
        data: ClassifyData,
        network: Network,
        settings: ClassifySettings,
        *,
        batch_size: int,
        seed: int,
        notes: tuple[str, ...],
    ) -> None:
        self.model = network
        self.splits = data.splits
        self.sources = data.sources
        self.notes = notes
        self.aided = data.saved.wide_size is not None or (data.saved.plan is not None and data.saved.plan.fixed > 0)
        self.data = data
        self._network = network
        self._settings = settings
        self._batch_size = batch_size
        self._seed = seed
        self._several = data.saved.several
        self._weights = _class_weights(data.truth_NK[data.split.train], settings.class_weights)
        self._wide_logits: Tensor | None = None
        self._beside: Beside | None = None
        deep = deep_part(network)
        if isinstance(deep, SeriesEnsemble) and isinstance(data.examples, SeriesExamples):
            deciding = decides(data.split, settings)
            self._beside = Beside(deep, data.examples, data.truth_NK, data.split, seed=seed, deciding=deciding)

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Rows of like length together."""
        rows = self.data.split.train
        groups = bucketed_batches(self.data.examples.sizes()[rows], self._batch_size, seed=self._seed, epoch=epoch)
        return [rows[group] for group in groups]

    def batch(self, rows: np.ndarray) -> tuple[tuple[Tensor, ...], Tensor]:
        """The inputs, and (B, K) which classes each row has."""
        return self.data.examples.batch(rows), torch.from_numpy(self.data.truth_NK[rows])

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """Cross-entropy with smoothed labels; with several labels, the sum of one logistic loss per label."""
        inputs, truth = self.feed.take(rows)
        batch = [tensor.to(device) for tensor in inputs]
        left_out = () if self._beside is None else self._beside.left_out(rows)
        logits = model(*batch, *(tensor.to(device) for tensor in left_out))
        truth = truth.to(device)
        weights = None if self._weights is None else self._weights.to(device)
        smoothing = self._settings.label_smoothing
        share = 1.0
        if logits.dim() == 3:
            # Networks side by side: the loss of a row is the mean of those that learn from it.
            member = torch.arange(len(logits), device=device).unsqueeze(1)
            learns = member.expand(logits.shape[:2]) != (left_out[0].to(device) if left_out else -1)
            logits, truth = logits[learns], truth.expand(len(logits), -1, -1)[learns]
            share = len(rows) / max(1, len(logits))
        if self._several:
            target = truth.to(logits.dtype) * (1 - smoothing) + smoothing / 2
            total = nn.functional.binary_cross_entropy_with_logits(logits, target, weight=weights, reduction="sum")
        else:
            total = nn.functional.cross_entropy(
                logits, truth.to(torch.uint8).argmax(dim=1), weight=weights, label_smoothing=smoothing, reduction="sum"
            )
        return Loss(total * share, len(rows), int(batch[-1].sum()))

    def begin(self) -> None:
        """Fit the linear model beside the network, if there is one."""
        if self._beside is not None:
            self._beside.fit()
        grams = self.data.forms.grams
        if isinstance(self._network, WideAndDeep) and grams is not None:
            rows = self.data.split.train
            fit_grams(
                self._network.wide,
                Joined(self.data.table, self.data.saved.inputs, rows),
                grams,
                self.data.truth_NK[rows],
                exclusive=not self._several,
                class_weights=self._weights,
            )

    def validate(self) -> dict[str, float]:
        """The validation split's values, without intervals; nothing where its rows are too few to decide."""
        if "validation" not in self.splits or (self._beside is not None and not self._beside.deciding):
            return {}
        truth = self.data.truth_NK[self.data.split.validation]
        probabilities = probabilities_of(self._network, self._validation_logits())
        thresholds = tuned_thresholds(truth, probabilities) if self._several else None
        measured = measure(truth, probabilities, thresholds=thresholds, intervals=False)
        return {name: score.value for name, score in measured.items()}

    def chance(self) -> float:
        """The loss of the classes' shares, smoothed as the truth is; with several labels, of all labels' shares."""
        truth_NK = self.data.truth_NK[self.data.split.train]
        smoothing = self._settings.label_smoothing
        weights = np.ones(truth_NK.shape[1]) if self._weights is None else self._weights.double().numpy()
        if self._several:
            shares = truth_NK.mean(axis=0) * (1 - smoothing) + smoothing / 2
            return float(sum(w * entropy(np.array([p, 1 - p])) for w, p in zip(weights, shares, strict=True)))
        counts, rows = truth_NK.sum(axis=0), len(truth_NK)
        mass = weights * ((1 - smoothing) * counts + smoothing * rows / len(counts))
        return entropy(mass) * float(mass.sum()) / rows

    def settle(self) -> None:
        """Fit the temperature, with several labels a threshold per label, and the share of the linear model if there
        is one, on validation, or on rows of training that networks left out in turn."""
        if not len(self._held):
            return
        decision = self._network.decision
        logits, truth = self._validation_logits(), self.data.truth_NK[self._held]
        decision.calibrate(logits, self._target(truth, logits.device))
        if self._several:
            thresholds = tuned_thresholds(truth, probabilities_of(self._network, logits))
            decision.thresholds.copy_(torch.from_numpy(thresholds))

    def layers(self) -> list[list[nn.Module]]:
        """The answer, the recurrent layers from the highest down, the steps' vectors."""
        return network_layers(deep_part(self._network), self.data.saved.start)

    def predictor(self) -> ClassifyPredictor:
        """The network as it stands."""
        return ClassifyPredictor(self._network, self.data.saved, self.data.forms)

    def evaluate(self, split: str) -> Scores:
        """Scores with intervals and the sections that show them."""
        return self.predictor().score(self._labelled(split))

    def _labelled(self, split: str) -> Labelled:
        rows = getattr(self.data.split, split)
        return Labelled(self.data.table, self.data.examples, rows, self.data.truth_NK[rows])

    def sections(self) -> list[Section]:
        """Of numeric sequences what the answers lean on, in the split that the report is about."""
        shown = [split for split in ("test", "validation") if split in self.splits]
        return self.predictor().leaning(self._labelled(shown[0])) if shown else []

    def remarks(self, scores: Scores) -> list[str]:
        """What networks and linear model have to say in the answers, and how each did on rows that it left out."""
        return [] if self._beside is None else self._beside.remarks()

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """Majority, and TF-IDF with logistic regression for texts or the nearest neighbour for sequences."""
        data = self.data
        rows = {name: getattr(data.split, name) for name in self.splits}
        if isinstance(data.examples, SeriesExamples):
            return series_baselines(data.examples, data.truth_NK, data.split.train, rows, several=self._several)
        texts = Joined(data.table, data.saved.inputs)
        return text_baselines(texts, data.truth_NK, data.split.train, rows, several=self._several)

    def save(self, folder: RunFolder) -> None:
        """Classes, columns and sizes; the vocabulary of a text model."""
        folder.write_json(FILE, self.data.saved.model_dump(mode="json"))
        if self.data.forms.features is not None:
            folder.write_text("tokenizer.json", self.data.forms.features.to_json())
        if self.data.forms.grams is not None:
            folder.write_text(GRAMS, self.data.forms.grams.to_json())
        if self.data.pretrained is not None:
            folder.write_text(TOKENIZER, self.data.pretrained.tokenizer.to_json())

    @property
    def _held(self) -> np.ndarray:
        """The rows that answers are fitted to which were not learnt from."""
        return self.data.split.validation if self._beside is None else self._beside.held

    def _target(self, truth_NK: np.ndarray, device: torch.device) -> Tensor:
        """The truth as `Decision` takes it."""
        return torch.from_numpy(truth_NK if self._several else truth_NK.argmax(axis=1)).to(device)

    def _validation_logits(self) -> Tensor:
        """(N, K) logits of `_held`, after the share of the linear model was fitted on it."""
        rows, network, examples = self._held, self._network, self.data.examples
        if self._beside is not None:
            device = network.decision.temperature.device
            return self._beside.scores(self._target(self.data.truth_NK[rows], device))
        if not isinstance(network, WideAndDeep):
            return row_logits(network, examples, rows)
        network.share.fill_(0.0)
        deep = row_logits(network, examples, rows)
        if self._wide_logits is None:
            # Once for all epochs: the linear model does not change any more.
            chunks = (rows[at : at + SCORED] for at in range(0, len(rows), SCORED))
            with torch.no_grad():
                wide = [
                    network.wide(*(tensor.to(deep.device) for tensor in examples.batch(chunk)[-3:])) for chunk in chunks
                ]
            self._wide_logits = torch.cat(wide)
        target = self._target(self.data.truth_NK[rows], deep.device)
        return network.weigh(deep, self._wide_logits.to(deep.device), target)


def _class_weights(truth_NK: np.ndarray, kind: str) -> Tensor | None:
    """(K,) weights with which every class counts the same; None for none."""
    if kind == "none":
        return None
    counts = truth_NK.sum(axis=0)
    return torch.from_numpy(counts.sum() / (len(counts) * counts)).float()
