"""`unroll export`: a trained model as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli import options as o


def export(
    run: o.Run,
    onnx: Annotated[Path, typer.Option("--onnx", metavar="FILE", help="Where the ONNX file goes.")],
) -> None:
    """Write a trained model as an ONNX file, and compare the two in onnxruntime.

    A model that reads and then writes becomes two: FILE.encoder.onnx, and FILE.step.onnx with one step of what writes.
    What is needed besides the numbers (classes, columns, a vocabulary) is in the file's metadata.
    """
    from unroll.api import load
    from unroll.errors import ConfigError

    if (run / "memory.json").is_file():
        raise ConfigError(f"{run} holds what `unroll memory` found, which keeps no network: there is nothing to export")
    for done in load(run).export_onnx(onnx):
        typer.echo(str(done))
        for name, shape in (*done.inputs.items(), *done.outputs.items()):
            typer.echo(f"  {name}: {' x '.join(map(str, shape))}")
