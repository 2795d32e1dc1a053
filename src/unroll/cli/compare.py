"""`unroll compare`: several models on the same split, or several runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli import options as o

if TYPE_CHECKING:
    from unroll.trained import Compared


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
    from unroll import api
    from unroll.cli.settings import free_folder, run_name
    from unroll.cli.show import say, stopped_by_signal
    from unroll.training.progress import open_progress

    runs = [Path(item) for item in what if (Path(item) / "manifest.json").is_file()]
    if runs and len(runs) == len(what):
        _show(api.compare(runs, out=out))
        return
    if len(what) != 1:
        from unroll.errors import ConfigError

        wrong = next(item for item in what if not (Path(item) / "manifest.json").is_file())
        raise ConfigError(f"{wrong}: not a run folder; give one data set, or only run folders")
    out = out or free_folder(Path("runs"), f"{run_name(what[0])}-compare")
    with stopped_by_signal(lambda: "the models that were finished stand in " + str(out)):
        result = api.compare(
            what[0],
            cells=[name.strip() for name in cell.split(",")] if cell else None,
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
            config=config,
            settings=set_ or (),
            force=force,
            progress=open_progress(),
            say=say,
            **declared,
        )
    _show(result)


def _show(result: Compared) -> None:
    from unroll.cli import show
    from unroll.report import comparison_rows, words

    comparison = result.comparison
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
    if result.report.path is not None:
        typer.echo(f"\npage  {result.report.path}")
