"""`unroll memory`: how far networks remember."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli import options as o


def memory(
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="copy, adding, allergy, gender, number, brackets or parity.")
    ],
    lag: Annotated[
        str,
        typer.Option(
            metavar="N,N,...", help="Steps between what must be remembered and the question; of parity, bits."
        ),
    ] = "5,20,80",
    cell: Annotated[
        str, typer.Option(metavar="NAMES", help="Which networks: rnn, lstm, gru, irnn, chrono-lstm, chrono-gru, grid.")
    ] = "rnn,lstm,gru",
    language: Annotated[str, typer.Option(help="Of the sentences: en or ko.")] = "en",
    steps: Annotated[int, typer.Option(min=1, help="Batches of fresh rows for each network, at most.")] = 3000,
    hidden_size: Annotated[int, typer.Option(min=1, help="Units of each network.")] = 64,
    num_layers: Annotated[int, typer.Option(min=1, help="Layers of each network, or blocks of a grid.")] = 1,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows of a batch.")] = 32,
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="Step size of Adam. Default: what suits each network.")
    ] = None,
    seed: o.Seed = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the picture and the table go.")] = None,
    force: o.Force = False,
) -> None:
    """Train networks on made-up sequences with a dependency over a distance: score against lag, and a picture.

    Writes memory.svg and memory.json into DIR.
    """
    import json

    from unroll.cli.show import table
    from unroll.errors import ConfigError
    from unroll.report import picture_svg
    from unroll.tasks.memory.job import compare
    from unroll.tasks.memory.scores import figure
    from unroll.tasks.memory.settings import Settings

    try:
        lags = [int(part) for part in lag.split(",")]
    except ValueError:
        raise ConfigError(f"--lag takes numbers of steps separated by commas, got '{lag}'") from None
    folder = out or Path("runs") / f"memory-{task}"
    files = [folder / "memory.svg", folder / "memory.json"]
    if not force and any(file.exists() for file in files):
        raise ConfigError(f"{folder} holds results already; name another folder with --out, or use --force")
    settings = Settings(
        hidden_size=hidden_size,
        num_layers=num_layers,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed or 0,
    )
    results = []
    for result in compare(task, language, [name.strip() for name in cell.split(",")], lags, settings):
        typer.echo(f"lag {result.lag}  {result.cell}  {result.score:.4f}  after {result.steps} steps")
        results.append(result)
    folder.mkdir(parents=True, exist_ok=True)
    files[0].write_text(picture_svg(figure(task, results)), encoding="utf-8")
    record = {
        "task": task,
        "language": language,
        "settings": settings._asdict(),
        "results": [r._asdict() for r in results],
    }
    files[1].write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    rows = [
        [
            str(r.lag),
            r.cell,
            f"{r.score:.4f}",
            f"{r.chance:.4f}",
            "yes" if r.solved else "no",
            f"{r.steps:,}",
            f"{r.parameters:,}",
        ]
        for r in results
    ]
    measure = "mean squared error" if task == "adding" else "accuracy"
    table(["lag", "cell", measure, "remembers nothing", "solved", "steps", "parameters"], rows, left=2)
    typer.echo(f"\npicture  {files[0]}")
