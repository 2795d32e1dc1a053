"""The training of a model of the missing word.

Shapes: N tokens of a row, B rows.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from unroll.baselines.gap import NGramGap
from unroll.bundle import RunFolder
from unroll.data import bucketed_batches, pad_tokens
from unroll.ids import FIRST_ID
from unroll.models.fill import GapModel, GapModels
from unroll.tasks.base import Job, Score, Scores
from unroll.tasks.fill.data import FillData
from unroll.tasks.fill.predictor import FillPredictor
from unroll.tasks.fill.scores import TOP, Predicted, predict_gaps
from unroll.tasks.fill.settings import FillSettings
from unroll.training import Loss, entropy

#: The name of the same model without its right side.
LEFT = "the same model, left side only"


class FillJob(Job):
    """A model of the missing word in training.

    Args:
        data: prepared.
        models: for its tokens: the network, and beside it the one that it is compared with.
        settings: the run's model section.
        batch_size: rows of a batch.
        seed: of the batches.
    """

    def __init__(
        self, data: FillData, models: GapModels, settings: FillSettings, *, batch_size: int, seed: int
    ) -> None:
        self.model = models
        self.splits = data.splits
        self.notes = data.notes
        self.data = data
        self._models = models
        self._settings = settings
        self._batch_size = batch_size
        self._seed = seed

    @property
    def network(self) -> GapModel:
        """The model that knows both sides; the one that knows the left side is a baseline and not saved."""
        return self._models.both

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Rows of like length together."""
        train = self.data.train
        lengths = np.array([len(self.data.rows["train"].ids[row]) for row in train])
        groups = bucketed_batches(lengths, self._batch_size, seed=self._seed, epoch=epoch)
        return [train[group] for group in groups]

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """ids (B, T) and lengths (B,)."""
        return pad_tokens([self.data.rows["train"].ids[int(row)].astype(np.int64) for row in rows])

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """Cross-entropy of every known token, each from its two sides; the two models' losses added."""
        ids, lengths = self.feed.take(rows)
        known = int((ids >= FIRST_ID).sum())
        return Loss(model(ids.to(device), lengths.to(device)), known, int(lengths.sum()))

    def chance(self) -> float:
        """The loss of the known tokens' frequencies, once for each model that is trained."""
        ids = np.concatenate([self.data.rows["train"].ids[row] for row in self.data.train])
        counts = np.bincount(ids[ids >= FIRST_ID])
        models = 1 if self._models.left is None else 2
        return models * entropy(counts)

    def validate(self) -> dict[str, float]:
        """Accuracy of the first and of the first five predictions."""
        if "validation" not in self.splits:
            return {}
        predicted = predict_gaps(self.network, self.data.rows["validation"], self.data.pieces.fillers)
        return {name: score.value for name, score in predicted.metrics().items()}

    def predictor(self) -> FillPredictor:
        """The network as it stands."""
        return FillPredictor(self.network, self.data.tokenizer, self._settings, "text")

    def evaluate(self, split: str) -> Scores:
        """Accuracy of the first and of the first five predictions over all words, and some of the gaps."""
        return self.predictor().score(self.data.rows[split])

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """The same model with the left side only; n-grams of both sides, their order chosen on validation."""
        scores: dict[str, dict[str, Scores]] = {}
        if not self.splits:
            return scores
        data, left = self.data, self._models.left
        if left is not None:
            scores[LEFT] = {
                split: Scores(predict_gaps(left, data.rows[split], data.pieces.fillers).metrics())
                for split in self.splits
            }
        train = [data.rows["train"].ids[row] for row in data.train]
        best: tuple[float, NGramGap] | None = None
        for order in range(1, self._settings.baseline_order + 1):
            model = NGramGap(train, data.tokenizer.size, order, data.pieces.fillers)
            reached = self._counted(model, self.splits[0])["accuracy"].value
            if best is None or reached > best[0]:
                best = reached, model
        if best is not None:
            name = f"{best[1].order}-gram from both sides"
            scores[name] = {split: Scores(self._counted(best[1], split)) for split in self.splits}
        return scores

    def _counted(self, model: NGramGap, split: str) -> dict[str, Score]:
        rows = self.data.rows[split]
        best = np.concatenate([model.best(row, own, TOP) for row, own in zip(rows.ids, rows.gaps, strict=True)])
        return Predicted(rows.truth(), best, np.zeros(best.shape)).metrics()

    def save(self, folder: RunFolder) -> None:
        """The tokenizer."""
        folder.write_text("tokenizer.json", self.data.tokenizer.to_json())
