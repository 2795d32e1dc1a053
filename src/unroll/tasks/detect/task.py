"""Many-to-many, aligned and online: a stream of numbers in, a score for each record before the next is seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from unroll.bundle import DataConfig, RunConfig, RunFolder, validate
from unroll.data import Finding, Kind, Table
from unroll.data.doctor.nearly import check_times, hidden_times
from unroll.data.series.moments import further
from unroll.errors import DataError
from unroll.tasks.base import Guess, Task
from unroll.tasks.detect.columns import find_columns, streams_of
from unroll.tasks.detect.data import DetectData, prepare
from unroll.tasks.detect.findings import findings_of
from unroll.tasks.detect.job import DetectJob
from unroll.tasks.detect.marks import holds_marks
from unroll.tasks.detect.network import build_network
from unroll.tasks.detect.notes import notes_of
from unroll.tasks.detect.options import OPTIONS
from unroll.tasks.detect.predictor import FILE, STARTS, DetectPredictor, read_starts
from unroll.tasks.detect.settings import DetectSettings, Saved
from unroll.tasks.options import NO_SETTINGS, Model
from unroll.training import Monitor, TrainSettings


class DetectTask(Task[DetectSettings, DetectData]):
    """Streams to alerts."""

    name = "detect"
    summary = "alerts on a stream of numbers, each record scored before the next is seen"
    monitor = Monitor("score", higher_is_better=True)
    # Labels decide nothing but the threshold.
    stopping = Monitor("forecast_error", higher_is_better=False)
    Settings = DetectSettings
    options = OPTIONS
    as_they_stand = True

    def guess(self, table: Table, data: DataConfig) -> Guess | None:
        """Columns of numbers in the order of time; likely only where a column says where the anomalies are."""
        if any(name in table.columns and table.kinds[name] is not Kind.NUMBER for name in data.inputs):
            return None
        columns = find_columns(table, data)
        if columns is None:
            return None
        filled = data.model_copy(update={"time": columns.time, "series": columns.series, "inputs": columns.channels})
        times = () if columns.time is None else (columns.time, *further(table, columns.time))
        over = f"over {' and '.join(map(repr, times))}" if times else "in the order of the rows"
        shown = ", ".join(columns.channels[:4]) + (", ..." if len(columns.channels) > 4 else "")
        reason = f"task detect: alerts on {shown} {over}"
        notes = (f"'{', '.join(columns.labels)}' says where anomalies are and is no input",) if columns.labels else ()
        # A target that holds anything but marks is what another task is to say.
        labelled = bool(columns.labels) and all(holds_marks(table, name) for name in columns.labels)
        return Guess(0.9 if labelled and columns.time is not None else 0.1, reason, filled, notes)

    def findings(self, table: Table, data: DataConfig, model: Model = NO_SETTINGS) -> Iterable[Finding]:
        """Time that goes backwards, sensors that stick, restart or never change."""
        columns = find_columns(table, data)
        return () if columns is None else findings_of(table, streams_of(table, columns), columns)

    def refusals(self, table: Table, config: RunConfig) -> Iterator[DataError]:
        """A column of times that cannot be read as one, where none is left."""
        columns = find_columns(table, config.data)
        if columns is not None and columns.time is None:
            yield from hidden_times(table)

    def prepare(self, table: Table, config: RunConfig, settings: DetectSettings) -> DetectData:
        """Take out the streams and scale their probation parts."""
        columns = find_columns(table, config.data)
        if columns is not None and columns.time is None:
            check_times(table)
        if columns is None:
            raise DataError(
                f"detect needs columns of numbers, got {', '.join(table.columns[:12])}; name them with"
                " --set data.inputs=...",
                table.paths[0],
            )
        return prepare(table, config, settings, columns)

    def build(
        self, data: DetectData, config: RunConfig, settings: DetectSettings, training: TrainSettings
    ) -> DetectJob:
        """The network, which untrained forecasts the last value."""
        network = build_network(data.saved, settings)
        notes = tuple(notes_of(data, settings))
        return DetectJob(data, network, settings, batch_size=training.batch_size, seed=config.seed, notes=notes)

    def load(self, folder: RunFolder) -> DetectPredictor:
        """Build the predictor of a finished run."""
        saved = validate(Saved, folder.read_json(FILE), str(folder.path / FILE))
        settings = validate(DetectSettings, folder.config.model, "model")
        network = build_network(saved, settings)
        folder.load_weights(network)
        return DetectPredictor(network, saved, settings, read_starts(folder.read_json(STARTS)), folder.config.data)
