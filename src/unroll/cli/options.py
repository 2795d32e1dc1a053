"""The options that several commands share: one name, one meaning, one help text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

Data = Annotated[
    str, typer.Argument(metavar="DATA", help="A data file or folder, a built-in set (unroll datasets) or hub:NAME.")
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a trained model.")]

TaskName = Annotated[
    str | None,
    typer.Option("--task", metavar="TASK", help="What to learn. Default: guessed from the data and said aloud."),
]
Target = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column to predict.")]
Time = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column that holds the time of a row.")]
Series = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column that names a row's series; several: store,item."),
]

Format = Annotated[
    str | None, typer.Option(metavar="NAME", help="The kind of file, such as csv, jsonl or conll. Default: found out.")
]
Encoding = Annotated[
    str | None, typer.Option(metavar="NAME", help="The files' encoding, such as cp949. Default: utf-8.")
]
Delimiter = Annotated[str | None, typer.Option(metavar="CHAR", help="What separates columns. Default: found out.")]
NoHeader = Annotated[
    bool, typer.Option("--no-header", help="The first line is data; columns are column1, column2, ...")
]
Validation = Annotated[str | None, typer.Option(metavar="FILE", help="A file that holds the validation rows.")]
Test = Annotated[str | None, typer.Option(metavar="FILE", help="A file that holds the test rows.")]

#: The place of the options that tasks declare; see `unroll.cli.declared`.
Declared = Mapping[str, Any]
NONE: Declared = MappingProxyType({})
Epochs = Annotated[int | None, typer.Option(metavar="N", help="Passes over the training rows, at most.")]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Seed of everything random. Default: 0.")]
Config = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A config to start from, such as another run's config.json.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any other setting, such as training.batch_size=64; repeatable."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the run that is in the folder.")]


def character(delimiter: str | None) -> str | None:
    """The delimiter that a shell can write as a word."""
    return "\t" if delimiter in ("\\t", "tab") else delimiter
