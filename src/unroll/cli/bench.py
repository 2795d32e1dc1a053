"""`unroll bench layers`: this project and its peers in one run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Measure speed against other libraries.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure speed against other libraries."""


@app.command()
def layers(
    quick: Annotated[
        bool, typer.Option("--quick", help="A tenth of the time: fewer and shorter rounds, no further rows.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the results here.")] = None,
    cells: Annotated[str, typer.Option(help="Cells, separated by commas.")] = "lstm,gru,rnn",
    peers: Annotated[str | None, typer.Option(help="Peers, separated by commas; default: every installed one.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of everyone; default: torch's choice.")] = None,
    simd: Annotated[
        str | None, typer.Option(help="Instruction set of everyone who can be told: avx2 or avx512. Not onnxruntime.")
    ] = None,
    busy: Annotated[bool, typer.Option("--busy", help="Run beside one other busy process.")] = False,
    held: Annotated[bool, typer.Option("--held", hidden=True)] = False,
) -> None:
    """Time every layer on six shapes, forward and training, beside torch, onnxruntime, OpenVINO and JAX."""
    from unroll.bench.cases import TORCH_LAYERS
    from unroll.bench.held import LEVELS, neighbour, run_held
    from unroll.bench.peers import PEERS, installed
    from unroll.bench.run import Settings, run
    from unroll.errors import DISTRIBUTION

    if simd is not None:
        simd = _chosen(simd, "simd", list(LEVELS))[0]
    if (simd is not None or threads is not None) and not held:
        again = [*("--quick",) * quick, *("--busy",) * busy, "--held", "--cells", cells]
        for name, value in (("--json", json_file), ("--peers", peers), ("--simd", simd), ("--threads", threads)):
            again += [] if value is None else [name, str(value)]
        raise typer.Exit(run_held(["bench", "layers", *again], simd, threads))
    chosen_cells = _chosen(cells, "cells", list(TORCH_LAYERS))
    chosen_peers = installed() if peers is None else _chosen(peers, "peers", list(PEERS))
    absent = [name for name in chosen_peers if name not in installed()]
    if absent:
        advice = f"install it with: pip install '{DISTRIBUTION}[bench]'"
        raise typer.BadParameter(f"{', '.join(absent)} is not installed; {advice}")
    extent: dict[str, Any] = {"rounds": 3, "seconds": 0.02, "further": False} if quick else {}
    settings = Settings(chosen_cells, tuple(chosen_peers), **extent, simd=simd, busy=busy)
    with neighbour(busy):
        results = run(settings, lambda line: typer.echo(line, err=True))
    if json_file is not None:
        json_file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    from unroll.bench.table import table

    typer.echo(table(results))


def _chosen(text: str, what: str, known: list[str]) -> tuple[str, ...]:
    from unroll.errors import nearest

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"{what} must be among {', '.join(known)}, got '{name}'" + nearest(name, known))
    return names


if __name__ == "__main__":
    app()
