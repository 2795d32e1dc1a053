"""Which task a table is for: the one that was named, or the one that fits it best."""

from __future__ import annotations

from collections.abc import Mapping

from unroll.bundle import DataConfig
from unroll.data import Kind, Table
from unroll.data.doctor.nearly import check_nearly
from unroll.data.series.ids import id_columns
from unroll.data.table.partcolumns import fold_column, part_column
from unroll.data.text.corpus import is_running_text
from unroll.errors import ConfigError, DataError, nearest
from unroll.tasks.base import Guess, Task
from unroll.tasks.doubts import SURE, refuse_doubtful
from unroll.tasks.file_doubts import refuse_classes_by_files
from unroll.tasks.mark_doubts import refuse_marks
from unroll.tasks.series_doubts import refuse_doubtful_series
from unroll.tasks.text_doubts import refuse_no_classes, refuse_written_tables

#: Tasks whose rows are steps of time, of which the last test.
_IN_ORDER = ("forecast", "detect")


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
    given, data = data, _with_parts(table, data)
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
        return task, _parted(table, task, guess, given)
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
    refuse_doubtful(table, *best, named=data.target)
    refuse_classes_by_files(table, *best, data)
    refuse_marks(table, best[0])
    if data.target is None:
        refuse_no_classes(table, *best)
    refuse_doubtful_series(table, *best, data)
    refuse_written_tables(table, best[0])
    return best[0], _parted(table, *best, given)


def _with_parts(table: Table, data: DataConfig) -> DataConfig:
    """The config with the column that says the part of every row, where the files do not and no column is named."""
    if data.split_column is not None or table.parts is not None or data.validation or data.test:
        return data
    found = part_column(table, _free_columns(table, data))
    return data if found is None else data.model_copy(update={"split_column": found})


def _free_columns(table: Table, data: DataConfig) -> list[str]:
    """The columns that the user has named for nothing."""
    named = {data.target, data.time, *id_columns(data.series, table.columns), *data.inputs}
    return [name for name in table.columns if name not in named]


def _parted(table: Table, task: Task, guess: Guess, given: DataConfig) -> Guess:
    """The guess with what it says of columns of parts: followed, or left aside and why."""
    column = guess.data.split_column
    if column is not None and given.split_column is None:
        if task.name in _IN_ORDER:
            # Of a series the last steps test.
            return guess._replace(data=guess.data.model_copy(update={"split_column": None}))
        note = f"the parts are those in '{column}', which is neither read nor learnt"
        return guess._replace(notes=(*guess.notes, note))
    folds = fold_column(table, _free_columns(table, guess.data)) if column is None else None
    if folds is None or task.name in _IN_ORDER:
        return guess
    note = (
        f"'{folds}' numbers parts or folds; it is neither read nor followed, and the parts are drawn: a column of the"
        " words train, validation and test is followed, --set data.split_column=COLUMN"
    )
    return guess._replace(notes=(*guess.notes, note))
