"""`unroll evaluate`: score a trained model."""

from __future__ import annotations

from typing import Annotated

import typer

from unroll.cli import options as o


def evaluate(
    run: o.Run,
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="A file with the same columns. Default: the run's own split."),
    ] = None,
) -> None:
    """Score a trained model on a data file, or show its scores beside the baselines."""
    import tempfile
    from pathlib import Path

    from unroll.bundle import RunFolder
    from unroll.cli import show
    from unroll.tasks import TASKS
    from unroll.tasks.pipeline import evaluate_run

    folder = RunFolder.open(run)
    if data is None:
        show.scores(folder.read_json("metrics.json"))
        return
    with tempfile.TemporaryDirectory(prefix="unroll-") as store:
        found = evaluate_run(folder, TASKS, Path(store), data)
    entries = {name: {"value": score.value, "interval": score.interval} for name, score in found.metrics.items()}
    show.entries([(Path(data).name, entries)], "scored on")
