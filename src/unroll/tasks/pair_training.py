"""The training of a network that reads one text and writes another.

Shapes: B pairs, S source tokens, T target tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from unroll.data import pad_tokens
from unroll.tasks.pair_data import Encoded
from unroll.training import Loss


@dataclass(frozen=True)
class PairTraining:
    """Batches of pairs and their cost.

    Attributes:
        encoded: the tokens of all pairs.
        rows: those that train.
        smoothing: of the labels.
        batch_size: pairs of a batch.
        seed: of the batches.
    """

    encoded: Encoded
    rows: np.ndarray
    smoothing: float
    batch_size: int
    seed: int

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Pairs of like length together."""
        return self.encoded.batches(self.rows, self.batch_size, seed=self.seed, epoch=epoch)

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """The cost of the target's tokens and ends, with smoothed labels; the mean runs over them."""
        source, sources = pad_tokens([self.encoded.sources[row] for row in rows])
        target, targets = pad_tokens([self.encoded.targets[row] for row in rows])
        batch = [part.to(device) for part in (source, sources, target, targets)]
        items = int(targets.sum()) + len(rows)
        return Loss(model(*batch, self.smoothing), items, int(sources.sum()) + items)


def default_training(pairs: int) -> dict[str, Any]:
    """Settings of training for so many pairs: about as many steps for few as for many."""
    return {
        "learning_rate": 1.5e-3,
        "epochs": int(np.clip(round(280_000 / pairs), 8, 40)),
        "batch_size": 64 if pairs > 15_000 else 32,
        "weight_decay": 0.01,
        "patience": 0,
        "average": 0.995,
    }
