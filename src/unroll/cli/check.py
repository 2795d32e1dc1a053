"""`unroll check`: the data doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from unroll.cli import options as o

if TYPE_CHECKING:
    from unroll.data import Finding


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
    import tempfile

    from unroll.cli.settings import config_values

    reading = o.data_values(target, time, series, format, encoding, delimiter, no_header, validation, test)
    values = config_values(data, None, {"task": task, **reading})
    with tempfile.TemporaryDirectory(prefix="unroll-") as store:
        findings = _examine(values, set_ or [], Path(store))
    for finding in findings:
        line = "" if finding.line is None else f":{finding.line}"
        place = "" if finding.path is None else f"{finding.path}{line}: "
        typer.echo(f"{finding.level}: {place}{finding.text}")
        if finding.advice:
            typer.echo(f"    {finding.advice}")
    count = {level: sum(finding.level == level for finding in findings) for level in ("error", "warning")}
    typer.echo(f"\n{_plural(count['error'], 'error')}, {_plural(count['warning'], 'warning')}")
    if count["error"]:
        raise typer.Exit(1)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _examine(values: dict[str, Any], overrides: list[str], store: Path) -> list[Finding]:
    """Read the data, recognise the task if one fits, and look at the table with the columns that the task would use."""
    from unroll.bundle import RunConfig, apply_overrides, validate
    from unroll.data import Finding, examine
    from unroll.errors import DataError
    from unroll.tasks import TASKS
    from unroll.tasks.pipeline import open_table, recognise

    config = apply_overrides(validate(RunConfig, {**values, "task": values.get("task", "guessed")}), overrides)
    table = open_table(config.data, store)
    data = config.data
    own: list[Finding] = []
    split = None
    try:
        task, guess = recognise(table, data, TASKS, values.get("task"))
    except DataError as error:
        # The doctor is asked just when nothing fits; it then looks at the table without knowing what for.
        typer.echo(f"no task: {error}")
    else:
        for text in (guess.reason, *guess.notes):
            typer.echo(text)
        data = guess.data
        own = list(task.findings(table, data))
        try:
            split = task.split(table, config.model_copy(update={"task": task.name, "data": data}))
        except DataError as error:
            own.append(Finding("error", str(error), None, None, "training would stop here"))
    general = examine(table, target=data.target, inputs=data.inputs, time=data.time, series=data.series, split=split)
    return [*own, *general]
