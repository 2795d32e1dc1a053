"""`unroll predict`: ask a trained model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli import options as o

if TYPE_CHECKING:
    from unroll.bundle import RunFolder
    from unroll.tasks.base import Record


def predict(
    run: o.Run,
    text: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to predict for.")] = None,
    file: Annotated[
        str | None, typer.Option(metavar="FILE", help="A data file with the columns that the model was trained on.")
    ] = None,
    format: o.Format = None,
    encoding: o.Encoding = None,
    delimiter: o.Delimiter = None,
    no_header: o.NoHeader = False,
) -> None:
    """Predict for texts on the line, the rows of a file, or lines of standard input; prints JSON lines.

    Standard input holds texts, or JSON objects with the columns' values if its first line is one.
    """
    import json
    import sys
    import tempfile

    from unroll.bundle import RunFolder
    from unroll.cli.records import records_of_lines
    from unroll.errors import ConfigError
    from unroll.tasks import TASKS
    from unroll.tasks.pipeline import predict_run

    folder = RunFolder.open(run)
    with tempfile.TemporaryDirectory(prefix="unroll-") as store:
        records: Iterator[Record]
        if text and file is not None:
            raise ConfigError("give texts on the line or --file, not both")
        if text:
            records = iter(text)
        elif file is not None:
            records = _file_records(folder, file, Path(store), format, encoding, delimiter, no_header)
        else:
            if sys.stdin.isatty():
                typer.echo("reading records from the terminal, one per line; end with Ctrl-D", err=True)
            records = records_of_lines(sys.stdin.buffer, encoding or "utf-8")
        # A stream that is not UTF-8 gets escapes that every JSON reader understands.
        escape = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
        for answer in predict_run(folder, TASKS, records):
            print(json.dumps(answer, ensure_ascii=escape, allow_nan=False), flush=True)


def _file_records(
    folder: RunFolder,
    file: str,
    store: Path,
    format: str | None,
    encoding: str | None,
    delimiter: str | None,
    no_header: bool,
) -> Iterator[Record]:
    """Read the file as the run's own data was read, unless an option says otherwise."""
    from unroll.cli.records import records_of_table
    from unroll.tasks.pipeline import open_table

    given = o.data_values(None, None, None, format, encoding, delimiter, no_header, None, None)
    changes = {key.removeprefix("data."): value for key, value in given.items() if value is not None}
    data = folder.config.data.model_copy(update={"path": file, "validation": None, "test": None, **changes})
    return records_of_table(open_table(data, store))
