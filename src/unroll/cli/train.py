"""`unroll train`: from a data file to a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli import options as o

if TYPE_CHECKING:
    from unroll.trained import Model


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
    from unroll import api
    from unroll.cli.settings import free_folder, named_data, run_name
    from unroll.cli.show import say, stopped_by_signal
    from unroll.training.processes import processes
    from unroll.training.progress import open_progress

    if out is None and resume is None:
        free = free_folder(Path("runs"), run_name(named_data(data, config)))
        # Every process must use the folder that the first one found free.
        out = Path(processes().share(str(free).encode()).decode())
    with stopped_by_signal(lambda: f"continue with: unroll train --resume {resume or out}"):
        model = api.train(
            data,
            task=task,
            target=target,
            time=time,
            series=series,
            format=format,
            encoding=encoding,
            delimiter=o.character(delimiter),
            header=False if no_header else None,
            validation=validation,
            test=test,
            epochs=epochs,
            seed=seed,
            out=out,
            resume=resume,
            config=config,
            settings=set_ or (),
            force=force,
            progress=open_progress(),
            say=say,
            **declared,
        )
    if processes().main:
        _print_result(model)


def _print_result(model: Model) -> None:
    from unroll.cli import show

    typer.echo(f"\n{model.evaluate().headline}\n")
    show.scores(model.metrics)
    if "warning" in model.metrics:
        typer.echo(f"\nwarning: {model.metrics['warning']}")
    typer.echo(f"\nreport  {model.report.path}\nnext    unroll predict {model.path} --file NEW_DATA")
