"""`unroll chat`: talk with a trained model in the terminal."""

from __future__ import annotations

import typer

from unroll.cli import options as o

#: What ends a talk, and what begins it anew.
QUIT, RESET = "/quit", "/reset"


def chat(run: o.Run) -> None:
    """Talk with a model of the task chat: a line is what you say, the next what it answers.

    It remembers as many turns as it read in training. /reset forgets them, /quit or Ctrl-D ends.
    """
    import sys

    from unroll import api
    from unroll.errors import ConfigError
    from unroll.report.words import visible
    from unroll.tasks.abilities import Talker

    model = api.load(run)
    talker = model.predictor
    if not isinstance(talker, Talker):
        raise ConfigError(f"{run} is a run of {model.task}; `unroll chat` talks with runs of chat")
    asked = sys.stdin.isatty()
    if asked:
        # Lines are edited with the arrow keys, and earlier ones come back, where Python has readline.
        import contextlib

        with contextlib.suppress(ImportError):
            import readline  # noqa: F401
        typer.echo(f"talking with {run}; {RESET} begins anew, {QUIT} or Ctrl-D ends", err=True)
    turns: list[str] = []
    while True:
        try:
            said = input("you   > " if asked else "").strip()
        except EOFError:
            break
        except KeyboardInterrupt:
            # The prompt of the shell begins on a line of its own.
            print()
            raise
        if said == QUIT:
            break
        if said == RESET:
            turns.clear()
        elif asked and said.startswith("/") and len(said.split()) == 1:
            # A command that is none here; out of a file it would be a line of the talk.
            typer.echo(f"{RESET} begins anew, {QUIT} or Ctrl-D ends; all else is said to the model", err=True)
        elif said:
            turns.append(said)
            answer = talker.reply(turns)
            turns.append(answer)
            print(f"{'model > ' if asked else ''}{visible(answer)}", flush=True)
    if asked:
        print()
