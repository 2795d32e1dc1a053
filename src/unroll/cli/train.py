"""`unroll train`: from a data file to a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli import options as o

if TYPE_CHECKING:
    from unroll.bundle import RunFolder
    from unroll.tasks.options import Value


def train(
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="A data file or folder, a built-in set (unroll datasets) or hub:NAME."),
    ] = None,
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
    declared: o.Declared = o.NONE,
    epochs: o.Epochs = None,
    seed: o.Seed = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run folder. Default: a new one under runs/.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Continue the run in this folder as it was begun.")
    ] = None,
    config: o.Config = None,
    set_: o.Set = None,
    force: o.Force = False,
) -> None:
    """Train a model on a data file, score it beside simple baselines, and write a report.

    The task and the columns are guessed from the data and said aloud, or given. For several processes:
    torchrun --nproc-per-node N -m unroll.cli train DATA ...
    """
    given: dict[str, Any] = {
        "task": task,
        "seed": seed,
        **o.data_values(target, time, series, format, encoding, delimiter, no_header, validation, test),
        "training.epochs": epochs,
    }
    if resume is not None:
        _resume(resume, data, {**given, **declared}, out, config, set_, force)
        return
    from unroll.cli.settings import config_values, free_folder, run_name
    from unroll.training.processes import processes

    values = config_values(data, config, given)
    if out is None:
        free = free_folder(Path("runs"), run_name(values["data"]["path"]))
        # Every process must use the folder that the first one found free.
        out = Path(processes().share(str(free).encode()).decode())
    _train(values, declared, set_ or [], out, force=force, resume=False)


def _resume(
    folder: Path,
    data: str | None,
    given: dict[str, Any],
    out: Path | None,
    config: Path | None,
    set_: list[str] | None,
    force: bool,
) -> None:
    from unroll.bundle import RunFolder
    from unroll.errors import ConfigError
    from unroll.tasks.pipeline import resume_values

    values = resume_values(RunFolder.open(folder))
    same_data = data is None or data == values["data"]["path"]
    changed = [value for value in given.values() if value is not None]
    if changed or not same_data or out or config or set_ or force:
        raise ConfigError(
            f"--resume continues a run as it was begun, so it takes no other option and no other data; give only"
            f" --resume {folder}, or begin a new run from its config with --config {folder / 'config.json'} --out DIR"
        )
    _train(values, {}, [], folder, force=False, resume=True)


def _train(
    values: dict[str, Any],
    declared: Mapping[str, Value],
    overrides: list[str],
    out: Path,
    *,
    force: bool,
    resume: bool,
) -> None:
    import tempfile

    from unroll.cli.show import say, stopped_by_signal
    from unroll.tasks import TASKS
    from unroll.tasks.pipeline import plan_run, train_run
    from unroll.training.progress import open_progress

    with tempfile.TemporaryDirectory(prefix="unroll-") as store:
        plan = plan_run(values, overrides, TASKS, Path(store), say=say, options=declared)
        with stopped_by_signal(lambda: f"continue with: unroll train --resume {out}"):
            folder = train_run(plan, out, force=force, resume=resume, progress=open_progress(), say=say)
        _print_result(folder, plan.task.monitor.metric, higher_is_better=plan.task.monitor.higher_is_better)


def _print_result(folder: RunFolder, monitor: str, *, higher_is_better: bool) -> None:
    from unroll.cli import show
    from unroll.report import words
    from unroll.training.processes import processes

    if not processes().main:
        return
    metrics = folder.read_json("metrics.json")
    result, verdict = words.headline(metrics, monitor, higher_is_better=higher_is_better)
    typer.echo(f"\n{result}\n{verdict}".rstrip() + "\n")
    show.scores(metrics)
    typer.echo(f"\nreport  {folder.report}\nnext    unroll predict {folder.path} --file NEW_DATA")
