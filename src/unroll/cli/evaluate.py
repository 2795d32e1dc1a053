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
    from pathlib import Path

    from unroll import api
    from unroll.cli import show

    model = api.load(run)
    if data is None:
        show.scores(model.metrics)
        return
    scores = model.evaluate(data)
    entries = {name: score.entry() for name, score in scores.items()}
    show.entries([(Path(data).name, entries)], "scored on")
