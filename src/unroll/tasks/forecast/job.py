"""The training of a forecaster.

Shapes: S series, W windows, B batch, N steps of the horizon, Q quantiles.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from unroll.bundle import RunFolder
from unroll.data.batches import random_order
from unroll.models.forecaster import Forecaster, forecast_loss, likelihood_loss
from unroll.tasks.base import Job, Scores
from unroll.tasks.forecast.calibration import ratios_of
from unroll.tasks.forecast.data import EPOCH, ForecastData
from unroll.tasks.forecast.network import run_windows
from unroll.tasks.forecast.notes import combination_notes
from unroll.tasks.forecast.predictor import ForecastPredictor
from unroll.tasks.forecast.scores import baseline_forecasts, baseline_scores, scores_of
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.shoulders import fit_combination, keep, kept_of
from unroll.tasks.forecast.windows import Gathered
from unroll.training import Loss

#: What the run folder's file of series, scalings and sizes is called.
FILE = "series.json"


class ForecastJob(Job):
    """A forecaster in training.

    Args:
        data: prepared.
        network: for these data.
        settings: the run's model section.
        batch_size: windows of a batch.
        seed: of the batches.
        notes: what was decided, in words.
    """

    def __init__(
        self,
        data: ForecastData,
        network: Forecaster,
        settings: ForecastSettings,
        *,
        batch_size: int,
        seed: int,
        notes: tuple[str, ...],
    ) -> None:
        self.model = network
        self.splits = data.splits
        self.notes = notes
        self.data = data
        self._network = network
        self._settings = settings
        self._levels = torch.tensor(settings.quantiles)
        self._batch_size = batch_size
        self._seed = seed

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Windows of the train split in random order; a new draw for each epoch where there are too many."""
        order = random_order(len(self.data.windows["train"]), self._seed, epoch)[:EPOCH]
        return [order[at : at + self._batch_size] for at in range(0, len(order), self._batch_size)]

    def batch(self, rows: np.ndarray) -> Gathered:
        """The windows, and what follows each."""
        saved = self.data.saved
        return self.data.store.gather(*self.data.windows["train"].locate(rows), saved.input_length, saved.horizon)

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """Pinball loss and half the squared error of the mean, in units of each window."""
        saved = self.data.saved
        batch = self.feed.take(rows)
        likelihood = self._settings.distribution
        window, known, truth = batch.window.to(device), batch.known.to(device), batch.truth.to(device)
        if likelihood is not None:
            told = truth.masked_fill(~known, torch.nan)
            total = likelihood_loss(model(window._replace(told=told)), truth, known, likelihood)
        else:
            total = forecast_loss(model(window), truth, known, self._levels.to(device))
        return Loss(total, int(known.sum()), len(rows) * saved.input_length)

    def validate(self) -> dict[str, float]:
        """The validation split's values, without intervals."""
        if "validation" not in self.splits:
            return {}
        data = self.data
        forecasts = run_windows(self._network, data.store, *data.windows["validation"].all(), data.saved)
        yardstick = self.predictor().yardstick(data.store, data.begins("validation"))
        return {name: score.value for name, score in scores_of(forecasts, yardstick, intervals=False).items()}

    def settle(self) -> None:
        """Find the weights of the simple forecasts beside the network, and keep the errors of the latest validation
        windows, by which the band is calibrated."""
        data, pool = self.data, []
        saved, windows = data.saved, data.windows.get("validation")
        if not saved.calibrated or windows is None:
            return
        if saved.simple:
            parts, levels = data.parts, self._settings.quantiles
            kept, earlier = fit_combination(self._network, data.store, windows, parts, levels, saved)
            keep(self._network, kept)
            self.notes = (*self.notes, *combination_notes(saved, kept.weights))
            pool.append(earlier)
        ratios = self._network.ratios
        if ratios is None:
            return
        # Of one series the latest; of several some of all.
        one = len(data.store.names) == 1
        count = min(len(ratios), len(windows))
        some = _chosen(len(windows), count, latest=one)
        begins = np.asarray(data.begins("validation"))
        latest = ratios_of(self.predictor().forecasts(data.store, windows.locate(some), begins))
        rest = len(ratios) - len(latest)
        earlier = pool[0][_chosen(len(pool[0]), min(rest, len(pool[0])), latest=one)] if pool else latest[:0]
        latest = np.concatenate([earlier, latest])
        ratios[len(ratios) - len(latest) :] = torch.from_numpy(latest)

    def remarks(self, scores: Scores) -> list[str]:
        """How often what came lay in the band, beside how often it should."""
        kept = kept_of(self._network)
        said = [] if kept is None else combination_notes(self.data.saved, kept.weights)
        levels, reached = self._settings.quantiles, scores.metrics.get("coverage")
        if reached is None or len(levels) == 1:
            return said
        return [*said, f"The {100 * (levels[-1] - levels[0]):.0f}% band held {100 * reached.value:.1f}% of what came."]

    def predictor(self) -> ForecastPredictor:
        """The network as it stands."""
        return ForecastPredictor(self._network, self.data.saved, self._settings)

    def evaluate(self, split: str) -> Scores:
        """Every origin of the split in turn, each forecast from what came before it."""
        data = self.data
        # What calibrated the band comes before the test split; the validation split is what calibrated it.
        fresh = np.asarray(data.begins("test")) if split == "test" else None
        return self.predictor().score(data.store, data.windows[split], data.begins(split), fresh)

    def baselines(self) -> dict[str, dict[str, Scores]]:
        """Forecasts of each window from its series alone."""
        data, predictor = self.data, self.predictor()
        reached: dict[str, dict[str, Scores]] = {}
        for split in self.splits:
            windows = data.windows[split].all()
            forecasts = baseline_forecasts(data.store, *windows, data.saved.horizon, data.saved.season)
            yardstick = predictor.yardstick(data.store, data.begins(split))
            for name, scores in baseline_scores(forecasts, yardstick).items():
                reached.setdefault(name, {})[split] = scores
        return reached

    def save(self, folder: RunFolder) -> None:
        """Columns, sizes, and the scaling of each series."""
        folder.write_json(FILE, self.data.saved.model_dump(mode="json"))


def _chosen(of: int, count: int, *, latest: bool) -> np.ndarray:
    """So many of some windows: the latest, or evenly spread."""
    return np.linspace(of - count if latest else 0, of - 1, count).astype(np.int64)
