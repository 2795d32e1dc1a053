"""Several models on the same split, or several finished runs, beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from unroll.bundle import RunFolder, choices
from unroll.data import Table
from unroll.errors import ConfigError, nearest
from unroll.report import Candidate, Comparison
from unroll.tasks.base import Task
from unroll.tasks.options import Value
from unroll.tasks.pipeline import Plan, Say, plan_run
from unroll.tasks.recognition import task_named

#: The setting that says which network a model is built on.
_MODEL = "encoder"


class Rivals(NamedTuple):
    """Models of one task that are to be trained on the same split.

    Attributes:
        first: the run as it was asked for; its data serves all.
        names: of the models.
        named: whether they were named, so that one that does not fit is an error and not left out.
        overrides: texts key=value that hold for all.
    """

    first: Plan
    names: Sequence[str]
    named: bool
    overrides: Sequence[str]

    def plans(self, tasks: Mapping[str, Task], store: Path) -> Iterator[tuple[str, Plan | ConfigError]]:
        """Each model's name and its run, or why it cannot be.

        Raises:
            ConfigError: a model that was named does not fit the data or the settings.
        """
        values = self.first.config.model_dump(mode="json")
        for name in self.names:
            overrides = [*self.overrides, f"model.{_MODEL}={name}"]
            try:
                yield name, plan_run(values, overrides, tasks, store, say=lambda _: None, table=self.first.table)
            except ConfigError as error:
                if self.named:
                    raise
                yield name, error


def plan_rivals(
    values: Mapping[str, Any],
    overrides: Sequence[str],
    names: Sequence[str] | None,
    tasks: Mapping[str, Task],
    store: Path,
    *,
    say: Say,
    table: Table | None = None,
    options: Mapping[str, Value] | None = None,
) -> Rivals:
    """Plan the models that are to be compared.

    Args:
        values: as `plan_run` takes them, like the other arguments.
        overrides: likewise.
        names: of the models; None for all that the task's settings know.
        tasks: likewise.
        store: likewise.
        say: likewise.
        table: likewise.
        options: likewise.

    Raises:
        ConfigError: a name is unknown, or the task has one model only.
        DataError: the data is wrong; with file and line.
    """
    first = plan_run(values, overrides, tasks, store, say=say, table=table, options=options)
    known = choices(type(first.settings), _MODEL)
    if not known:
        raise ConfigError("this task has one model only, so there is nothing to compare; give several runs instead")
    for name in names or ():
        if name not in known:
            raise ConfigError(f"unknown model '{name}'{nearest(name, known)}; known: {', '.join(known)}")
    return Rivals(first, names or known, names is not None, overrides)


def compared(task: Task, title: str, folders: Mapping[str, RunFolder], notes: Sequence[str]) -> Comparison:
    """Finished runs of a task as a comparison.

    Args:
        task: theirs.
        title: what is compared on what.
        folders: name -> run.
        notes: what a reader must know.
    """
    candidates = [_candidate(folder, name) for name, folder in folders.items()]
    return Comparison(title, task.monitor.metric, task.monitor.higher_is_better, candidates, notes)


def compare_runs(paths: Sequence[Path], tasks: Mapping[str, Task]) -> Comparison:
    """Read finished runs of one task.

    Raises:
        BundleError: a folder is not that of a finished run.
        ConfigError: they are of several tasks.
    """
    folders = [RunFolder.open(path) for path in paths]
    names = {folder.config.task for folder in folders}
    if len(names) > 1:
        raise ConfigError(f"the runs are of several tasks ({', '.join(sorted(names))}); compare runs of one task")
    notes = [
        f"{folder.path} was not scored on the same rows as {folders[0].path}: the data, the seed or the split"
        " differs, so their scores are not comparable."
        for folder in folders[1:]
        if _split(folder) != _split(folders[0])
    ]
    short = [path.name for path in paths]
    shown = short if len(set(short)) == len(short) else [str(path) for path in paths]
    task = task_named(names.pop(), tasks)
    return compared(task, f"{len(folders)} runs", dict(zip(shown, folders, strict=True)), notes)


def _split(folder: RunFolder) -> object:
    """What decides which rows a run is scored on."""
    files = folder.read_json("environment.json").get("data") if folder.has("environment.json") else None
    return folder.config.seed, files, folder.config.data.model_copy(update={"path": "", "inputs": ()})


def _candidate(folder: RunFolder, name: str) -> Candidate:
    epochs = folder.read_json("history.json")["epochs"] if folder.has("history.json") else []
    history = [{"epoch": epoch["number"], "loss": epoch["loss"], **epoch["metrics"]} for epoch in epochs]
    return Candidate(name, folder.read_json("metrics.json"), history)
