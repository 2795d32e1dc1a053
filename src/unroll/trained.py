"""A trained model: what it says, how good it is, and what it is made of."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from unroll.bundle import DataConfig, RunFolder, Temporary
from unroll.data.frames import frames_of, is_file, table_of
from unroll.data.images.pictures import is_picture_name
from unroll.data.table.table import Table
from unroll.errors import ConfigError
from unroll.report import Comparison, comparison_html, words
from unroll.results import Evaluation, Page, Prediction, Predictions, comparison_frame
from unroll.tasks.abilities import TablePredictor, Watch, Watcher, Writer, Written
from unroll.tasks.base import Predictor, Record, Task
from unroll.tasks.options import Value, prediction
from unroll.tasks.pipeline import open_table
from unroll.tasks.reading import read_options
from unroll.tasks.recognition import task_named
from unroll.tasks.records import lists_as_records, records_of, records_of_table, single_records
from unroll.tasks.registry import TASKS

if TYPE_CHECKING:
    import pandas as pd

    from unroll.interop import OnnxExport

#: Keys of the config that say how a file is read.
_READING = ("format", "encoding", "delimiter", "header")


class Model:
    """A trained model: the folder of its run, and its network when it is asked.

    A copy, and what pickle or joblib loads, has a temporary folder of its own with the same files.

    Args:
        folder: of a finished run.
        keep: what must live as long as the model, such as the temporary folder that the run is in.
    """

    def __init__(self, folder: RunFolder, keep: object = None) -> None:
        self._folder = folder
        self._keep = keep

    @property
    def path(self) -> Path:
        """Where its run is."""
        return self._folder.path

    @property
    def task(self) -> str:
        """The name of its task."""
        return self._folder.config.task

    @property
    def config(self) -> dict[str, Any]:
        """All that made the run: data, settings of the model, settings of training."""
        return self._folder.config.model_dump(mode="json")

    @property
    def metrics(self) -> dict[str, Any]:
        """The scores of both splits and of the baselines, as in metrics.json."""
        return dict(self._folder.read_json("metrics.json"))

    @property
    def report(self) -> Page:
        """The report: a page that stands by itself, in `.path` and `.html`; a notebook shows it."""
        return Page(self._folder.read_text("report.html"), self._folder.report)

    @property
    def network(self) -> nn.Module:
        """The torch module, with its weights, in evaluation mode: `network(*model.encode(records))`; of a tagger
        `network.scores(...)`, because its `forward` is the loss, and of translate and chat `network.read(...)`."""
        return self.predictor.network

    def records(self, data: object) -> list[Record]:
        """Data as the records that the predictor takes, whatever it comes as."""
        with tempfile.TemporaryDirectory(prefix="unroll-") as store:
            return list(self._records(data, Path(store), {}))

    def encode(self, data: object) -> tuple[Any, ...]:
        """What the network is fed for these records: the arguments of its `forward`.

        Raises:
            DataError: a record lacks a column, or its values do not fit.
        """
        return self.predictor.encode(self.records(data))

    def predict(
        self,
        data: object,
        *,
        format: str | None = None,
        encoding: str | None = None,
        delimiter: str | None = None,
        header: bool | None = None,
        **options: Value,
    ) -> Predictions:
        """Ask the model.

        Args:
            data: a text, a record (a mapping from columns to values), a list of either, or anything else that
                `unroll.train` takes; a `Path` names a file.
            format: how a file is read, where it differs from the training data; like the next three.
            encoding: likewise.
            delimiter: likewise.
            header: likewise.
            options: what the task declares for prediction, such as `temperature` of generate.

        Raises:
            DataError: a record lacks a column, or its values do not fit.
            ConfigError: the task has no such option, or a value is out of range.
        """
        reading = dict(zip(_READING, (format, encoding, delimiter, header), strict=True))
        return Predictions(list(self.predict_each(data, reading=reading, **options)))

    def predict_each(
        self, data: object, *, reading: dict[str, str | bool | None] | None = None, **options: Value
    ) -> Iterator[Prediction]:
        """As `predict`, one after the other as they are made; `data` may also be an iterator over records.

        Args:
            data: as in `predict`.
            reading: how a file is read: "format", "encoding", "delimiter", "header".
            options: as in `predict`.
        """
        predictor = self.predictor
        whole = not options and (isinstance(data, Path) or single_records(data) is None)
        if not (whole and isinstance(predictor, TablePredictor)):
            yield from map(Prediction, predictor.predict(self._asked(data, reading, options)))
            return
        with tempfile.TemporaryDirectory(prefix="unroll-") as store:
            table = self._table(data, self._data_config(data, reading or {}), Path(store))
            yield from map(Prediction, predictor.predict_table(table))

    @property
    def writes(self) -> bool:
        """Whether the model writes text, which `write` gives piece by piece."""
        return isinstance(self.predictor, Writer)

    def write(self, record: Record, **options: Value) -> Written:
        """Continue a text, a piece at a time, as it is written.

        Raises:
            ConfigError: the model writes no text, or an option is not the task's.
        """
        return next(self.write_each([record], reading=None, **options))

    def write_each(
        self, data: object, *, reading: dict[str, str | bool | None] | None = None, **options: Value
    ) -> Iterator[Written]:
        """As `write`, text by text; the arguments are those of `predict_each`."""
        writer = self.predictor
        if not isinstance(writer, Writer):
            raise ConfigError(f"{self.path} is a run of {self.task}, which writes no text")
        for record in self._asked(data, reading, options):
            yield writer.write(record)

    def watch(
        self, state: Path | str | None = None, *, threshold: float | None = None, warm_up: int | None = None
    ) -> Watch:
        """Watch a stream: `push` a record and get what is thought of it, before the next is seen.

        Args:
            state: a file that an earlier watch was saved to; the scores that follow are the same to the bit.
            threshold: the score of an alert, where it is not the run's.
            warm_up: begin knowing nothing, and raise no alert for so many records.

        Raises:
            ConfigError: the model watches no streams, or a value is out of range.
            DataError: the file holds no state of this run.
        """
        watcher = self.predictor
        if not isinstance(watcher, Watcher):
            raise ConfigError(f"{self.path} is a run of {self.task}, which watches no streams")
        watch = watcher.watch(threshold=threshold, warm_up=warm_up)
        if state is not None:
            watch.load(state)
        return watch

    def evaluate(self, data: object = None) -> Evaluation:
        """Score the model.

        Args:
            data: rows with the same columns, as `unroll.train` takes them; None for the scores on the run's own test
                split, beside the baselines.

        Raises:
            DataError: a column is missing or wrong.
        """
        if data is None:
            metrics = self.metrics
            monitor = self._task.monitor
            headline = words.headline(metrics, monitor.metric, higher_is_better=monitor.higher_is_better)
            return Evaluation.read(metrics, "\n".join(headline).strip())
        with tempfile.TemporaryDirectory(prefix="unroll-") as store:
            config = self._data_config(data, {})
            table = self._table(data, config, Path(store))
            name = str(table.paths[0].name)
            metrics = self.predictor.evaluate(table, config).metrics
        entries = {metric: score.entry() for metric, score in metrics.items()}
        where = name if is_file(data) else "these rows"
        return Evaluation(metrics, name, headline=words.score_on(where, entries, self._task.monitor.metric))

    def save(self, path: Path | str, *, force: bool = False) -> Model:
        """Copy the run to a folder, as the command line's `--out` has it, and return the model there.

        Args:
            path: the folder.
            force: replace the run that is there.

        Raises:
            BundleError: the folder is not empty.
        """
        return Model(self._folder.copy_to(path, force=force))

    def export_onnx(self, path: Path | str) -> tuple[OnnxExport, ...]:
        """Write the network as an ONNX file, and compare the two in onnxruntime.

        A network that reads and then writes is two files: `model.onnx` becomes `model.encoder.onnx`, and
        `model.step.onnx` with one step of the decoder. What is needed besides the numbers (classes, columns, a
        vocabulary) is in each file's metadata.

        Args:
            path: where the file goes.

        Returns:
            What was written, a file each.

        Raises:
            MissingExtraError: onnx, onnxscript or onnxruntime is not installed.
            ConfigError: this network cannot be exported, or the file's results differ; the text says why.
        """
        from unroll.interop import export_named

        target = Path(path)
        try:
            graphs = self.predictor.network_parts()
        except ConfigError as error:
            raise ConfigError(f"{self.path}, a run of {self.task}, cannot be exported to ONNX: {error}") from None
        written: list[OnnxExport] = []
        try:
            for graph in graphs:
                file = target.with_name(f"{target.stem}.{graph.name}{target.suffix}") if graph.name else target
                facts = {"unroll.task": self.task, **graph.metadata}
                done = export_named(
                    graph.module, graph.inputs, file, outputs=graph.outputs, least=graph.least, metadata=facts
                )
                written.append(done)
        except ConfigError:
            # One graph alone is of no use.
            for done in written:
                done.path.unlink()
            raise
        return tuple(written)

    def __getstate__(self) -> dict[str, bytes]:
        return self._folder.packed()

    def __setstate__(self, files: dict[str, bytes]) -> None:
        keep = Temporary()
        self._folder, self._keep = RunFolder.unpacked(keep.path / "run", files), keep

    def __repr__(self) -> str:
        return f"Model({self.task}, {str(self.path)!r})"

    def _repr_html_(self) -> str:
        return self.report._repr_html_()

    @property
    def _task(self) -> Task:
        return task_named(self.task, TASKS)

    @cached_property
    def predictor(self) -> Predictor:
        """What answers and scores: the task's own class, with what only this task can do."""
        return self._task.load(self._folder)

    def _asked(
        self, data: object, reading: dict[str, str | bool | None] | None, options: Mapping[str, Value]
    ) -> Iterator[Record]:
        said = TASKS.place(options, self._task, prediction)
        with tempfile.TemporaryDirectory(prefix="unroll-") as store:
            for record in self._records(data, Path(store), reading or {}):
                yield _with_options(record, said) if said else record

    def _records(self, data: object, store: Path, reading: dict[str, str | bool | None]) -> Iterator[Record]:
        asked = self.predictor
        if isinstance(data, Path) and not (asked.files and is_picture_name(data.name)):
            return records_of_table(open_table(self._data_config(data, reading), store), asked.numbers, asked.files)
        data = lists_as_records(data, asked.lists)
        return records_of(data, store, asked.numbers, read_options(self._folder.config.data), asked.files)

    def _data_config(self, data: object, reading: dict[str, str | bool | None]) -> DataConfig:
        changes: dict[str, object] = {"path": str(data) if is_file(data) else "", "validation": None, "test": None}
        given = {name: value for name, value in reading.items() if value is not None}
        return self._folder.config.data.model_copy(update={**changes, "split_column": None, **given})

    def _table(self, data: object, config: DataConfig, store: Path) -> Table:
        if is_file(data):
            return open_table(config, store)
        return table_of(frames_of(data, target=config.target), store, read_options(config))


class Compared:
    """Several models side by side.

    Attributes:
        comparison: their scores, and what a reader must know.
        models: name -> model.
    """

    def __init__(self, comparison: Comparison, models: Mapping[str, Model], out: Path | None) -> None:
        self.comparison = comparison
        self.models = dict(models)
        self._out = out

    @property
    def best(self) -> Model:
        """The model with the best score on the split that results are quoted on."""
        return next(self.models[name] for name in self.to_frame()["model"] if name in self.models)

    @property
    def report(self) -> Page:
        """The page with the scores, the cost and the learning curves of all."""
        return Page(comparison_html(self.comparison), None if self._out is None else self._out / "compare.html")

    def to_frame(self) -> pd.DataFrame:
        """One row per model, and per baseline, best first: model, value, low, high, parameters, seconds."""
        return comparison_frame(self.comparison)

    def __repr__(self) -> str:
        return f"Compared({', '.join(self.to_frame()['model'])})"

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


def _with_options(record: Record, said: dict[str, Value]) -> Record:
    """A record with options; what it says itself holds."""
    return {**said, **({"text": record} if isinstance(record, str) else record)}
