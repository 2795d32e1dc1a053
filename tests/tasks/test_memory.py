"""How far networks remember: what must be solved is solved, what cannot be is not, and the command writes its
picture.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unroll.cli.app import run
from unroll.data.memory import memory_task
from unroll.errors import ConfigError
from unroll.tasks.memory import KINDS, Result, Settings, compare, figure, remember

QUICK = Settings(hidden_size=24, steps=300, learning_rate=1e-2)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_gated_cells_remember_over_a_short_lag(kind: str) -> None:
    found = remember(memory_task("number", "ko"), kind, 4, QUICK)
    assert found.solved
    assert found.score >= 0.99
    assert found.steps <= 300


def test_untrained_networks_do_not_remember_and_the_seed_decides() -> None:
    task = memory_task("brackets")
    settings = QUICK._replace(steps=1)
    found = [remember(task, "gru", 30, settings) for _ in range(2)]
    assert found[0] == found[1]
    assert not found[0].solved
    assert found[0].score < 0.6


def test_adding_is_scored_by_its_error() -> None:
    found = remember(memory_task("adding"), "lstm", 4, Settings(hidden_size=24, steps=600, learning_rate=1e-2))
    assert found.chance == pytest.approx(1 / 6)
    assert found.score < 0.02


def test_results_come_for_every_cell_at_every_lag() -> None:
    found = list(compare("copy", "en", ["rnn", "irnn"], [3, 1], QUICK._replace(steps=1)))
    assert [(result.lag, result.cell) for result in found] == [(1, "rnn"), (1, "irnn"), (3, "rnn"), (3, "irnn")]
    assert set(KINDS) == {"rnn", "lstm", "gru", "irnn"}


def test_unknown_cells_and_lags_are_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'lstm'"):
        list(compare("copy", "en", ["lstn"], [3], QUICK))
    with pytest.raises(ConfigError, match="lag must be 0 steps or more, got -1"):
        list(compare("copy", "en", ["gru"], [-1], QUICK))


def test_the_picture_has_a_line_for_each_network() -> None:
    results = [Result(cell, lag, 0.5, 0.25, 1, False) for lag in (1, 2) for cell in ("rnn", "gru")]
    axes = figure("copy", results).axes[0]
    assert [line.get_label() for line in axes.get_lines()] == ["rnn", "gru", "remembers nothing"]


def test_the_command_writes_a_table_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["memory", "gender", "--lag", "1,2", "--cell", "gru", "--steps", "2", "--out", str(tmp_path / "m")]
    assert run([*words, "--language", "ko"]) == 0
    assert "picture" in capsys.readouterr().out
    record = json.loads((tmp_path / "m/memory.json").read_text(encoding="utf-8"))
    assert [result["lag"] for result in record["results"]] == [1, 2]
    assert (tmp_path / "m/memory.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert run(words) == 2
    assert "holds results already" in capsys.readouterr().err
    assert run(["memory", "copy", "--lag", "x", "--out", str(tmp_path / "n")]) == 2
    assert "--lag takes numbers" in capsys.readouterr().err
