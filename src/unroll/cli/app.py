"""The command `unroll`: its subcommands, and how errors end."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from unroll.cli import (
    backtest,
    bench,
    chat,
    check,
    compare,
    datasets,
    detect,
    evaluate,
    export,
    info,
    lab,
    look,
    memory,
    predict,
    train,
    transcribe,
)
from unroll.cli.declared import with_declared
from unroll.cli.extras import missing_extra
from unroll.cli.waiting import wait_settings
from unroll.errors import UnrollError, nearest
from unroll.tasks.options import prediction, training

#: typer carries its own copy of click, or uses the installed one, by version; this is the one whose errors it raises.
_click = sys.modules[typer.BadParameter.__module__]


def _version(asked: bool) -> None:
    if asked:
        from unroll import __version__

        typer.echo(f"unroll {__version__}")
        raise typer.Exit


def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""


def make_app() -> typer.Typer:
    """The command `unroll` with the options of the tasks that are registered now."""
    app = typer.Typer(
        name="unroll",
        help="Recurrent networks: from a data file to a trained, tested, explained model.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        suggest_commands=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback()(root)
    commands: list[tuple[Callable[..., None], str]] = [
        (with_declared(train.train, training), "Train a model on a data file and report it."),
        (check.check, "Look at a data file before training on it."),
        (evaluate.evaluate, "Score a trained model."),
        (with_declared(predict.predict, prediction), "Ask a trained model."),
        (detect.detect, "Raise alerts on a stream, with a trained model."),
        (with_declared(compare.compare, training, besides=["cell"]), "Set several models or runs side by side."),
        (with_declared(backtest.backtest, training), "Train a forecaster anew for each of the last horizons."),
        (chat.chat, "Talk with a trained model."),
        (look.look, "See what a trained model remembers."),
        (transcribe.transcribe, "Write what is spoken on standard input."),
        (export.export, "Write a trained model as an ONNX file."),
        (memory.memory, "Compare how far networks remember."),
        (lab.lab, "Learn what recurrent networks remember."),
        (datasets.datasets, "List the built-in data sets."),
        (info.info, "Show what this installation can do."),
    ]
    for function, summary in commands:
        app.command(function.__name__, short_help=summary)(function)
    app.add_typer(bench.app, name="bench", short_help="Measure speed beside other libraries.")
    return app


def main() -> None:
    """Run the command line and exit.

    Codes: 0 done, 1 a check found errors, 2 an error of use or data, 128 + n stopped by signal n.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that is not UTF-8 (EUC-KR, say) must not end a run over a character it cannot show.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    os.environ.update(wait_settings(sys.argv[1:], os.environ, os.cpu_count() or 1))
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors that a user can act on are one line on stderr."""
    try:
        code = make_app()(arguments, prog_name="unroll", standalone_mode=False)
    except UnrollError as error:
        return _fail(str(error))
    except _click.UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message())
            return 0
        return _fail(_usage(error))
    except typer.Abort:
        return 130
    except ModuleNotFoundError as error:
        extra = missing_extra(error.name)
        if extra is None:
            raise
        return _fail(str(extra))
    except OSError as error:
        if error.filename is None:
            raise
        return _fail(f"{error.filename}: {error.strerror}")
    return code if isinstance(code, int) else 0


def _fail(message: str) -> int:
    print(f"unroll: error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _usage(error: Any) -> str:
    """Return a usage error as one line that names the nearest option or command and where the help is."""
    context = error.ctx
    if context is None:
        return f"{error.format_message()}; see unroll --help"
    if isinstance(error, _click.NoSuchOption):
        known = [name for parameter in context.command.params for name in (*parameter.opts, *parameter.secondary_opts)]
        message = f"unknown option {error.option_name}{nearest(error.option_name, [*known, '--help'])}"
    else:
        message = error.format_message().rstrip(".")
        unknown = re.match("No such command '(.*?)'", message)
        if unknown is not None:
            message = f"unknown command '{unknown[1]}'{nearest(unknown[1], context.command.commands)}"
    return f"{message[:1].lower()}{message[1:]}; see {context.command_path} --help"
