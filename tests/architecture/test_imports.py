"""The import direction, and other rules of the layout that a reader would otherwise have to trust."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "unroll"

#: What each folder may import besides itself and `errors`.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "ids": set(),
    "cells": set(),
    "kernels": {"cells"},
    "engine": {"cells", "kernels"},
    "layers": {"cells", "engine"},
    "models": {"cells", "engine", "layers"},
    "nn": {"layers"},
    "choices": {"engine"},
    "streaming": {"kernels", "layers"},
    "decoding": set(),
    "bench": {"cells", "kernels", "engine", "layers", "models", "streaming"},
    "interop": {"cells", "layers", "engine"},
    "keras": {"interop"},
    "inspect": {"cells", "engine", "layers", "interop"},
    "viewer": {"inspect"},
    "data": set(),
    "metrics": set(),
    "report": set(),
    "bundle": {"report"},
    "baselines": {"data", "metrics"},
    "training": {"bundle"},
    "tasks": {
        "cells",
        "engine",
        "layers",
        "models",
        "data",
        "metrics",
        "baselines",
        "training",
        "bundle",
        "report",
        "inspect",
        "decoding",
        "choices",
        "streaming",
    },
}
# What the door gives back, what it opens, the door, and its clients.
ALLOWED["results"] = {"data", "report", "tasks"}
ALLOWED["trained"] = {"bundle", "data", "inspect", "interop", "report", "results", "tasks"}
ALLOWED["api"] = {"bundle", "data", "tasks", "trained", "training", "results"}
ALLOWED["backtesting"] = {"api", "tasks", "trained", "training"}
ALLOWED["looking"] = {"bundle", "inspect", "results", "trained", "viewer"}
ALLOWED["lab"] = {"cells", "data", "engine", "inspect", "layers", "models", "report", "tasks"}
ALLOWED["sklearn"] = {"api", "metrics", "results", "tasks", "trained"}
ALLOWED["cli"] = {*ALLOWED, "cli"}
FILES = sorted(SOURCE.rglob("*.py"))


def part(path: Path) -> str:
    """The folder below src/unroll that a file stands in, or its own name if it stands at the top."""
    relative = path.relative_to(SOURCE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imported(tree: ast.AST) -> set[str]:
    """Dotted names below unroll that a module imports, anywhere in it: modules, or what stands in them."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix("unroll.") for name in names if name.startswith("unroll.")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path: Path) -> None:
    own = part(path)
    if path == SOURCE / "__init__.py":
        return
    assert own in ALLOWED, f"{own}: say in ALLOWED what this folder may import"
    parts = {name.split(".")[0] for name in imported(ast.parse(path.read_text("utf-8")))}
    wrong = parts - ALLOWED[own] - {own, "errors", "ids", "__version__"}
    assert not wrong, f"{path.name} in {own} must not import {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("path", sorted((SOURCE / "tasks").rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_task_packages_do_not_know_each_other(path: Path) -> None:
    """A task's package is imported by itself and by the registry alone; what tasks share stands beside them."""
    packages = {folder.name for folder in (SOURCE / "tasks").iterdir() if (folder / "__init__.py").is_file()}
    inside = path.relative_to(SOURCE / "tasks").parts
    if inside == ("registry.py",):
        return
    names = [name.split(".") for name in imported(ast.parse(path.read_text("utf-8")))]
    known = {parts[1] for parts in names if parts[0] == "tasks" and len(parts) > 1} & packages
    assert known <= {inside[0]}, f"{path}: imports the task package {', '.join(sorted(known - {inside[0]}))}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_is_one_idea(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= 400, f"{path}: {lines} lines, 400 at most; cut it along its ideas"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_constructors_are_small_and_explicit(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            assert len(arguments) - 1 <= 12, f"{path}:{node.lineno}: {len(arguments) - 1} parameters, 12 at most"
            assert node.args.kwarg is None, f"{path}:{node.lineno}: **kwargs swallows misspelt options"


def test_no_class_inherits_from_a_concrete_class_of_unroll() -> None:
    bases: dict[str, list[str]] = {}
    abstract: set[str] = set()
    where: dict[str, Path] = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.ClassDef):
                continue
            # torch.nn's own classes are not ours, whatever they are called.
            bases_of = [ast.unparse(base) for base in node.bases]
            names = [base.split(".")[-1].split("[")[0] for base in bases_of if not base.startswith("nn.")]
            bases[node.name] = names
            where[node.name] = path
            methods = [item for item in node.body if isinstance(item, ast.FunctionDef)]
            marks = [ast.unparse(mark).split(".")[-1] for item in methods for mark in item.decorator_list]
            if "abstractmethod" in marks or set(names) & {"ABC", "Protocol", "Enum", "NamedTuple", "TypedDict"}:
                abstract.add(node.name)
    # Exceptions form a tree that is drawn in errors.py; a closed schema's base class holds only its configuration.
    # What accelerate makes is torch.nn's class and unroll's at once, so that isinstance holds for both.
    exempt = {"UnrollError", "Closed"}
    bases = {name: parents for name, parents in bases.items() if not name.startswith("Accelerated")}
    for name, parents in bases.items():
        concrete = [parent for parent in parents if parent in bases and parent not in abstract | exempt]
        assert not concrete, f"{where[name]}: {name} inherits from the concrete class {concrete[0]}; compose instead"


def test_cells_hold_no_loop_over_time_and_no_device() -> None:
    for path in (SOURCE / "cells").glob("*.py"):
        code = path.read_text("utf-8")
        assert not re.search(r"\bcuda\b|\btriton\b|for \w+ in range", code), path


def test_the_engine_holds_no_equation() -> None:
    for path in (SOURCE / "engine").glob("*.py"):
        assert not re.search(r"sigmoid|tanh|relu|LSTM|GRU", path.read_text("utf-8")), path


def test_cell_docstrings_have_their_six_parts() -> None:
    from unroll import cells

    public = [value for name in cells.__all__ if isinstance(value := getattr(cells, name), type)]
    for cell in [value for value in public if issubclass(value, cells.Cell) and value is not cells.Cell]:
        text = cell.__doc__ or ""
        for heading in ("Equation:", "Source:", "Gate order:", "States:", "Differs from torch.nn:", "Example:"):
            assert heading in text, f"{cell.__name__}: the docstring lacks '{heading}'"
