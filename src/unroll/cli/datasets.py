"""`unroll datasets`: the data that is there without a download."""

from __future__ import annotations

import typer


def datasets() -> None:
    """List the built-in data sets, which need no download."""
    from unroll.cli.show import table
    from unroll.data import builtin_names

    table(["name", "what it is"], [[name, words] for name, words in builtin_names().items()], left=2)
    typer.echo("\nuse one by its name:  unroll train sunspots")
    typer.echo("public sets by name:  unroll train hub:NAME  (needs the extra 'datasets')")
