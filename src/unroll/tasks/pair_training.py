"""The training of a network that reads one text and writes another.

Shapes: B pairs, S source tokens, T target tokens.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast

import numpy as np
import torch
from pydantic import BaseModel
from torch import Tensor, nn

from unroll.bundle import RunFolder
from unroll.data import pad_tokens
from unroll.models.encoder_decoder import EncoderDecoder
from unroll.tasks.base import Job
from unroll.tasks.pair_data import Encoded, PairData
from unroll.tasks.pair_settings import PairSettings
from unroll.tasks.pair_writer import PairWriter
from unroll.training import Loss

S = TypeVar("S", bound=BaseModel)


def spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many rows, evenly spread: those at the beginning of a file are often of one kind."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def pair_batch(pairs: Encoded) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sources (B, S) and their lengths (B,), targets (B, T) and theirs."""
    return (*pad_tokens(pairs.sources), *pad_tokens(pairs.targets))


def pair_loss(model: nn.Module, batch: Sequence[Tensor], smoothing: float, device: torch.device) -> Loss:
    """The cost of the targets of a batch and of their ends; the mean runs over them.

    Args:
        model: an `EncoderDecoder`, possibly wrapped for several processes.
        batch: as `pair_batch` makes it.
        smoothing: of the labels.
        device: of the model.
    """
    _, sources, _, targets = batch
    items = int(targets.sum()) + len(targets)
    return Loss(model(*(part.to(device) for part in batch), smoothing), items, int(sources.sum()) + items)


class PairJob(Job, abc.ABC, Generic[S]):
    """A network that reads one text and writes another, in training.

    Args:
        data: prepared.
        network: for these data.
        settings: of the run.
        batch_size: pairs of a batch.
        seed: of the batches.
    """

    #: What the run folder's file of columns is called.
    file: ClassVar[str]

    def __init__(
        self, data: PairData[S], network: EncoderDecoder, settings: PairSettings, *, batch_size: int, seed: int
    ) -> None:
        self.model = network
        self.splits = data.splits
        self.sources = data.sources
        self.notes = data.notes
        self.data = data
        self._smoothing = settings.smoothing
        self._batch_size = batch_size
        self._seed = seed

    @property
    def writer(self) -> PairWriter:
        """The network as it stands, with its vocabularies."""
        return PairWriter(cast(EncoderDecoder, self.model), self.data.vocabularies)

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Pairs of like length together."""
        return self.data.encoded.batches(self.data.rows["train"], self._batch_size, seed=self._seed, epoch=epoch)

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The pairs, padded."""
        return pair_batch(self.data.encoded.of(rows))

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """The cost of the target's tokens and ends, with smoothed labels; the mean runs over them."""
        return pair_loss(model, self.feed.take(rows), self._smoothing, device)

    def save(self, folder: RunFolder) -> None:
        """Columns and vocabularies."""
        folder.write_json(self.file, self.data.saved.model_dump(mode="json"))
        self.data.vocabularies.save(folder)


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
