"""The training of a detector.

Shapes: B stretches of a batch, T steps of a stretch, C channels.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from unroll.bundle import RunFolder
from unroll.data.batches import random_order
from unroll.models.next_step import NextStep
from unroll.tasks.base import Job, Scores
from unroll.tasks.detect.data import STRETCH, WARM, DetectData
from unroll.tasks.detect.predictor import FILE, STARTS, DetectPredictor, starts_of
from unroll.tasks.detect.scores import UNLABELLED, baselines_of, best_thresholds
from unroll.tasks.detect.settings import DetectSettings
from unroll.tasks.detect.watching import Watched
from unroll.training import Loss

#: Stretches of one pass, at most; a new draw for each.
_EPOCH = 1_536


class DetectJob(Job):
    """A detector in training.

    Args:
        data: prepared.
        network: for these data.
        settings: the run's model section.
        batch_size: stretches of a batch.
        seed: of the batches.
        notes: what was decided, in words.
    """

    def __init__(
        self,
        data: DetectData,
        network: NextStep,
        settings: DetectSettings,
        *,
        batch_size: int,
        seed: int,
        notes: tuple[str, ...],
    ) -> None:
        self.model = network
        self.splits = ("test",)
        self.notes = notes
        self.data = data
        self._network = network
        self._settings = settings
        self._batch_size = batch_size
        self._seed = seed
        self._watched: list[Watched] | None = None

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Stretches of the probation parts in random order, a new draw for each epoch."""
        order = random_order(len(self.data.starts), self._seed, epoch)[:_EPOCH]
        return [order[at : at + self._batch_size] for at in range(0, len(order), self._batch_size)]

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Stretches of records, and the records that follow each; NaN where none is to be forecast."""
        lessons = self.data.lessons
        x = np.zeros((len(rows), STRETCH, lessons[0].x.shape[1]), np.float32)
        target = np.full((len(rows), STRETCH, lessons[0].target.shape[1]), np.nan, np.float32)
        for row, (number, start) in enumerate(self.data.starts[rows].tolist()):
            own = lessons[number]
            end = min(start + STRETCH, own.kept)
            x[row, : end - start] = own.x[start:end]
            target[row, WARM : end - start] = own.target[start + WARM : end]
        return torch.from_numpy(x), torch.from_numpy(target)

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """Huber's loss of the forecast of every next record, after the first steps of a stretch."""
        x, target = self.feed.take(rows)
        expected, _ = model(x.to(device))
        total, items = _huber(expected, target.to(device))
        return Loss(total, items, len(rows) * STRETCH)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The error of the forecasts at the end of the probation parts, each read from its beginning."""
        total, items = 0.0, 0
        device = next(self._network.parameters()).device
        training = self._network.training
        self._network.eval()
        for own in self.data.lessons:
            if own.kept < len(own.x):
                expected, _ = self._network(torch.from_numpy(own.x[None]).to(device))
                target = torch.from_numpy(own.target[None]).to(device)
                error, count = _huber(expected[:, own.kept :], target[:, own.kept :])
                total, items = total + float(error), items + count
        self._network.train(training)
        return {"forecast_error": total / items} if items else {}

    def settle(self) -> None:
        """Choose the threshold: the best one on all labels together, as the benchmark does, or the one for no
        labels."""
        kept, given = self._network.thresholds, self._settings.threshold
        kept.fill_(UNLABELLED if given is None else given)
        if given is None and any(own.windows for own in self._all()):
            kept.copy_(torch.tensor(best_thresholds(self._all(), self._settings)))

    def predictor(self) -> DetectPredictor:
        """The network as it stands."""
        return DetectPredictor(self._network, self.data.saved, self._settings)

    def evaluate(self, split: str) -> Scores:
        """Every record after the probation parts, each scored before the next is seen."""
        return self.predictor().score(self._all())

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """Simple detectors on the same records."""
        return {name: {"test": scores} for name, scores in baselines_of(self._all()).items()}

    def save(self, folder: RunFolder) -> None:
        """Columns and sizes, and the probation parts."""
        folder.write_json(FILE, self.data.saved.model_dump(mode="json"))
        folder.write_json(STARTS, starts_of(self.data.streams, self.data.probation))

    def _all(self) -> list[Watched]:
        """The streams with what the trained network says of them."""
        if self._watched is None:
            data = self.data
            self._watched = self.predictor().watch_all(data.streams, data.probation, data.windows)
        return self._watched


def _huber(expected: Tensor, target: Tensor) -> tuple[Tensor, int]:
    known = ~torch.isnan(target)
    loss = nn.functional.smooth_l1_loss(expected[known], target[known], reduction="sum")
    return loss, int(known.sum())
