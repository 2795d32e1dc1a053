"""`unroll train`: from a data file to a run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
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
    look: Annotated[
        bool, typer.Option("--look", help="Show the training live on a page of this machine, and say its address.")
    ] = False,
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
    folder = resume or out
    advice = f"continue with: unroll train --resume {folder}"
    with _live(folder, say) if look and folder is not None else nullcontext(), stopped_by_signal(lambda: advice):
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


@contextmanager
def _live(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """A page that follows the run's log as long as the training lasts; of several processes the first has it."""
    from unroll.training.processes import processes

    if not processes().main:
        yield
        return
    from unroll.viewer.live import LiveView
    from unroll.viewer.log import LogReader

    with LiveView(str(folder), LogReader(folder / "log.jsonl").heard) as view:
        say(f"look    {view.address}")
        yield


def _print_result(model: Model) -> None:
    from unroll.cli import show

    typer.echo(f"\n{model.evaluate().headline}\n")
    show.scores(model.metrics)
    if "warning" in model.metrics:
        typer.echo(f"\nwarning: {model.metrics['warning']}")
    typer.echo(f"\nreport  {model.report.path}\nnext    unroll predict {model.path} --file NEW_DATA")
