"""`unroll predict`: ask a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli import options as o

if TYPE_CHECKING:
    from unroll.tasks.abilities import Written

#: Endings of files of plain text.
_PLAIN = ("", ".txt", ".text", ".md")


def predict(
    run: o.Run,
    text: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to predict for.")] = None,
    file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A data file with the columns that the model was trained on; of a plain text every line is a record.",
        ),
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
    import shlex
    import sys

    from unroll import api
    from unroll.cli.records import records_of_lines
    from unroll.errors import ConfigError

    if text and file is not None:
        raise ConfigError("give texts on the line or --file, not both")
    model = api.load(run)
    if stream and not model.writes:
        raise ConfigError(f"--stream is for models that write text; {run} is a run of {model.task}")
    asked: object
    if text:
        asked = text
    elif file is not None:
        asked = Path(file)
        if model.task == "generate" and Path(file.removesuffix(".gz")).suffix.lower() in _PLAIN:
            typer.echo(
                f"every line of {file} is continued by itself; the whole text as one: unroll predict {run}"
                f' "$(cat {shlex.quote(file)})"',
                err=True,
            )
    else:
        if sys.stdin.isatty():
            typer.echo("reading records from the terminal, one per line; end with Ctrl-D", err=True)
        asked = records_of_lines(sys.stdin.buffer, encoding or "utf-8")
    reading: dict[str, str | bool | None] = {
        "format": format,
        "encoding": encoding,
        "delimiter": o.character(delimiter),
        "header": False if no_header else None,
    }
    if model.writes and (sys.stdout.isatty() if stream is None else stream):
        for number, written in enumerate(model.write_each(asked, reading=reading, **declared)):
            _show(written, number)
        return
    # A stream that is not UTF-8 gets escapes that every JSON reader understands.
    escape = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    encode = json.JSONEncoder(ensure_ascii=escape, allow_nan=False).encode
    for prediction in model.predict_each(asked, reading=reading, **declared):
        # Who writes a line to standard input may be waiting for the answer to it.
        print(encode(dict(prediction)), flush=file is None)


def _show(written: Written, number: int) -> None:
    """Write a text and what comes after it as it is made; an empty line before all but the first."""
    print("\n" * (number > 0) + written.text, end="", flush=True)
    for piece in written.pieces:
        print(piece, end="", flush=True)
    print(flush=True)
