"""`unroll compare`: several models on the same split, or several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli import options as o

if TYPE_CHECKING:
    from unroll.bundle import RunFolder
    from unroll.report import Candidate, Comparison
    from unroll.tasks.options import Value


def compare(
    what: Annotated[list[str], typer.Argument(metavar="DATA | RUN...", help="Data to train on, or runs to read.")],
    task: o.TaskName = None,
    target: o.Target = None,
    time: o.Time = None,
    series: o.Series = None,
    format: o.Format = None,
    encoding: o.Encoding = None,
    delimiter: o.Delimiter = None,
    no_header: o.NoHeader = False,
    validation: o.Validation = None,
    test: o.Test = None,
    cell: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Which models, separated by commas. Default: all that the task knows."),
    ] = None,
    declared: o.Declared = o.NONE,
    epochs: o.Epochs = None,
    seed: o.Seed = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the runs and the page go. Default: under runs/.")
    ] = None,
    config: o.Config = None,
    set_: o.Set = None,
    force: o.Force = False,
) -> None:
    """Train several models on the same split and budget, or read several runs: one table and one page.

    The page stands in DIR/compare.html.
    """
    runs = [Path(item) for item in what if (Path(item) / "manifest.json").is_file()]
    if runs and len(runs) == len(what):
        _show(_read(runs), out)
        return
    if len(what) != 1:
        from unroll.errors import ConfigError

        wrong = next(item for item in what if not (Path(item) / "manifest.json").is_file())
        raise ConfigError(f"{wrong}: not a run folder; give one data set, or only run folders")
    from unroll.cli.settings import config_values, free_folder, run_name

    given = {
        "task": task,
        "seed": seed,
        **o.data_values(target, time, series, format, encoding, delimiter, no_header, validation, test),
        "training.epochs": epochs,
    }
    values = config_values(what[0], config, given)
    out = out or free_folder(Path("runs"), f"{run_name(what[0])}-compare")
    names = [name.strip() for name in cell.split(",")] if cell else None
    _show(_train_all(values, declared, set_ or [], names, out, force=force), out)


def _train_all(
    values: dict[str, Any],
    declared: Mapping[str, Value],
    overrides: list[str],
    names: list[str] | None,
    out: Path,
    *,
    force: bool,
) -> Comparison:
    import tempfile

    from unroll.bundle import choices
    from unroll.cli.show import say, stopped_by_signal
    from unroll.errors import ConfigError, nearest
    from unroll.report import Comparison
    from unroll.tasks import TASKS
    from unroll.tasks.pipeline import plan_run, train_run
    from unroll.training.progress import open_progress

    candidates: list[Candidate] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="unroll-") as store:
        first = plan_run(values, overrides, TASKS, Path(store), say=say, options=declared)
        known = choices(type(first.settings), "encoder")
        if not known:
            raise ConfigError("this task has one model only, so there is nothing to compare; give several runs instead")
        for name in names or []:
            if name not in known:
                raise ConfigError(f"unknown model '{name}'{nearest(name, known)}; known: {', '.join(known)}")
        for name in names or known:
            say(f"\n{name}")
            try:
                plan = plan_run(
                    first.config.model_dump(mode="json"),
                    [*overrides, f"model.encoder={name}"],
                    TASKS,
                    Path(store),
                    say=lambda _: None,
                    table=first.table,
                )
            except ConfigError as error:
                if names is not None:
                    raise
                notes.append(f"{name} was left out: {error}")
                say(notes[-1])
                continue
            with stopped_by_signal(lambda: "the models that were finished stand in " + str(out)):
                # The baselines do not depend on the model, so they are fitted once.
                folder = train_run(
                    plan,
                    out / name,
                    force=force,
                    progress=open_progress(),
                    say=lambda _: None,
                    with_baselines=not candidates,
                )
            candidates.append(_candidate(folder, name))
    monitor = first.task.monitor
    title = f"{', '.join(candidate.name for candidate in candidates)} on {first.config.data.path}"
    return Comparison(title, monitor.metric, monitor.higher_is_better, candidates, notes)


def _read(paths: Sequence[Path]) -> Comparison:
    from unroll.bundle import RunFolder
    from unroll.errors import ConfigError
    from unroll.report import Comparison
    from unroll.tasks import TASKS
    from unroll.tasks.pipeline import task_named

    folders = [RunFolder.open(path) for path in paths]
    tasks = {folder.config.task for folder in folders}
    if len(tasks) > 1:
        raise ConfigError(f"the runs are of several tasks ({', '.join(sorted(tasks))}); compare runs of one task")
    notes = []
    for folder in folders[1:]:
        if _split(folder) != _split(folders[0]):
            notes.append(
                f"{folder.path} was not scored on the same rows as {folders[0].path}: the data, the seed or the split"
                " differs, so their scores are not comparable."
            )
    monitor = task_named(tasks.pop(), TASKS).monitor
    shortest = [path.name for path in paths]
    named = shortest if len(set(shortest)) == len(shortest) else [str(path) for path in paths]
    candidates = [_candidate(folder, name) for folder, name in zip(folders, named, strict=True)]
    return Comparison(f"{len(folders)} runs", monitor.metric, monitor.higher_is_better, candidates, notes)


def _split(folder: RunFolder) -> object:
    """What decides which rows a run is scored on."""
    files = folder.read_json("environment.json").get("data") if folder.has("environment.json") else None
    return folder.config.seed, files, folder.config.data.model_copy(update={"path": "", "inputs": ()})


def _candidate(folder: RunFolder, name: str) -> Candidate:
    from unroll.report import Candidate

    epochs = folder.read_json("history.json")["epochs"] if folder.has("history.json") else []
    history = [{"epoch": epoch["number"], "loss": epoch["loss"], **epoch["metrics"]} for epoch in epochs]
    return Candidate(name, folder.read_json("metrics.json"), history)


def _show(comparison: Comparison, out: Path | None) -> None:
    from unroll.cli import show
    from unroll.report import comparison_html, comparison_rows, words

    metric = comparison.monitor
    rows = [
        [
            row.name,
            words.metric_value(metric, row.entry["value"]),
            words.interval(metric, row.entry.get("interval")),
            "" if row.parameters is None else words.number(row.parameters),
            "" if row.seconds is None else words.duration(row.seconds),
        ]
        for row in comparison_rows(comparison)
    ]
    typer.echo("")
    heads = ["model", words.metric_name(metric), "95% interval", "parameters", "training time"]
    if not any(row[2] for row in rows):
        heads, rows = [*heads[:2], *heads[3:]], [[*row[:2], *row[3:]] for row in rows]
    show.table(heads, rows)
    for note in comparison.notes:
        typer.echo(f"\n{note}")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        page = out / "compare.html"
        page.write_text(comparison_html(comparison), encoding="utf-8")
        typer.echo(f"\npage  {page}")
