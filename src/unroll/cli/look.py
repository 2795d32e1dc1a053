"""`unroll look`: see what a trained model remembers of a text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli import options as o


def look(
    run: o.Run,
    text: Annotated[
        list[str] | None, typer.Option("--text", metavar="TEXT", help="What the model reads; twice to compare two.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file whose record number --row the model reads.")
    ] = None,
    row: Annotated[int, typer.Option(metavar="N", help="Which record, counted from 0.")] = 0,
    compare: Annotated[
        Path | None, typer.Option(metavar="RUN2", help="A second model, shown beside the first.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The page. Default: look.html in the run's folder.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="en", help="The page's language: en or ko. Default: the browser's.")
    ] = None,
) -> None:
    """See what a trained model remembers: writes a page that a browser opens without a network.

    Without --text and --data the model reads a record of its own training data.
    """
    from unroll.errors import ConfigError
    from unroll.looking import look as look_inside

    if text and data is not None:
        raise ConfigError("give --text or --data, not both")
    given: list[str | Path] = [data] if data is not None else [*(text or [])]
    page = look_inside(run, *given, compare=compare, row=row, out=out or run / "look.html", language=language)
    typer.echo(f"page    {page.path}")
