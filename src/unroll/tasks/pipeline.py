"""The way from a data file to a run folder, the same for every task."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel

from unroll.bundle import DataConfig, RunConfig, RunFolder, apply_overrides, fingerprint, validate, with_values
from unroll.data import Table, read_table
from unroll.data.series.ids import id_columns
from unroll.data.table.partcolumns import told_parts
from unroll.errors import DataError, UnrollError
from unroll.report import Facts, Section, report_html
from unroll.tasks.base import Job, Record, Score, Scores, Task
from unroll.tasks.inside import Diagnosis, TrainingLook
from unroll.tasks.options import Value, training
from unroll.tasks.reading import held_columns, read_options
from unroll.tasks.recognition import recognise, task_named
from unroll.tasks.registry import TASKS
from unroll.training import History, Progress, Silent, TrainSettings, busy, fit, nothing_learnt
from unroll.training.memory import release
from unroll.training.processes import processes

#: Where the pipeline says what it understood and decided, a sentence at a time.
Say = Callable[[str], None]
SPLITS = ("validation", "test")


@dataclass(frozen=True)
class Plan:
    """A run that has been thought through and not begun: nothing is written yet, but for the temporary store.

    Attributes:
        task: the task.
        config: the complete config, columns filled in.
        settings: `config.model`, validated.
        table: the data.
        job: the untrained network and its data.
        training: the training settings, validated: the config's own over those that suit the data.
    """

    task: Task
    config: RunConfig
    settings: BaseModel
    table: Table
    job: Job
    training: TrainSettings


def open_table(data: DataConfig, store: Path) -> Table:
    """Read the files of a data config into `store`.

    Raises:
        DataError: a file is missing or wrong; with file and line.
    """
    options = read_options(data)
    table = read_table(data.path, options, store, validation=data.validation, test=data.test)
    named = {data.target, data.time, *id_columns(data.series, table.columns), data.split_column, *data.inputs} - {None}
    if data.header is None and table.columns[:1] == ("column1",) and not named <= set(table.columns):
        # The first line looked like data, but it may hold the names that the user gave.
        options = options._replace(header=True)
        # Where there is nothing below the first line, that line is data.
        with contextlib.suppress(DataError):
            again = read_table(data.path, options, store / "named", validation=data.validation, test=data.test)
            if named & set(again.columns):
                return again
    return table


def with_parts(table: Table, data: DataConfig) -> Table:
    """The table without columns that say the part of each row, which is taken for it; those that are named stay."""
    given = {data.target, data.time, *id_columns(data.series, table.columns), data.split_column, *data.inputs}
    return table if data.split_column is not None else told_parts(table, given)


def _rough(values: Mapping[str, Any], overrides: Sequence[str]) -> RunConfig:
    """The config with its section `data` checked; the others wait until the task is known."""
    config = validate(RunConfig, {**values, "task": values.get("task") or "guessed"})
    return apply_overrides(config, [text for text in overrides if text.startswith("data.")])


def data_config(values: Mapping[str, Any], overrides: Sequence[str]) -> DataConfig:
    """The section `data` of a config as plain values, with the overrides that are for it.

    Raises:
        ConfigError: a key or value is wrong.
    """
    return _rough(values, overrides).data


def plan_run(
    values: Mapping[str, Any],
    overrides: Sequence[str],
    tasks: Mapping[str, Task],
    store: Path,
    *,
    say: Say,
    table: Table | None = None,
    options: Mapping[str, Value] | None = None,
) -> Plan:
    """Read the data, recognise the task, check every setting, split, fit vocabulary and scalers, build the network.

    Args:
        values: a config as plain values; `task` may be missing and is then guessed.
        overrides: texts key=value, applied last.
        tasks: the tasks to choose from.
        store: an empty folder for the stored table; it must outlive the plan.
        say: told what was understood and decided.
        table: the data, if it has been read already.
        options: of those that the task declares, what was given, by name; they go over `values`.

    Raises:
        ConfigError: a key or value is wrong.
        DataError: the data is wrong; with file and line.
    """
    name = values.get("task")
    if name is not None:
        task_named(name, tasks)
    rough = _rough(values, overrides)
    table = with_parts(table if table is not None else open_table(rough.data, store), rough.data)
    for note in table.notes:
        say(note)
    task, guess = recognise(table, rough.data, tasks, name)
    say(guess.reason)
    for note in guess.notes:
        say(note)
    data = guess.data.model_copy(update={"columns": {**held_columns(table), **guess.data.columns}})
    config = rough.model_copy(update={"task": task.name, "data": data})
    placed = TASKS.place(options or {}, task, training)
    config = validate(RunConfig, with_values(config.model_dump(), placed))
    sections: dict[str, type[BaseModel]] = {"model": task.Settings, "training": TrainSettings}
    config = apply_overrides(config, [text for text in overrides if not text.startswith("data.")], sections)
    settings = validate(task.Settings, config.model, "model")
    # A wrong training setting must not wait until the data has been prepared.
    validate(TrainSettings, config.training, "training")
    torch.manual_seed(config.seed)
    prepared = task.prepare(table, config, settings)
    learning = validate(TrainSettings, {**prepared.training, **config.training}, "training")
    job = task.build(prepared, config, settings, learning)
    for note in job.notes:
        say(note)
    complete = {"model": settings.model_dump(mode="json"), "training": learning.model_dump(mode="json")}
    return Plan(task, config.model_copy(update=complete), settings, table, job, learning)


def train_run(
    plan: Plan,
    out: Path,
    *,
    force: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
    say: Say,
    with_baselines: bool = True,
) -> RunFolder:
    """Train a planned run, score it beside its baselines, and write its folder.

    Args:
        plan: what to do.
        out: the run folder.
        force: replace a run that stands there.
        resume: continue the run that stands there.
        progress: where the loop shows how far it is.
        say: told what was found.
        with_baselines: whether to fit the baselines as well.

    Raises:
        BundleError: the folder cannot be written to, or holds no run to continue.
        Interrupted: SIGINT or SIGTERM came; the run was saved and can be continued.
    """
    group = processes()
    folder = _shared_folder(plan, out, force=force, resume=resume)
    job = plan.job
    # environment.json is written last: a run that was killed before it stood has to write both again.
    if group.main and not folder.has("environment.json"):
        job.save(folder)
        folder.record_environment(_fingerprints(plan))
    started = time.monotonic()
    job.begin()
    release()
    history = fit(
        job,
        plan.task.stopping or plan.task.monitor,
        plan.training,
        out,
        seed=plan.config.seed,
        resume=resume,
        progress=progress or Silent(),
        looker=TrainingLook(job) if group.main else None,
    )
    # A run that was continued took longer than this sitting; scoring and the baselines are not training.
    seconds = max(history.seconds, time.monotonic() - started)
    if group.main:
        known = len(job.notes)
        job.settle()
        for note in job.notes[known:]:
            say(note)
        folder.save_weights(job.network)
        scores = {split: job.evaluate(split) for split in SPLITS if split in job.splits}
        baselines: Mapping[str, Mapping[str, Scores]] = {}
        if with_baselines:
            with busy(progress or Silent(), "fitting the baselines on the same split"):
                baselines = job.baselines()
        else:
            say("no baselines were asked for")
        inside = Diagnosis(job, plan.training, folder.path)
        for finding in inside.findings[:1]:
            say(str(finding))
        _write_results(plan, folder, scores, baselines, history, seconds, inside.sections())
    return folder


def _shared_folder(plan: Plan, out: Path, *, force: bool, resume: bool) -> RunFolder:
    """Create or open the run folder, in the main process; the others fail with it or see it."""
    group = processes()
    problem = b""
    folder = None
    if group.main:
        try:
            if resume:
                folder = RunFolder.open(out)
                _check_same_data(plan, folder)
            else:
                folder = RunFolder.create(out, plan.config, force=force)
        except UnrollError as error:
            problem = str(error).encode()
            group.share(problem)
            raise
    problem = group.share(problem)
    if problem:
        raise UnrollError(problem.decode())
    return folder if folder is not None else RunFolder.open(out)


def _fingerprints(plan: Plan) -> list[dict[str, Any]]:
    """What the result depends on besides the config: the data, and what the run started from."""
    if plan.table.in_memory:
        return [plan.table.fingerprint(), *fingerprint(plan.job.sources)]
    return fingerprint([*plan.table.paths, *plan.job.sources])


def _check_same_data(plan: Plan, folder: RunFolder) -> None:
    """Raise unless the data files are those that the run was begun with."""
    then = folder.read_json("environment.json").get("data") if folder.has("environment.json") else None
    if then is not None and then != _fingerprints(plan):
        what = "data or the run it started from" if plan.job.sources else "data"
        raise DataError(
            f"the {what} has changed since the run in {folder.path} was begun; restore it, or begin a new run with"
            " --out",
            plan.table.paths[0],
        )


def _write_results(
    plan: Plan,
    folder: RunFolder,
    scores: Mapping[str, Scores],
    baselines: Mapping[str, Mapping[str, Scores]],
    history: History,
    seconds: float,
    last: Sequence[Section],
) -> None:
    metrics: dict[str, Any] = {"task": plan.task.name}
    for split in SPLITS:
        metrics[split] = _plain(scores[split]) if split in scores else {}
    metrics["baselines"] = {
        name: {split: _plain(reached) for split, reached in splits.items()} for name, splits in baselines.items()
    }
    metrics["parameters"] = sum(p.numel() for p in plan.job.network.parameters())
    metrics["seconds"] = round(seconds, 3)
    unlearnt = nothing_learnt(history, plan.job.chance(), plan.training, aided=plan.job.aided)
    warnings = [] if unlearnt is None else [unlearnt]
    if unlearnt is not None:
        metrics["warning"] = unlearnt
    folder.write_json("metrics.json", metrics)
    folder.write_json("history.json", history.to_json())
    notes = [*plan.table.notes, *plan.job.notes, *warnings]
    folder.write_card(notes)
    shown = scores.get("test") or scores.get("validation")
    environment = folder.read_json("environment.json") if folder.has("environment.json") else {}
    facts = Facts(
        name=folder.path.name,
        task=plan.task.name,
        summary=plan.task.summary,
        data=plan.config.data.path,
        monitor=plan.task.monitor.metric,
        higher_is_better=plan.task.monitor.higher_is_better,
        metrics=metrics,
        history=[
            {
                "epoch": e.number,
                "steps": e.steps,
                "loss": e.loss,
                "learning_rate": e.learning_rate,
                "seconds": e.seconds,
                "data_seconds": e.data_seconds,
                "exchange_seconds": e.exchange_seconds,
                "sent_bytes": e.sent_bytes,
                **e.metrics,
            }
            for e in history.epochs
        ],
        best_epoch=history.best or None,
        notes=notes,
        sections=[*plan.job.sections(), *(shown.sections if shown else []), *last],
        config=folder.config.model_dump(mode="json"),
        environment={**environment, "peak memory": f"{peak_memory() / 2**20:.0f} MiB"},
        folder=str(folder.path),
        remarks=[*(_sentence(text) for text in warnings), *(plan.job.remarks(shown) if shown else [])],
    )
    folder.write_text("report.html", report_html(facts))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _plain(scores: Scores) -> dict[str, Any]:
    return {name: score.entry() for name, score in scores.metrics.items()}


def peak_memory() -> int:
    """Bytes of memory that this process has held at most."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def resume_values(folder: RunFolder) -> dict[str, Any]:
    """The config of a run that is to be continued, as plain values for `plan_run`."""
    return folder.config.model_dump(mode="json")


