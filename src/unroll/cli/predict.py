"""`unroll predict`: ask a trained model."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli import options as o

if TYPE_CHECKING:
    from unroll.bundle import RunFolder
    from unroll.tasks.base import Record, Writer
    from unroll.tasks.options import Value


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
    declared: o.Declared = o.NONE,
    stream: Annotated[
        bool | None,
        typer.Option(
            "--stream/--no-stream",
            help="Show a text while it is written, not as JSON lines. Default: on a terminal.",
        ),
    ] = None,
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
    from unroll.tasks.base import Writer
    from unroll.tasks.options import prediction
    from unroll.tasks.pipeline import task_named

    if text and file is not None:
        raise ConfigError("give texts on the line or --file, not both")
    folder = RunFolder.open(run)
    task = task_named(folder.config.task, TASKS)
    said = TASKS.place(declared, task, prediction)
    with tempfile.TemporaryDirectory(prefix="unroll-") as store:
        predictor = task.load(folder)
        writer = predictor if isinstance(predictor, Writer) else None
        if writer is None and stream:
            raise ConfigError(f"--stream is for models that write text; {run} is a run of {task.name}")
        records: Iterator[Record]
        if text:
            records = iter(text)
        elif file is not None:
            records = _file_records(
                folder, predictor.numbers, file, Path(store), format, encoding, delimiter, no_header
            )
        else:
            if sys.stdin.isatty():
                typer.echo("reading records from the terminal, one per line; end with Ctrl-D", err=True)
            records = records_of_lines(sys.stdin.buffer, encoding or "utf-8")
        if said:
            records = (_with_options(record, said) for record in records)
        if writer is not None and (sys.stdout.isatty() if stream is None else stream):
            _show(writer, records)
            return
        # A stream that is not UTF-8 gets escapes that every JSON reader understands.
        escape = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
        for answer in predictor.predict(records):
            print(json.dumps(answer, ensure_ascii=escape, allow_nan=False), flush=True)


def _with_options(record: Record, said: Mapping[str, Value]) -> Record:
    """A record with the options of the line; what it says itself holds."""
    return {**said, **({"text": record} if isinstance(record, str) else record)}


def _show(writer: Writer, records: Iterator[Record]) -> None:
    """Write each text and what comes after it as it is made; an empty line between two."""
    for number, record in enumerate(records):
        written = writer.write(record)
        print("\n" * (number > 0) + written.text, end="", flush=True)
        for piece in written.pieces:
            print(piece, end="", flush=True)
        print(flush=True)


def _file_records(
    folder: RunFolder,
    numbers: Collection[str],
    file: str,
    store: Path,
    format: str | None,
    encoding: str | None,
    delimiter: str | None,
    no_header: bool,
) -> Iterator[Record]:
    """Read the file as the run's own data was read, unless an option says otherwise."""
    from unroll.tasks.pipeline import open_table
    from unroll.tasks.records import records_of_table

    given = o.data_values(None, None, None, format, encoding, delimiter, no_header, None, None)
    changes = {key.removeprefix("data."): value for key, value in given.items() if value is not None}
    data = folder.config.data.model_copy(update={"path": file, "validation": None, "test": None, **changes})
    return records_of_table(open_table(data, store), numbers)
