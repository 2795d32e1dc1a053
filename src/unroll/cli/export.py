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

    What is needed besides the numbers (classes, columns) is in the file's metadata.
    """
    from unroll.bundle import RunFolder
    from unroll.errors import ConfigError
    from unroll.interop import export_onnx
    from unroll.tasks import TASKS
    from unroll.tasks.base import Exportable
    from unroll.tasks.pipeline import task_named

    folder = RunFolder.open(run)
    predictor = task_named(folder.config.task, TASKS).load(folder)
    if not isinstance(predictor, Exportable):
        raise ConfigError(f"{run} is a run of {folder.config.task}, whose network cannot be exported to ONNX yet")
    parts = predictor.network_parts()
    done = export_onnx(
        parts.module, parts.example, onnx, output_names=list(parts.outputs), metadata=dict(parts.metadata)
    )
    typer.echo(str(done))
    for name, shape in (*done.inputs.items(), *done.outputs.items()):
        typer.echo(f"  {name}: {' x '.join(map(str, shape))}")
