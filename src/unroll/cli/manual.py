"""The tables of options in docs/usage/commands.md, made from the commands themselves.

`python -m unroll.cli.manual docs/usage/commands.md` writes them; a test holds the page to them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import typer

_PLACE = re.compile(r"(<!-- options of (\w+) -->\n).*?(<!-- end of options -->)", re.DOTALL)


def table(name: str) -> str:
    """The options of a command as a table of Markdown."""
    from unroll.cli.app import make_app

    command: Any = typer.main.get_command(make_app())
    rows = ["| option | meaning |", "| --- | --- |"]
    for parameter in command.commands[name].params:
        if parameter.param_type_name == "option" and parameter.name != "help":
            flags = [f"`{flag}`" for flag in (*parameter.opts, *parameter.secondary_opts)]
            if parameter.metavar:
                flags[0] = f"`{parameter.opts[0]} {parameter.metavar}`"
            rows.append(f"| {', '.join(flags)} | {parameter.help} |")
    return "\n".join(rows) + "\n"


def with_tables(page: str) -> str:
    """The page with its tables as they are now."""
    return _PLACE.sub(lambda found: found[1] + table(found[2]) + found[3], page)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        path = Path(argument)
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
