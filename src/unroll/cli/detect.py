"""`unroll detect`: alerts on what comes from standard input, as soon as they are known."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli import options as o

if TYPE_CHECKING:
    from unroll.tasks.detect.stream import Said

#: Bytes that are taken from the stream at once, at most; what is there is answered, however little it is.
_BLOCK = 1 << 16


def detect(
    run: o.Run,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Go on from what this file knows of the stream, if it is there, and keep it there."
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="S", min=0, help="The score of an alert, in digits of rarity.")
    ] = None,
    warm_up: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Begin knowing nothing, and raise no alert for so many records."),
    ] = None,
    scores: Annotated[bool, typer.Option("--scores", help="Write the score of every record.")] = False,
) -> None:
    """Watch a stream: read records from standard input, write an alert as a JSON line as soon as it is known.

    The first line names the columns, or every line is a JSON object; else the columns are those of the training file.
    A line that cannot be read is reported on standard error with its number, and the stream goes on.
    """
    import sys
    from contextlib import closing

    from unroll import api
    from unroll.cli.show import stopped_by_signal
    from unroll.cli.waiting_input import Input
    from unroll.errors import ConfigError
    from unroll.tasks.detect.session import Session
    from unroll.tasks.detect.stream import AlertStream
    from unroll.training.signals import Interrupted, Signals

    kept = state if state is not None and state.exists() else None
    session = api.load(run).watch(kept, threshold=threshold, warm_up=warm_up)
    if not isinstance(session, Session):
        raise ConfigError(f"{run} raises no alerts; name a run of the task detect")
    stream = AlertStream(session, scores=scores)
    if sys.stdin.isatty():
        typer.echo("reading records from the terminal, one per line; end with Ctrl-D", err=True)
    again = "" if state is None else f"; go on with: unroll detect {run} --state {state}"
    with stopped_by_signal(lambda: f"{stream.summary()}{again}"), Signals(alone=True) as signals:
        with closing(Input(sys.stdin.buffer, lambda: signals.received > 0)) as source:
            for block in source.blocks(_BLOCK):
                _show(stream.feed(block))
        if not signals.received:
            _show(stream.finish())
        if state is not None:
            session.save(state)
        if signals.received:
            raise Interrupted(signals.received, "stopped by a signal")
    typer.echo(stream.summary(), err=True)


def _show(said: Iterable[Said]) -> None:
    """Write what is known, at once."""
    import sys

    for line in said:
        print(line.text, file=sys.stderr if line.aside else sys.stdout)
    sys.stdout.flush()
