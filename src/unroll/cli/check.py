"""`unroll check`: the data doctor."""

from __future__ import annotations

import typer

from unroll.cli import options as o


def check(
    data: o.Data,
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
    set_: o.Set = None,
) -> None:
    """Look at a data file before training on it: what was understood, and what would spoil a result.

    Exits with 1 if something is found with which training would fail or its result would be wrong.
    """
    from unroll import api

    result = api.check(
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
        settings=set_ or (),
    )
    for text in (result.reason, *result.notes):
        typer.echo(text)
    for finding in result.findings:
        line = "" if finding.line is None else f":{finding.line}"
        place = "" if finding.path is None else f"{finding.path}{line}: "
        typer.echo(f"{finding.level}: {place}{finding.text}")
        if finding.advice:
            typer.echo(f"    {finding.advice}")
    typer.echo(f"\n{_plural(len(result.errors), 'error')}, {_plural(len(result.warnings), 'warning')}")
    if result.errors:
        raise typer.Exit(1)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
