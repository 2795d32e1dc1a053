"""The set of commands and of their own options is frozen: a new one is a decision, taken here. What tasks declare
comes besides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from unroll.cli.app import make_app
from unroll.cli.declared import declared_options
from unroll.cli.manual import with_tables
from unroll.tasks.options import prediction, training

READING = {"--format", "--encoding", "--delimiter", "--no-header"}
DATA = READING | {"--task", "--target", "--time", "--series", "--validation", "--test", "--set"}
READING_RUN = READING | {"--file", "--stream", "--no-stream"}
RUN = {"--epochs", "--seed", "--out", "--config", "--force"}
OPTIONS = {
    "train": DATA | RUN | {"--resume", "--look"},
    "chat": set(),
    "check": DATA,
    "evaluate": set(),
    "predict": READING_RUN,
    "compare": DATA | RUN | {"--cell"},
    "backtest": READING | {"--target", "--time", "--series", "--set"} | RUN | {"--folds"},
    "transcribe": {"--raw", "--rate", "--channels", "--bits"},
    "look": {"--text", "--data", "--row", "--compare", "--out", "--language"},
    "detect": {"--state", "--threshold", "--warm-up", "--scores"},
    "lab": {"--seed", "--out"},
    "export": {"--onnx"},
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
    "chat": ["run"],
    "check": ["data"],
    "evaluate": ["run", "data"],
    "predict": ["run", "text"],
    "compare": ["what"],
    "backtest": ["data"],
    "transcribe": ["run"],
    "look": ["run"],
    "detect": ["run"],
    "lab": ["chapter"],
    "export": ["run"],
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
    declared = {"train": training, "compare": training, "backtest": training, "predict": prediction}
    shared = declared_options(declared[name]) if name in declared else {}
    flags = [entry.option.flag for entry in shared.values()]
    flags += [f"--no-{entry.option.flag[2:]}" for entry in shared.values() if entry.option.type is bool]
    assert not shared or {"--hidden-size", "--temperature"} & set(flags)
    assert options_of(name) == OPTIONS[name] | set(flags)


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


def test_the_tables_of_the_manual_are_those_of_the_commands():
    manual = (Path(__file__).parents[2] / "docs/usage/commands.md").read_text(encoding="utf-8")
    tables = re.findall(r"<!-- options of (\w+) -->", manual)
    assert tables == ["train", "predict", "detect", "compare", "look"]
    assert with_tables(manual) == manual, "write them with scripts/options-table"
