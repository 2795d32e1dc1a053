"""A trained detector, as it is used: on records that come one after the other, and on tables.

Shapes: T records, I features of a step, C channels.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unroll.bundle import DataConfig
from unroll.data import Table
from unroll.data.series.ids import id_columns
from unroll.errors import ConfigError, DataError
from unroll.models.named import Carried, state_sizes
from unroll.models.next_step import NextStep
from unroll.tasks.base import Predictor, Record, Scores
from unroll.tasks.detect.columns import Columns, Stream, streams_of
from unroll.tasks.detect.data import lesson, probation_of
from unroll.tasks.detect.following import LastSteps
from unroll.tasks.detect.labels import Window, read_windows, windows_of
from unroll.tasks.detect.scores import metrics_of
from unroll.tasks.detect.sections import sections_of
from unroll.tasks.detect.session import Limits, Session, Start, StreamState, number_of
from unroll.tasks.detect.settings import DetectSettings, Saved
from unroll.tasks.detect.times import Times
from unroll.tasks.detect.watcher import Weights
from unroll.tasks.detect.watching import Watched, begins_of, watch_all
from unroll.tasks.following import Followed
from unroll.tasks.parts import NetworkParts, after, carried_states, numbers

#: What the run folder's files of columns and sizes, and of the probation parts, are called.
FILE, STARTS = "detect.json", "probation.json"

#: Of the probation parts, the records of each and the cells of all that are kept at most.
_MOST_RECORDS, _MOST_CELLS = 10_000, 1_000_000


class DetectPredictor(Predictor):
    """A detector that answers.

    Args:
        network: trained.
        saved: columns and sizes.
        settings: the run's model section.
        starts: the probation parts of the run's streams by name, with times.
        data: how the run's file was read.
    """

    def __init__(
        self,
        network: NextStep,
        saved: Saved,
        settings: DetectSettings,
        starts: Mapping[str, Start] | None = None,
        data: DataConfig | None = None,
    ) -> None:
        self._network = network
        self._saved = saved
        self._settings = settings
        self._starts = dict(starts or {})
        self._data = data
        self.numbers = saved.channels
        network.eval()

    @property
    def network(self) -> nn.Module:
        """What forecasts the next step."""
        return self._network

    def followed(self, record: Record) -> Followed:
        """On the last records of the stream, whichever is meant."""
        return LastSteps(self._network, self.encode).followed()

    @property
    def saved(self) -> Saved:
        """Columns and sizes."""
        return self._saved

    @property
    def threshold(self) -> float:
        """The score from which on a record is an alert."""
        return float(self._network.thresholds[0])

    def watch(self, *, threshold: float | None = None, warm_up: int | None = None) -> Session:
        """A session that knows what the run has learned, and no record yet.

        Args:
            threshold: another one than the run's.
            warm_up: begin knowing nothing of a stream, and raise no alert for so many records; None: a stream of the
                run begins with what its probation part taught, any other with a warm-up as long as that.

        Raises:
            ConfigError: a value is out of range.
        """
        if threshold is not None and not threshold >= 0.0:
            raise ConfigError(f"threshold: expected a number of at least 0, got {threshold}")
        if warm_up is not None and warm_up < 0:
            raise ConfigError(f"warm_up: expected a number of records, got {warm_up}")
        limits = Limits.of(self._saved, self._settings, self.threshold if threshold is None else threshold)
        if warm_up is not None:
            limits = limits._replace(silent=warm_up)
        return Session(
            Weights(self._network),
            self._saved,
            limits,
            starts=self._start if warm_up is None else lambda name: None,
            identity=self._identity(),
            data=self._data,
        )

    def _start(self, name: str) -> Start | None:
        if name in self._starts:
            return self._starts[name]
        # Of a run on one stream any stream is that one, whatever the file was called.
        return next(iter(self._starts.values())) if len(self._starts) == 1 else None

    def _identity(self) -> str:
        digest = hashlib.sha256()
        for name, tensor in sorted(self._network.state_dict().items()):
            if name != "thresholds":
                digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def encode(self, records: Sequence[Record]) -> tuple[Tensor, ...]:
        """The records as one stream, (1, T - 1, I): each is there to forecast the next."""
        rows = [_mapping(record) for record in records]
        values = np.array([[number_of(row.get(name), name) for name in self._saved.channels] for row in rows])
        times = None
        if self._saved.time is not None and self._saved.cycles:
            reader = Times(self._saved, self._data or DataConfig(path=""))
            moments = [int(reader.of_record(row)[0]) for row in rows]
            times = np.array(moments, np.int64).astype("datetime64[us]")
        stream = Stream("", times, values, np.zeros((len(rows), 0), bool), np.arange(len(rows)))
        own = lesson(stream, len(rows), self._saved.cycles, self._settings.long)
        return (torch.from_numpy(own.x[None]),)

    def network_parts(self) -> tuple[NetworkParts]:
        """The network from records and states to what is expected next, and the states.

        Values are scaled by what is usual in the stream, and errors become scores, outside of the network.
        """
        network, saved = self._network, self._saved
        states = state_sizes(network.body)
        inputs = {"x": numbers("batch", "time", network.body.input_size), **carried_states(states)}
        metadata = {
            "unroll.channels": json.dumps(saved.channels, ensure_ascii=False),
            "unroll.cycles": json.dumps(saved.cycles),
            "unroll.threshold": json.dumps(self.threshold),
        }
        return (NetworkParts(Carried(network), inputs, ("expected", *after(states)), metadata),)

    def predict(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """Score, alert and expected values of every record, each before the next is seen."""
        return self.watch().push_all(map(_mapping, records))

    def evaluate(self, table: Table, data: DataConfig) -> Scores:
        """Score all streams of a table, each from its beginning, with a probation part of its own."""
        saved, settings = self._saved, self._settings
        ids = id_columns(saved.series, table.columns)
        missing = [name for name in (saved.time, *ids, *saved.channels) if name and name not in table.columns]
        if missing:
            raise DataError(
                f"no column '{missing[0]}', which the model was trained on; the columns are"
                f" {', '.join(table.columns[:12])}",
                table.paths[0],
            )
        labels = tuple(name for name in saved.labels if name in table.columns)
        columns = Columns(saved.time, saved.series, saved.channels, labels)
        streams = streams_of(table, columns)
        given = None if settings.labels is None else read_windows(settings.labels)
        windows = [windows_of(stream, columns, given, settings.labels) for stream in streams]
        probation = [probation_of(len(stream.values), settings) for stream in streams]
        return self.score(self.watch_all(streams, probation, windows))

    def watch_all(
        self, streams: Sequence[Stream], probation: Sequence[int], windows: Sequence[list[Window] | None]
    ) -> list[Watched]:
        """Watch whole streams, each from its beginning, record by record."""
        weights, limits = Weights(self._network), Limits.of(self._saved, self._settings, self.threshold)

        def begin(silent: int) -> StreamState:
            return StreamState(weights, self._saved, limits, silent, self._settings.rest_after(silent))

        return watch_all(begin, streams, probation, windows)

    def score(self, watched: Sequence[Watched]) -> Scores:
        """Metrics and sections."""
        thresholds = self._network.thresholds.tolist()
        metrics = metrics_of(watched, thresholds, self._settings)
        begins = [begins_of(own, self.threshold, self._settings) for own in watched]
        return Scores(metrics, sections_of(watched, begins, self.threshold, self._saved.channels))


def starts_of(streams: Sequence[Stream], probation: Sequence[int]) -> dict[str, Any]:
    """The ends of the probation parts, for JSON: a stream that is watched later begins with them."""
    cells = max(len(streams) * (1 + streams[0].values.shape[1]), 1)
    most = max(1, min(_MOST_RECORDS, _MOST_CELLS // cells))
    found = {}
    for stream, length in zip(streams, probation, strict=True):
        part = slice(max(0, length - most), length)
        values = [[None if value != value else value for value in row] for row in stream.values[part].tolist()]
        found[stream.name] = {"times": stream.moments()[part], "values": values}
    return found


def read_starts(kept: Mapping[str, Any]) -> dict[str, Start]:
    """What `starts_of` gave, as a session takes it."""
    return {
        name: [
            (time, [math.nan if value is None else value for value in row])
            for time, row in zip(entry["times"], entry["values"], strict=True)
        ]
        for name, entry in kept.items()
    }


def _mapping(record: Record) -> Mapping[str, Any]:
    if isinstance(record, str):
        raise DataError(f"expected a record with the columns of the run, got the text {record[:40]!r}")
    return record
