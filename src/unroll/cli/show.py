"""What the commands print: results on stdout, everything said on the way on stderr.

rich measures text in terminal cells, so columns line up under Hangul, which is two cells wide.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import typer


def say(text: str) -> None:
    """Say what was understood or decided, on stderr; of several processes only the first speaks."""
    if os.environ.get("RANK", "0") == "0":
        print(text, file=sys.stderr, flush=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Print rows under column titles, if there are any; the first `left` columns are words, the others numbers."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", show_header=any(columns))
    for index, name in enumerate(columns):
        shown.add_column(Text(name), justify="left" if index < left else "right", overflow="fold")
    for row in rows:
        shown.add_row(*map(Text, row))
    # Without a terminal nothing is cut or wrapped: a table in a file has the width it needs.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)
    console.print(shown)


def scores(metrics: Mapping[str, Any]) -> None:
    """Print a run's scores beside its baselines, with 95% intervals."""
    from unroll.report import words

    split = words.shown_part(metrics)
    if split is None:
        return
    rows = [("this model", metrics[split])]
    rows += [(name, splits[split]) for name, splits in metrics.get("baselines", {}).items() if splits.get(split)]
    entries([(words.model_name(name), words.distinct(scored)) for name, scored in rows], f"{split} split")


def entries(rows: Sequence[tuple[str, Mapping[str, Any]]], title: str) -> None:
    """Print one line of scores per row: its name, and per metric an entry as in metrics.json."""
    from unroll.report import words

    names = list(dict.fromkeys(name for _, scored in rows for name in scored))
    table(
        [title, *map(words.metric_name, names)],
        [[who, *(_score(name, scored.get(name)) for name in names)] for who, scored in rows],
    )


def _score(metric: str, entry: Mapping[str, Any] | None) -> str:
    from unroll.report import words

    if entry is None:
        return "-"
    value = words.metric_value(metric, entry["value"])
    bounds = words.interval(metric, entry.get("interval"))
    return f"{value} ({bounds})" if bounds else value


@contextmanager
def stopped_by_signal(advice: Callable[[], str]) -> Iterator[None]:
    """Turn a run that was stopped by SIGINT or SIGTERM, and saved, into exit code 130 or 143 and a line of advice."""
    from unroll.training import Interrupted

    try:
        yield
    except Interrupted as stop:
        say(f"unroll: {stop}; {advice()}")
        raise typer.Exit(stop.exit_code) from None