def evaluate_run(folder: RunFolder, tasks: Mapping[str, Task], store: Path, path: str | None = None) -> Scores:
    """Score a finished run on the rows of a file, or give the test scores of its own split.

    Args:
        folder: the run.
        tasks: the tasks to choose from.
        store: an empty folder for the stored table.
        path: a file with the same columns; None for the scores that training wrote down.

    Raises:
        BundleError: the run is not finished, or damaged.
        DataError: the file is wrong; with file and line.
    """
    if path is None:
        metrics = folder.read_json("metrics.json")
        part = metrics.get("test") or metrics.get("validation") or {}
        return Scores(
            {
                name: Score(
                    entry["value"], None if entry["interval"] is None else (entry["interval"][0], entry["interval"][1])
                )
                for name, entry in part.items()
            }
        )
    data = folder.config.data.model_copy(update={"path": path, "validation": None, "test": None, "split_column": None})
    return task_named(folder.config.task, tasks).load(folder).evaluate(open_table(data, store), data)


def predict_run(folder: RunFolder, tasks: Mapping[str, Task], records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    """Answer for each record with a finished run.

    Raises:
        BundleError: the run is not finished, or damaged.
        DataError: a record lacks a column.
    """
    return task_named(folder.config.task, tasks).load(folder).predict(records)
