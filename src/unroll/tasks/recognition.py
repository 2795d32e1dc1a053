"""Which task a table is for: the one that was named, or the one that fits it best."""

from __future__ import annotations

from collections.abc import Mapping

from unroll.bundle import DataConfig
from unroll.data import Kind, Table
from unroll.data.doctor.nearly import check_nearly
from unroll.data.text.corpus import is_running_text
from unroll.errors import ConfigError, DataError, nearest
from unroll.tasks.base import Guess, Task
from unroll.tasks.doubts import SURE, refuse_doubtful
from unroll.tasks.file_doubts import refuse_classes_by_files
from unroll.tasks.mark_doubts import refuse_marks
from unroll.tasks.series_doubts import refuse_doubtful_series
from unroll.tasks.sum_doubts import refuse_sums
from unroll.tasks.text_doubts import refuse_no_classes, refuse_preferences, refuse_written_tables


def task_named(name: str, tasks: Mapping[str, Task]) -> Task:
    """The task of this name.

    Raises:
        ConfigError: there is none; names the nearest.
    """
    if name not in tasks:
        raise ConfigError(f"unknown task '{name}'{nearest(name, tasks)}; known: {', '.join(tasks)}")
    return tasks[name]


def recognise(table: Table, data: DataConfig, tasks: Mapping[str, Task], name: str | None) -> tuple[Task, Guess]:
    """The task that fits a table best, or the one that was named, and the columns it would use.

    Raises:
        ConfigError: the name is unknown.
        DataError: no task fits, or not the one that was named; or the content contradicts the guess.
    """
    if name is not None:
        task = task_named(name, tasks)
        guess = task.guess(table, data)
        if guess is None:
            check_nearly(table)
            raise DataError(
                f"the columns {', '.join(table.columns)} cannot serve the task '{name}'; name the columns with"
                " --target and --set data.inputs=..., and see `unroll check`",
                table.paths[0],
            )
        refuse_sums(table, task, guess)
        return task, guess
    if data.target is None:
        refuse_preferences(table)
    guesses = [(task, guess) for task in tasks.values() if (guess := task.guess(table, data)) is not None]
    best = max(guesses, key=lambda pair: pair[1].confidence, default=None)
    if best is None or best[1].confidence < SURE:
        # A last resort is worth a look at what a few cells may hide.
        check_nearly(table)
    if best is None:
        alone = [table.kinds[name] for name in table.columns] == [Kind.SERIES]
        advice = (
            "give their classes too, (array, labels), or series to forecast as columns of a frame"
            if alone
            else "give --task and --target, and see `unroll check`"
        )
        if is_running_text(table) and all("," in line for line in table.texts(table.columns[0])):
            advice = "--format csv reads the cells between the commas, --task generate the lines as one text"
        raise DataError(f"no task fits the columns {', '.join(table.columns)}; {advice}", table.paths[0])
    refuse_sums(table, *best)
    refuse_doubtful(table, *best, named=data.target)
    refuse_classes_by_files(table, *best, data)
    refuse_marks(table, best[0])
    if data.target is None:
        refuse_no_classes(table, *best)
    refuse_doubtful_series(table, *best, data)
    refuse_written_tables(table, best[0])
    return best
