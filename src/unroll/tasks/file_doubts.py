"""Tables of several files whose names may be the classes of their texts: which is asked, where nothing tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unroll.bundle import DataConfig
from unroll.data import Table
from unroll.data.readers.classfiles import class_names
from unroll.data.readers.parallel import language_of
from unroll.data.table.facts import names_labels
from unroll.errors import DataError
from unroll.tasks.base import Guess, Task
from unroll.tasks.reading import short_name

#: Readers of tables whose rows say nothing of where they come from.
_TABLES = ("csv", "tsv", "json", "jsonl", "parquet")
#: More files than this are pieces of something.
_MOST_FILES = 60


def refuse_classes_by_files(table: Table, task: Task, guess: Guess, data: DataConfig) -> None:
    """Raise if the names of files may be the classes of their texts, and no column is called as one of classes.

    Args:
        table: the data.
        task: what was guessed.
        guess: the columns that it would use.
        data: what the user said.

    Raises:
        DataError: the question, with the option that answers it.
    """
    if data.files is not None or data.target is not None or not 2 <= len(table.paths) <= _MOST_FILES:
        return
    if table.format not in _TABLES or table.in_memory or table.parts is not None:
        return
    target = guess.data.target
    guessed = task.name == "classify" and target is not None and not _is_named(target)
    if not guessed and task.name != "generate":
        return
    names = class_names(table.paths, table.paths[0].parent)
    if names is None or any(names_labels(name) for name in table.columns):
        return
    shown = ", ".join(sorted(set(names.values()))[:4]) + (", ..." if len(set(names.values())) > 4 else "")
    languages = {language_of(Path(f"x.{name}")) for name in names.values()}
    counts = set(np.unique(table.files(), return_counts=True)[1].tolist())
    pairs = ", or write each text beside its translation in one row (en,fr)" if None not in languages else ""
    raise DataError(
        f"{len(table.paths)} files of the same columns, whose names may be classes of their texts ({shown}), and no"
        " column is called as one of classes; --set data.files=classes learns to tell them apart, --set"
        f" data.files=rows reads all as rows of one table{pairs if len(counts) == 1 else ''}",
        table.paths[0],
    )


def _is_named(column: str) -> bool:
    """Whether a column is called as one of classes, or of grades."""
    return names_labels(column) or short_name(column) in ("sentiment", "rating", "ratings", "score", "stars", "y")
