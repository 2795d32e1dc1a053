"""The command line: one thin file per command.

A command's file imports typer and nothing heavier; what it calls is imported when it runs, so `unroll --help` answers
before torch is loaded.
"""

from unroll.cli.app import main

__all__ = ["main"]
