"""The set of commands and options is frozen: a new one is a decision, taken here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from unroll.cli.app import make_app

READING = {"--format", "--encoding", "--delimiter", "--no-header"}
DATA = READING | {"--task", "--target", "--time", "--series", "--validation", "--test", "--set"}
MODEL = {"--cell", "--hidden-size", "--num-layers", "--bidirectional", "--no-bidirectional", "--horizon"}
WRITING = {"--temperature", "--top-k", "--top-p", "--length", "--seed", "--stream", "--no-stream"}
RUN = {"--epochs", "--seed", "--out", "--config", "--force"}
OPTIONS = {
    "train": DATA | MODEL | RUN | {"--resume", "--init"},
    "check": DATA,
    "evaluate": set(),
    "predict": READING | WRITING | {"--file"},
    "compare": DATA | MODEL | RUN | {"--init"},
    "memory": {
        "--lag",
        "--cell",
        "--language",
        "--steps",
        "--hidden-size",
        "--num-layers",
        "--batch-size",
        "--learning-rate",
        "--seed",
        "--out",
        "--force",
    },
    "datasets": set(),
    "info": set(),
    "bench": set(),
}
ARGUMENTS = {
    "train": ["data"],
    "check": ["data"],
    "evaluate": ["run", "data"],
    "predict": ["run", "text"],
    "compare": ["what"],
    "memory": ["task"],
}

GROUP = typer.main.get_command(make_app())


def options_of(name: str) -> set[str]:
    parameters = [p for p in GROUP.commands[name].params if p.param_type_name == "option"]
    return {option for p in parameters for option in (*p.opts, *p.secondary_opts)} - {"--help", "-h"}


def test_commands_are_these():
    assert set(GROUP.commands) == set(OPTIONS)


@pytest.mark.parametrize("name", OPTIONS)
def test_options_are_these(name):
    assert options_of(name) == OPTIONS[name]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_are_these(name):
    found = [p.name for p in GROUP.commands[name].params if p.param_type_name == "argument"]
    assert found == ARGUMENTS[name]


@pytest.mark.parametrize("name", [name for name in OPTIONS if name != "bench"])
def test_every_option_has_a_help_text_and_stands_in_the_manual(name):
    manual = (Path(__file__).parents[2] / "docs/usage/commands.md").read_text(encoding="utf-8")
    for parameter in GROUP.commands[name].params:
        assert parameter.name == "help" or parameter.help, f"{name}: {parameter.name} has no help"
    for option in options_of(name):
        assert re.search(rf"`{option}\b", manual), f"docs/usage/commands.md does not explain {option}"
