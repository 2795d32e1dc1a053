"""`unroll backtest`: a forecaster trained anew for each of the last horizons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli import options as o

if TYPE_CHECKING:
    from unroll.backtesting import Backtest


def backtest(
    data: o.Data,
    folds: Annotated[int, typer.Option(metavar="N", min=1, help="How many horizons to go back.")] = 4,
    target: o.Target = None,
    time: o.Time = None,
    series: o.Series = None,
    format: o.Format = None,
    encoding: o.Encoding = None,
    delimiter: o.Delimiter = None,
    no_header: o.NoHeader = False,
    declared: o.Declared = o.NONE,
    epochs: o.Epochs = None,
    seed: o.Seed = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the folds' runs go. Default: under runs/.")
    ] = None,
    config: o.Config = None,
    set_: o.Set = None,
    force: o.Force = False,
) -> None:
    """Train a forecaster anew for each of the last horizons, on what came before it, beside the baselines."""
    from unroll.backtesting import backtest
    from unroll.cli.settings import free_folder, run_name
    from unroll.cli.show import say, stopped_by_signal
    from unroll.training.progress import open_progress

    out = out or free_folder(Path("runs"), f"{run_name(data)}-backtest")
    with stopped_by_signal(lambda: f"the folds that were finished stand in {out}"):
        result = backtest(
            data,
            folds=folds,
            target=target,
            time=time,
            series=series,
            format=format,
            encoding=encoding,
            delimiter=o.character(delimiter),
            header=False if no_header else None,
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


def _show(result: Backtest) -> None:
    from unroll.backtesting import OURS
    from unroll.cli import show
    from unroll.report import words

    metric = result.metric
    mean = result.mean()
    folds = result.to_frame().pivot(index="model", columns="fold", values=metric)
    rows = [
        [name, *(words.metric_value(metric, value) for value in (mean[metric][name], *folds.loc[name]))]
        for name in mean.index
    ]
    typer.echo(f"\n{words.metric_name(metric)} on the horizon after each cut, lower is better; fold 1 is the earliest")
    show.table(["", "mean", *(f"fold {fold.number}" for fold in result.folds)], rows)
    ours = mean.loc[OURS]
    typer.echo(
        f"\nMASE {words.metric_value('mase', float(ours['mase']))}; the band held"
        f" {words.metric_value('coverage', float(ours['coverage']))} of what came\n"
    )
    for fold in result.folds:
        typer.echo(f"{'report' if fold.number == 1 else '':<7} {fold.model.report.path}")
