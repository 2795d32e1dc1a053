"""No file of src/unroll imports another that imports it in turn, imports inside functions included."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "unroll"


def file_graph(source: Path) -> dict[str, set[str]]:
    """Every module below `source`, and the modules of the same package that it imports anywhere in it.

    What stands under `if TYPE_CHECKING:` is for type checkers and never runs, so it makes no circle. `from a import b`
    is an import of `a.b` where that is a module, else of `a`: whoever takes a name that a package's `__init__`
    re-exports depends on that `__init__`.
    """
    package = source.name
    modules: dict[str, Path] = {}
    for path in sorted(source.rglob("*.py")):
        parts = [package, *path.relative_to(source).with_suffix("").parts]
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        found: set[str] = set()
        for node in _running(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = _base(node, module, path)
                names = {f"{base}.{alias.name}" for alias in node.names}
                found |= {name if name in modules else base for name in names}
        graph[module] = (found & modules.keys()) - {module}
    return graph


def _base(node: ast.ImportFrom, module: str, path: Path) -> str:
    """The module that `from ... import` names, dots in front counted."""
    if node.level == 0:
        return node.module or ""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    kept = package[: len(package) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _running(node: ast.AST) -> list[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING:`."""
    found = [node]
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            found += [inner for other in child.orelse for inner in _running(other)]
        else:
            found += _running(child)
    return found


def find_circle(graph: dict[str, set[str]]) -> list[str] | None:
    """The modules of one circle in order, the first again at the end; None if there is none."""
    done: set[str] = set()
    for start in sorted(graph):
        path: list[str] = []
        waiting: list[tuple[str, bool]] = [(start, False)]
        while waiting:
            module, leaving = waiting.pop()
            if leaving:
                done.add(path.pop())
            elif module in path:
                return [*path[path.index(module) :], module]
            elif module not in done:
                path.append(module)
                waiting.append((module, True))
                waiting += [(other, False) for other in sorted(graph[module])]
    return None


def test_no_circles() -> None:
    circle = find_circle(file_graph(SOURCE))
    assert circle is None, f"imports run in a circle: {' -> '.join(circle)}"


def test_a_circle_through_a_function_and_a_relative_import_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "inner" / "__init__.py").write_text("")
    (folder / "a.py").write_text("import os\nfrom pack.inner.b import thing\n")
    (folder / "inner" / "b.py").write_text("from . import c\n")
    (folder / "inner" / "c.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pack.a\n")
    assert find_circle(file_graph(folder)) is None
    (folder / "inner" / "c.py").write_text("def late():\n    from ..a import thing\n    return thing\n")
    circle = find_circle(file_graph(folder))
    assert circle is not None
    assert set(circle) == {"pack.a", "pack.inner.b", "pack.inner.c"}


def test_a_circle_through_a_package_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "__init__.py").write_text("from pack.a import thing\n")
    (folder / "a.py").write_text("from pack import thing\n")
    assert find_circle(file_graph(folder)) == ["pack", "pack.a", "pack"]
