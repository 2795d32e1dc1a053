"""What every task is: how it is recognised, opened on data, scored, saved, loaded and asked."""

from __future__ import annotations

import abc
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, Protocol

import numpy as np
import torch
from pydantic import BaseModel
from torch import Tensor, nn
from typing_extensions import TypeVar

from unroll.bundle import DataConfig, RunConfig, RunFolder
from unroll.data import Finding, Split, Table
from unroll.errors import ConfigError, DataError
from unroll.report import Section
from unroll.tasks.following import Followed
from unroll.tasks.options import NO_SETTINGS, Model, Options
from unroll.tasks.parts import NetworkParts
from unroll.training import Feed, Loss, Monitor, TrainSettings

#: One thing to predict for: a text, or the columns of a row by name.
Record = str | Mapping[str, Any]


class Guess(NamedTuple):
    """How well a task fits a table.

    Attributes:
        confidence: 0 (not at all) to 1.
        reason: one sentence that is said aloud.
        data: the data config with the columns filled in.
        notes: further sentences that are said aloud, such as which columns are left out and why.
    """

    confidence: float
    reason: str
    data: DataConfig
    notes: tuple[str, ...] = ()


class Score(NamedTuple):
    """A metric's value and its 95 % confidence interval, if one was computed."""

    value: float
    interval: tuple[float, float] | None = None

    def entry(self) -> dict[str, Any]:
        """As metrics.json has it."""
        return {"value": self.value, "interval": self.interval}


class Scores(NamedTuple):
    """Metrics by name, the one that is watched first, and the sections that show them in the report."""

    metrics: dict[str, Score]
    sections: list[Section] = []  # noqa: RUF012 - a NamedTuple default, never mutated


class Prepared(Protocol):
    """The data of a run, ready for a network: split, with vocabulary and scalers fitted on the train split."""

    @property
    def training(self) -> Mapping[str, Any]:
        """`TrainSettings` that suit these data (learning rate, epochs ...): they hold where the run's config names
        none."""


class Job(abc.ABC):
    """A network and its data: the loss and the scores of one run. Satisfies `unroll.training.Learner`.

    The third of a run's steps: `Task.prepare` makes the data, `Task.build` the network and this; its constructor only
    stores.

    Attributes:
        model: what is trained.
        splits: which of "validation" and "test" hold rows.
        notes: what was decided on the way (columns, classes, sizes), one sentence each, said aloud.
        aided: whether something that was fitted, not trained, answers beside the network.
        sources: files besides the data that the result depends on; a resumed run must find them unchanged.
    """

    model: nn.Module
    splits: tuple[str, ...]
    notes: tuple[str, ...] = ()
    aided: bool = False
    sources: tuple[Path, ...] = ()

    @property
    def network(self) -> nn.Module:
        """What is saved and answers: the model itself, unless something is trained beside it for comparison."""
        return self.model

    @abc.abstractmethod
    def batches(self, epoch: int) -> list[np.ndarray]:
        """The global batches of row numbers of one epoch: a pure function of the run's seed and the epoch."""

    def batch(self, rows: np.ndarray) -> Any:
        """What `loss` needs of these rows, on the CPU: a function of the rows alone, nothing drawn and no weights."""
        return rows

    @functools.cached_property
    def feed(self) -> Feed:
        """Where `loss` takes what `batch` makes, so that the report can say how long training waits for its data."""
        return Feed(self.batch)

    @property
    def waited(self) -> float:
        """Seconds that `loss` has waited for its rows so far."""
        return self.feed.seconds

    @abc.abstractmethod
    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        """The summed loss of these rows, taken from `feed`. `model` is `self.model`, possibly wrapped for several
        processes."""

    @abc.abstractmethod
    def predictor(self) -> Predictor:
        """The network as it stands, used as it will be used."""

    @abc.abstractmethod
    def evaluate(self, split: str) -> Scores:
        """Score "validation" or "test" with the predictor, as it scores a file."""

    @abc.abstractmethod
    def baselines(self) -> dict[str, dict[str, Scores]]:
        """Simple baselines on the same splits: name -> split -> scores. Whatever they choose, they choose on
        validation."""

    @abc.abstractmethod
    def save(self, folder: RunFolder) -> None:
        """Write all that `Task.load` needs besides weights and config."""

    def begin(self) -> None:  # noqa: B027 - most tasks fit nothing then
        """Called once before training: the moment to fit on the train split what gradients do not train."""

    def remarks(self, scores: Scores) -> list[str]:
        """Sentences about the scores of the split that the report begins with, to stand in its first lines."""
        return []

    def chance(self) -> float | None:
        """The training loss per item of the best answer that never looks at its input, such as the frequencies of the
        classes: a run that stays there has learnt nothing, and says so. None where it is not known."""
        return None

    def settle(self) -> None:  # noqa: B027 - most tasks fit nothing then
        """Called once after training, with the best weights in place and before they are saved: the moment to fit on
        validation what belongs to the model (thresholds, a temperature), as buffers of it."""

    def validate(self) -> dict[str, float]:
        """Metric values on the validation split; empty if there is none."""
        if "validation" not in self.splits:
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


class Example(NamedTuple):
    """One input of a network, for a look inside.

    Attributes:
        inputs: what the network is fed, a batch of one row.
        steps: what each of its T steps of time is called; empty where the task has no names for them.
    """

    inputs: tuple[Any, ...]
    steps: tuple[str, ...]


