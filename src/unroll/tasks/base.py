"""What every task is: how it is recognised, opened on data, scored, saved, loaded and asked."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from pydantic import BaseModel
from torch import Tensor, nn

from unroll.bundle import DataConfig, RunConfig, RunFolder
from unroll.data import Finding, Table
from unroll.report import Section
from unroll.train import Loss, Monitor

#: One thing to predict for: a text, or the columns of a row by name.
Record = str | Mapping[str, Any]


class Guess(NamedTuple):
    """How well a task fits a table.

    Attributes:
        confidence: 0 (not at all) to 1.
        reason: one sentence that is said aloud.
        data: the data config with the columns filled in.
    """

    confidence: float
    reason: str
    data: DataConfig


class Score(NamedTuple):
    """A metric's value and its 95 % confidence interval, if one was computed."""

    value: float
    interval: tuple[float, float] | None = None


class Scores(NamedTuple):
    """Metrics by name, the one that is watched first, and the sections that show them in the report."""

    metrics: dict[str, Score]
    sections: list[Section] = []  # noqa: RUF012 - a NamedTuple default, never mutated


class Job(abc.ABC):
    """A task opened on its data: the model, the loss and the scores of one run. Satisfies `unroll.train.Learner`.

    Attributes:
        model: the network that is trained.
        parts: which of "validation" and "test" hold rows.
        notes: what was decided on the way (columns, classes, sizes), one sentence each, said aloud.
        sources: files besides the data that the result depends on; a resumed run must find them unchanged.
        training: `TrainSettings` that suit this model and these data (learning rate, epochs ...): they hold where the
            run's config names none, so the pipeline trains with `{**job.training, **config.training}`.
    """

    model: nn.Module
    parts: tuple[str, ...]
    notes: tuple[str, ...] = ()
    sources: tuple[Path, ...] = ()
    training: Mapping[str, Any] = MappingProxyType({})

    @abc.abstractmethod
    def batches(self, epoch: int) -> list[np.ndarray]:
        """The global batches of row numbers of one epoch: a pure function of the run's seed and the epoch."""

    @abc.abstractmethod
    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """The summed loss of these rows. `model` is `self.model`, possibly wrapped for several processes."""

    @abc.abstractmethod
    def evaluate(self, part: str) -> Scores:
        """Score the model as it stands on "validation" or "test", used as it will be used."""

    @abc.abstractmethod
    def baselines(self) -> dict[str, dict[str, Scores]]:
        """Simple baselines on the same split: name -> part -> scores. Whatever they choose, they choose on
        validation."""

    @abc.abstractmethod
    def save(self, folder: RunFolder) -> None:
        """Write all that `Task.load` needs besides weights and config."""

    def settle(self) -> None:  # noqa: B027 - most tasks fit nothing then
        """Called once after training, with the best weights in place and before they are saved: the moment to fit on
        validation what belongs to the model (thresholds, a temperature), as buffers of it."""

    def validate(self) -> dict[str, float]:
        """Metric values on the validation part; empty if there is none."""
        if "validation" not in self.parts:
            return {}
        return {name: score.value for name, score in self.evaluate("validation").metrics.items()}

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Parameter groups for the optimiser: vectors (biases, gains) are not decayed."""
        groups: list[dict[str, Any]] = []
        for depth, modules in enumerate(self.layers()):
            trained = [p for module in modules for p in module.parameters() if p.requires_grad]
            matrices = [p for p in trained if p.dim() > 1]
            vectors = [p for p in trained if p.dim() <= 1]
            if matrices or not depth:
                groups.append({"params": matrices, "lr": learning_rate, "depth": depth})
            if vectors:
                groups.append({"params": vectors, "lr": learning_rate, "depth": depth, "weight_decay": 0.0})
        return groups

    def layers(self) -> list[list[nn.Module]]:
        """The modules that hold the parameters, every one once, from the answer down to the input: for learning rates
        and freezing by layer. One entry where the task tells no layers apart."""
        return [[self.model]]

    def carried(self) -> dict[str, Tensor]:
        """State that passes from one batch to the next; part of every checkpoint."""
        return {}

    def carry(self, state: dict[str, Tensor]) -> None:  # noqa: B027 - most tasks carry nothing
        """Take up the state that `carried` gave."""

    def sections(self) -> list[Section]:
        """Sections of the report that only this task has."""
        return []


class Predictor(abc.ABC):
    """A trained model that answers."""

    @abc.abstractmethod
    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """One JSON-able answer per record, in order."""

    @abc.abstractmethod
    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score on all rows of a table with the same columns."""


class NetworkParts(NamedTuple):
    """A trained network by itself, for other programs to run.

    Attributes:
        module: from tensors to tensors, without anything that is not a network.
        example: an argument of its forward by name, with every open axis larger than 1. Lengths are called `lengths`.
        outputs: names of what it gives, in order.
        metadata: what else is needed, as text: classes, columns, a vocabulary.
    """

    module: nn.Module
    example: Mapping[str, Tensor]
    outputs: tuple[str, ...]
    metadata: Mapping[str, str]


@runtime_checkable
class Exportable(Protocol):
    """A predictor whose network can stand by itself."""

    def network_parts(self) -> NetworkParts:
        """The network, and what is needed to run it elsewhere.

        Raises:
            ConfigError: this very network cannot stand by itself; the text says why.
        """
        ...


class Written(NamedTuple):
    """A text and what is written after it, a piece at a time, as it is made."""

    text: str
    pieces: Iterator[str]


@runtime_checkable
class Writer(Protocol):
    """A predictor that writes text."""

    def write(self, record: Record) -> Written:
        """Continue the text of a record."""
        ...


class Task(abc.ABC):
    """A kind of work: the wiring of reader, model, loss, decoding, metrics, baselines and plots.

    Class attributes:
        name: the word that `--task` takes.
        summary: one line for `--help` and the docs.
        monitor: the validation metric that early stopping goes by.
        Settings: the closed schema of the section `model` of the run's config, every key with a default and a
            description.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    monitor: ClassVar[Monitor]
    Settings: ClassVar[type[BaseModel]]

    @abc.abstractmethod
    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """Whether this table looks like this task; None if it cannot be."""

    @abc.abstractmethod
    def open(self, table: Table, config: RunConfig, settings: Any) -> Job:
        """Split the rows, fit vocabulary and scalers on the train part, build the model (seeded by the config).

        Args:
            table: the data.
            config: the run's config, columns filled in.
            settings: `config.model` as an instance of `Settings`.

        Raises:
            DataError: the data cannot serve this task; with file and line.
            ConfigError: the settings do not fit the data.
        """

    @abc.abstractmethod
    def load(self, folder: RunFolder) -> Predictor:
        """Build the predictor of a finished run from its folder."""

    def findings(self, table: Table, data: DataConfig) -> Iterable[Finding]:
        """What only this task can see in its data, for `unroll check`: every place that would falsify a result."""
        return ()
