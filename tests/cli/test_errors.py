"""How errors end: one line on stderr, exit code 2, no traceback; signals with 128 + n."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys

import pytest
import typer

from unroll.cli import app as app_module
from unroll.cli import info as info_module
from unroll.cli import show
from unroll.cli.extras import EXTRAS, missing_extra
from unroll.errors import DataError, UnrollError


def last_error(capsys) -> str:
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["trian"], "unknown command 'trian' (did you mean 'train'?); see unroll --help"),
        (["train", "x", "--epoch", "3"], "unknown option --epoch (did you mean '--epochs'?); see unroll train --help"),
        (["predict"], "missing argument 'RUN'; see unroll predict --help"),
        (["train"], "no data: give DATA, a file, a folder or a built-in set (`unroll datasets` lists those)"),
        (["bench", "layrs"], "unknown command 'layrs' (did you mean 'layers'?); see unroll bench --help"),
        (["compare", "one", "two"], "one: not a run folder; give one data set, or only run folders"),
    ],
)
def test_wrong_use_is_one_line_that_names_the_nearest(arguments, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert app_module.run(arguments) == 2
    assert last_error(capsys) == f"unroll: error: {expected}"
    assert not list(tmp_path.iterdir())


def test_a_value_of_the_wrong_type_names_its_option(capsys):
    assert app_module.run(["train", "x", "--epochs", "three"]) == 2
    assert "'--epochs'" in last_error(capsys)


def raising(error: BaseException):
    def command() -> None:
        raise error

    return command


@pytest.fixture
def failing(monkeypatch):
    """Make `unroll fails` raise the given error."""

    def make(error: BaseException) -> None:
        app = typer.Typer(pretty_exceptions_enable=False)
        app.command("fails")(raising(error))
        app.command("other")(info_module.info)
        monkeypatch.setattr(app_module, "make_app", lambda: app)

    return make


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UnrollError("expected this,\n  got that"), "expected this, got that"),
        (DataError("a cell is missing", "x.csv", 3), "x.csv:3: a cell is missing"),
        (
            ModuleNotFoundError("no", name="pyarrow.csv"),
            "this command needs pyarrow, which is not installed; install it with: pip install 'unroll-rnn[tasks]'",
        ),
        (
            ModuleNotFoundError("no", name="sklearn"),
            "this command needs scikit-learn, which is not installed; install it with: pip install 'unroll-rnn[tasks]'",
        ),
        (PermissionError(13, "Permission denied", "/runs/x"), "/runs/x: Permission denied"),
    ],
)
def test_an_error_that_a_user_can_act_on_is_one_line(error, expected, failing, capsys):
    failing(error)
    assert app_module.run(["fails"]) == 2
    assert last_error(capsys) == f"unroll: error: {expected}"


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), ModuleNotFoundError("no", name="unknown_module"), OSError("odd")]
)
def test_a_bug_keeps_its_traceback(error, failing):
    failing(error)
    with pytest.raises(type(error)):
        app_module.run(["fails"])


def test_ctrl_c_ends_with_130(failing):
    failing(KeyboardInterrupt())
    assert app_module.run(["fails"]) == 130


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_was_stopped_says_how_to_go_on(number, code, monkeypatch, capsys):
    from unroll.training import Interrupted

    def command() -> None:
        with show.stopped_by_signal(lambda: "continue with: unroll train --resume runs/x"):
            raise Interrupted(number, "saved runs/x/checkpoints")

    app = typer.Typer(pretty_exceptions_enable=False)
    app.command("stops")(command)
    app.command("other")(info_module.info)
    monkeypatch.setattr(app_module, "make_app", lambda: app)
    assert app_module.run(["stops"]) == code
    assert last_error(capsys) == "unroll: saved runs/x/checkpoints; continue with: unroll train --resume runs/x"


def test_a_reader_that_stops_reading_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "unroll.cli", "--help"], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr


def test_a_missing_extra_is_known_by_its_top_module_only():
    assert "unroll-rnn[tasks]" in str(missing_extra("jinja2.environment"))
    assert missing_extra("json") is None
    assert missing_extra(None) is None


def test_extras_are_those_of_pyproject():
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {
        extra: {requirement.split(">")[0] for requirement in requirements}
        for extra, requirements in project["optional-dependencies"].items()
    }
    for module, (distribution, extra) in EXTRAS.items():
        assert distribution in declared[extra], f"{module}: {extra} does not bring {distribution}"
    users = set().union(*(names for extra, names in declared.items() if extra not in ("test", "dev")))
    assert users == {distribution for distribution, _ in EXTRAS.values()}


def test_main_reads_the_command_line_and_exits(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["unroll", "--version"])
    with pytest.raises(SystemExit) as stop:
        importlib.import_module("unroll.cli").main()
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith("unroll ")
