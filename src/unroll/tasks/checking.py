"""A look at data before training on it, with the columns that its task would use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from unroll.bundle import RunConfig, apply_overrides, validate
from unroll.data import Finding, Table, examine
from unroll.data.doctor.finding import of_error
from unroll.errors import DataError
from unroll.tasks.base import Task
from unroll.tasks.pipeline import open_table, with_parts
from unroll.tasks.recognition import recognise


class Examined(NamedTuple):
    """What was found.

    Attributes:
        reason: which task fits and why, or why none does.
        findings: everything that would spoil a result, the task's own first.
        notes: what the task would leave out, a sentence each.
    """

    reason: str
    findings: list[Finding]
    notes: tuple[str, ...] = ()


def examine_data(
    values: Mapping[str, Any],
    overrides: Sequence[str],
    tasks: Mapping[str, Task],
    store: Path,
    *,
    table: Table | None = None,
) -> Examined:
    """Read the data, recognise the task if one fits, and look at the table.

    Args:
        values: a config as plain values; `task` may be missing and is then guessed.
        overrides: texts key=value, applied last.
        tasks: the tasks to choose from.
        store: an empty folder for the stored table.
        table: the data, if it has been read already.

    Raises:
        ConfigError: a key or value is wrong.
        DataError: the data cannot be read; with file and line.
    """
    name = values.get("task")
    config = apply_overrides(validate(RunConfig, {**values, "task": name or "guessed"}), overrides)
    table = with_parts(table if table is not None else open_table(config.data, store), config.data)
    data = config.data
    special: list[Finding] = []
    notes: tuple[str, ...] = ()
    split = None
    chosen: Task | None = None
    try:
        task, guess = recognise(table, data, tasks, name)
    except DataError as error:
        # The doctor is asked just when nothing fits; it then looks at the table without knowing what for.
        reason = "no task fits"
        special.append(of_error(error))
    else:
        chosen, reason, notes, data = task, guess.reason, guess.notes, guess.data
        try:
            special = list(task.findings(table, data, config.model))
            whole = config.model_copy(update={"task": task.name, "data": data})
            split = task.split(table, whole)
            special += [of_error(error) for error in task.refusals(table, whole)]
        except DataError as error:
            special.append(of_error(error))
    written = (data.target,) if chosen is not None and chosen.writes_target and data.target is not None else ()
    general = examine(
        table,
        target=None if written else data.target,
        inputs=(*data.inputs, *written),
        time=data.time,
        series=data.series,
        split=split,
        zone=data.zone,
        as_they_stand=chosen is not None and chosen.as_they_stand,
    )
    # What the doctor calls an error, too, is said once, with its advice.
    known = {(finding.path, finding.line) for finding in general if finding.level == "error" and finding.line}
    special = [own for own in special if own.level != "error" or (own.path, own.line) not in known]
    return Examined(reason, [*special, *general], notes)