class Predictor(abc.ABC):
    """A trained model that answers, and the only place where a model is scored.

    Attributes:
        numbers: the columns whose cells it takes as numbers; all others it takes as they are written.
        files: the columns whose cells name files, which are looked for beside the table's own.
        lists: the columns whose cells are lists of tokens.
    """

    numbers: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    @property
    @abc.abstractmethod
    def network(self) -> nn.Module:
        """The network, with its weights, in evaluation mode."""

    @abc.abstractmethod
    def encode(self, records: Sequence[Record]) -> tuple[Any, ...]:
        """What the network is fed for these records: the arguments of its `forward`."""

    def steps(self, record: Record) -> Sequence[str]:
        """What the steps are called that the network reads of a record; empty where it has no names for them."""
        return ()

    def example(self, records: Sequence[Record], row: int = 0) -> Example:
        """One row of what `encode` makes of the records, with the names of its steps."""
        return Example(self.encode([records[row]]), tuple(self.steps(records[row])))

    def ask(self, inputs: tuple[Any, ...]) -> Tensor:
        """What the network says to what `encode` gave: scores (B, ...), those of all choices last."""
        answer: Tensor = self.network(*inputs)
        return answer

    def followed(self, record: Record) -> Followed:
        """How a look inside follows it on a record: where rows are inputs of their own, by what it answers first."""
        return Followed(self, apart=type(self).example is Predictor.example)

    def network_parts(self) -> tuple[NetworkParts, ...]:
        """The graphs of the network by themselves, and what is needed to run them elsewhere.

        Raises:
            ConfigError: this very network cannot stand by itself; the text says why.
        """
        raise ConfigError("the networks of this task say nothing of how they would stand by themselves")

    def costs(self, inputs: tuple[Any, ...], answer: Tensor) -> Tensor:
        """The cost from which gradients run back: (B, T) with one for each step, or (B,).

        That of the network's own first choice, where the input does not hold the right one.

        Args:
            inputs: as in `ask`.
            answer: what `ask` gave.
        """
        return -answer.log_softmax(dim=-1).amax(dim=-1)

    @abc.abstractmethod
    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """One JSON-able prediction per record, in order."""

    @abc.abstractmethod
    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score on all rows of a table with the same columns."""


#: The schema of a task's settings, and its prepared data; any, where a task is one of several.
S = TypeVar("S", bound=BaseModel, default=Any)
D = TypeVar("D", bound=Prepared, default=Any)


class Task(abc.ABC, Generic[S, D]):
    """A kind of work: the wiring of reader, model, loss, decoding, metrics, baselines and plots.

    Class attributes:
        name: the word that `--task` takes.
        summary: one line for `--help` and the docs.
        monitor: the metric that results are compared by.
        stopping: the validation metric that early stopping goes by, where it is another; None: `monitor`.
        Settings: the closed schema of the config's section `model`, every key with a default and a description.
        options: what the commands and the functions of Python offer by a name of their own.
        writes_target: whether the target is a text to write, not a class, a number or tags.
        as_they_stand: whether rows are taken in the order in which they stand, whatever their times are.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    monitor: ClassVar[Monitor]
    stopping: ClassVar[Monitor | None] = None
    Settings: ClassVar[type[BaseModel]]
    options: ClassVar[Options] = Options()
    writes_target: ClassVar[bool] = False
    as_they_stand: ClassVar[bool] = False

    @abc.abstractmethod
    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """Whether this table looks like this task; None if it cannot be."""

    @abc.abstractmethod
    def prepare(self, table: Table, config: RunConfig, settings: S) -> D:
        """Split the rows, and fit vocabulary and scalers on the train split.

        Args:
            table: the data; nothing is written but into its store.
            config: the run's config, columns filled in.
            settings: `config.model` as an instance of `Settings`.

        Raises:
            DataError: the data cannot serve this task; with file and line.
            ConfigError: the settings do not fit the data.
        """

    @abc.abstractmethod
    def build(self, data: D, config: RunConfig, settings: S, training: TrainSettings) -> Job:
        """Build the network, untrained.

        Args:
            data: as `prepare` made it.
            config: as given to `prepare`.
            settings: likewise.
            training: how it will be trained.

        Raises:
            DataError: there is too little data to train like that.
            ConfigError: the settings do not fit each other.
        """

    @abc.abstractmethod
    def load(self, folder: RunFolder) -> Predictor:
        """Build the predictor of a finished run from its folder."""

    def split(self, table: Table, config: RunConfig) -> Split | None:
        """The rows of each split as training will draw them, for `unroll check`; None where rows are not drawn.

        Args:
            table: the data.
            config: the run's config, columns filled in.
        """
        return None

    def findings(self, table: Table, data: DataConfig, model: Model = NO_SETTINGS) -> Iterable[Finding]:
        """What only this task can see in its data, for `unroll check`: every place that would falsify a result.

        `data` has the columns that the task would use, `model` what the user has set of the model.
        """
        return ()

    def refusals(self, table: Table, config: RunConfig) -> Iterable[DataError]:
        """What training with these settings would stop at, for `unroll check`: all of it that costs little to see."""
        return ()
