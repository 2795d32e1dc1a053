"""How far networks remember: what must be solved is solved, what cannot be is not, and the command writes its
picture.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from unroll.cells import CELLS
from unroll.cli.app import run
from unroll.errors import ConfigError
from unroll.layers import GridLSTM1d
from unroll.report.charts import Bars
from unroll.tasks.memory.data import memory_task
from unroll.tasks.memory.job import _without_subnormals, compare, remember
from unroll.tasks.memory.network import KINDS, build_network
from unroll.tasks.memory.scores import figure
from unroll.tasks.memory.settings import Result, Settings

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
    assert set(KINDS) == {*CELLS, "irnn", "chrono-lstm", "chrono-gru", "grid"}


@pytest.mark.parametrize("kind", ["lstm", "grid"])
def test_parity_of_a_few_bits_is_learnt_in_depth(kind: str) -> None:
    settings = Settings(hidden_size=24, num_layers=3, steps=600, batch_size=100, learning_rate=1e-2)
    found = remember(memory_task("parity"), kind, 6, settings)
    assert found.solved
    assert found.score > 0.99
    assert found.chance == 0.5


def test_parity_starts_with_equal_weights_for_every_bit_in_a_network_as_deep_as_asked() -> None:
    made = {
        kind: build_network(memory_task("parity"), KINDS[kind], 50, QUICK._replace(num_layers=5), 50) for kind in KINDS
    }
    for kind, model in made.items():
        layer = model.layer
        weight = layer.enter.weight if isinstance(layer, GridLSTM1d) else layer.layers[0].weight_ih
        assert weight.shape[1] == 50, kind
        assert bool((weight == weight[:, :1]).all()), kind
        assert weight.std() > 0.1, kind
    assert made["grid"].layer.blocks == len(made["lstm"].layer.layers) == 5


def test_chrono_starts_with_memories_as_long_as_the_lag() -> None:
    model = build_network(memory_task("adding"), KINDS["chrono-lstm"], 200, QUICK, 2)
    forget = model.layer.layers[0].bias_ih[24:48].exp()
    assert bool((forget >= 1).all())
    assert 100 < forget.max() <= 199


def test_the_score_does_not_come_from_the_rows_that_end_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """The training ends at once on rows that look solved, and the score is that of others."""
    scores = iter([0.2, 1.0, 0.3, 1.0, 1.0])
    seen: list[Any] = []

    def fake(model: Any, questions: Any) -> float:
        seen.append(questions)
        return next(scores)

    monkeypatch.setattr("unroll.tasks.memory.job.score", fake)
    found = remember(memory_task("copy"), "gru", 2, QUICK._replace(steps=300))
    assert found.score == 1.0
    assert found.steps == 200
    assert [questions is seen[0] for questions in seen] == [True, False, True, False, True]


def test_fading_gradients_are_taken_as_zero_only_while_training() -> None:
    tiny = torch.tensor(1e-40)
    assert float(tiny * 1.0) > 0
    with _without_subnormals():
        assert float(tiny * 1.0) == 0
    assert float(tiny * 1.0) > 0


def test_unknown_cells_and_lags_are_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'lstm'"):
        list(compare("copy", "en", ["lstn"], [3], QUICK))
    with pytest.raises(ConfigError, match="learning rate must be above 0, got 0"):
        remember(memory_task("copy"), "gru", 1, QUICK._replace(learning_rate=0.0))
    with pytest.raises(ConfigError, match="lag must be 0 steps or more, got -1"):
        list(compare("copy", "en", ["gru"], [-1], QUICK))


def test_the_picture_has_a_line_for_each_network() -> None:
    results = [Result(cell, lag, 0.5, 0.25, 1, False, 9) for lag in (1, 2) for cell in ("rnn", "gru")]
    layers = figure("copy", results).layers
    assert [layer.name for layer in layers] == ["rnn", "gru", "remembers nothing"]
    assert list(layers[1].values()) == [(1, 0.5), (2, 0.5)]


def test_the_picture_of_one_lag_has_a_bar_for_each_network() -> None:
    results = [Result(cell, 50, value, 0.5, 1, False, 9) for cell, value in (("grid", 0.9), ("lstm", 0.6))]
    plot = figure("parity", results)
    bars, nothing = plot.layers
    assert isinstance(bars, Bars)
    assert bars.heights == [0.9, 0.6]
    assert (plot.x.label, plot.x.names) == ("50 bits", ["grid", "lstm"])
    assert [y for _, y in nothing.values()] == [0.5, 0.5]


def test_the_command_writes_a_table_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["memory", "gender", "--lag", "1,2", "--cell", "gru", "--steps", "2", "--out", str(tmp_path / "m")]
    assert run([*words, "--language", "ko"]) == 0
    assert "picture" in capsys.readouterr().out
    record = json.loads((tmp_path / "m/memory.json").read_text(encoding="utf-8"))
    assert [result["lag"] for result in record["results"]] == [1, 2]
    assert (tmp_path / "m/memory.svg").read_text(encoding="utf-8").startswith("<svg")
    assert run(words) == 2
    assert "holds results already" in capsys.readouterr().err
    assert run(["memory", "copy", "--lag", "x", "--out", str(tmp_path / "n")]) == 2
    assert "--lag takes numbers" in capsys.readouterr().err
