"""The task that CONTRIBUTING adds, from its diff: one package and one line, and every command works with it."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import unroll.tasks
from unroll.cells import CELLS
from unroll.cli.app import run
from unroll.tasks.registry import LINES

PAGE = Path(__file__).parents[2] / "CONTRIBUTING.md"
FOLDER = "src/unroll/tasks/"
DULL, FINE = ["dull", "long", "지루해요"], ["great", "fine", "재미있어요"]


def added(page: str) -> dict[str, str]:
    """The lines that the page's diffs add below the tasks, by file."""
    files: dict[str, str] = {}
    for block in re.findall(r"^```diff\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^(?=--- )", block, flags=re.MULTILINE)[1:]:
            _, target, *lines = part.splitlines()
            name = target.removeprefix("+++ b/")
            if name.startswith(FOLDER):
                assert not [line for line in lines if line.startswith("-")], "a task takes nothing away"
                new = [line[1:] for line in lines if line.startswith("+")]
                files[name.removeprefix(FOLDER)] = "\n".join(new) + "\n"
    return files


@pytest.fixture
def rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The task, in a package that stands beside those of the project."""
    files = added(PAGE.read_text(encoding="utf-8"))
    (line,) = ast.literal_eval("{" + files.pop("registry.py") + "}").items()
    assert {Path(name).parts[0] for name in files} == {line[0]}, "one package"
    for name, text in files.items():
        path = tmp_path / "added" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(unroll.tasks, "__path__", [*unroll.tasks.__path__, str(tmp_path / "added")])
    monkeypatch.setitem(LINES, *line)
    yield
    for name in [name for name in sys.modules if name.startswith("unroll.tasks.rate")]:
        del sys.modules[name]


def test_every_command_works_with_a_task_that_is_one_package_and_one_line(
    rate: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "stars.csv", str(tmp_path / "run")
    rows = [
        f"{word} film {i},{stars}.5" for i in range(20) for stars, words in ((1, DULL), (4, FINE)) for word in words
    ]
    data.write_text("\n".join(["text,stars", *rows]) + "\n", encoding="utf-8")
    about = [str(data), "--task", "rate", "--target", "stars"]

    assert run(["check", *about]) in (0, 1)
    assert "the number in 'stars' from the text in 'text'" in capsys.readouterr().out
    assert run(["train", *about, "--cell", "lstm", "--hidden-size", "8", "--out", out]) == 0
    capsys.readouterr()
    metrics = json.loads((tmp_path / "run/metrics.json").read_text(encoding="utf-8"))
    assert metrics["test"]["mae"]["value"] < metrics["baselines"]["median"]["test"]["mae"]["value"] / 2
    assert (tmp_path / "run/report.html").exists()
    assert run(["predict", out, "a great film", "지루해요"]) == 0
    high, low = (json.loads(line)["value"] for line in capsys.readouterr().out.splitlines())
    assert high > 3 > low
    assert run(["evaluate", out, str(data)]) == 0
    assert "MAE" in capsys.readouterr().out

    assert run(["compare", *about, "--hidden-size", "4", "--epochs", "1", "--out", str(tmp_path / "all")]) == 0
    assert all((tmp_path / "all" / name / "metrics.json").exists() for name in CELLS)
    assert capsys.readouterr().out.count("\n") > len(CELLS)

    assert run(["train", *about, "--horizon", "3"]) == 2
    assert "the task 'rate' has no option --horizon; these have it: forecast" in capsys.readouterr().err
    assert run(["train", *about, "--cell", "gruu"]) == 2
    assert "did you mean 'gru'?" in capsys.readouterr().err
