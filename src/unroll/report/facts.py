"""What the page is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from unroll.report.section import Section


class Facts(NamedTuple):
    """All that a run's page shows, as plain values; the pipeline fills it from the run folder and the job.

    Attributes:
        name: the run's name, as in its folder.
        task: the task's name.
        summary: one line on what the task does.
        data: where the data came from, for people: a path or the name of a built-in set.
        monitor: the metric that early stopping went by; the headline is about it.
        higher_is_better: whether a higher `monitor` is better.
        metrics: the contents of metrics.json.
        history: one row per epoch, oldest first: `epoch` and, where known, `loss`, `learning_rate`, `seconds`,
            `data_seconds` (how long its steps waited for their rows), `exchange_seconds` and `sent_bytes` (of sums over
            several processes), `steps` (since the beginning), and one entry per validation metric by its own name.
        best_epoch: the epoch whose weights were kept, if known.
        notes: what was understood and decided (columns, split, sizes), one sentence each.
        sections: the task's own sections, in order.
        config: the contents of config.json.
        environment: machine, versions, threads, data fingerprint, as in environment.json. Names with "memory" (bytes:
            `..._bytes`) or "seconds" are shown under "Time and memory".
        remarks: further first lines, about the scores.
        folder: the run folder as the user would type it, for the commands under "Next steps".
    """

    name: str
    task: str
    summary: str
    data: str
    monitor: str
    higher_is_better: bool
    metrics: Mapping[str, Any]
    history: Sequence[Mapping[str, float]]
    best_epoch: int | None
    notes: Sequence[str]
    sections: Sequence[Section]
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    folder: str
    remarks: Sequence[str] = ()
