"""The options of a command that the tasks declare: its parameters, and what of them was given."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any, NamedTuple

import typer

from unroll.tasks.options import Choose, Option, Value
from unroll.tasks.registry import TASKS

#: The parameter of a command that gets the declared options which were given, by their names.
PARAMETER = "declared"


class Shared(NamedTuple):
    """An option and the tasks that have it; `everywhere` if all have."""

    option: Option
    tasks: tuple[str, ...]
    everywhere: bool

    @property
    def help(self) -> str:
        """Its help text, which names the tasks if not all have it."""
        text = self.option.help
        return text if self.everywhere else f"{text.removesuffix('.')} ({', '.join(self.tasks)})."


def declared_options(choose: Choose, *, besides: Iterable[str] = ()) -> dict[str, Shared]:
    """Every option that some task has, by its name, in the order in which they come.

    Args:
        choose: `training` or `prediction`.
        besides: names that the command has a parameter of its own for.
    """
    tasks = TASKS.options()
    found: dict[str, Option] = {}
    having: dict[str, list[str]] = {}
    for task, options in tasks.items():
        for option in choose(options):
            if option.name not in besides:
                found.setdefault(option.name, option)
                having.setdefault(option.name, []).append(task)
    return {
        name: Shared(option, tuple(having[name]), len(having[name]) == len(tasks)) for name, option in found.items()
    }


def with_declared(command: Callable[..., None], choose: Choose, *, besides: Iterable[str] = ()) -> Callable[..., None]:
    """Give a command the options that tasks declare, in the place of its parameter `declared`."""
    shared = declared_options(choose, besides=besides)

    @functools.wraps(command)
    def wrapper(**values: Any) -> None:
        given: dict[str, Value] = {}
        for name in shared:
            value = values.pop(name)
            if value is not None:
                given[name] = value
        command(**values, **{PARAMETER: given})

    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        if parameter.name == PARAMETER:
            parameters += [_parameter(option) for option in shared.values()]
        else:
            parameters.append(parameter)
    # Types are read from both, by version of typer.
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del wrapper.__wrapped__
    return wrapper


def _parameter(shared: Shared) -> inspect.Parameter:
    option = shared.option
    if option.type is bool:
        flag = typer.Option(f"{option.flag}/--no-{option.flag[2:]}", help=shared.help)
    else:
        flag = typer.Option(option.flag, metavar=option.metavar, help=shared.help, min=option.least, max=option.most)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(option.name, kind, default=None, annotation=Annotated[option.type | None, flag])
