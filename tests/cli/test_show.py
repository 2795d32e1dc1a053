"""Columns line up in terminal cells, in which Hangul is two wide."""

from __future__ import annotations

import unicodedata

from unroll.cli import show


def width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def test_columns_line_up_under_hangul(capsys):
    show.table(["이름", "score"], [["긍정적인 평가", "1.5"], ["ham", "22.25"]])
    lines = capsys.readouterr().out.splitlines()
    assert len({width(line) for line in lines}) == 1
    assert lines[2].rstrip().endswith("1.5")
    assert lines[3].rstrip().endswith("22.25")
    assert width(lines[2].rstrip()) == width(lines[3].rstrip())


def test_nothing_is_cut_where_the_output_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    long = "x" * 300
    show.table(["name", "value"], [[long, "1"]])
    assert long in capsys.readouterr().out


def test_markup_in_names_is_not_markup(capsys):
    show.table(["[bold]name", "value"], [["[red]x[/red]", "1"]])
    out = capsys.readouterr().out
    assert "[red]x[/red]" in out
    assert "[bold]name" in out


def test_scores_stand_beside_the_baselines(capsys):
    metrics = {
        "test": {"accuracy": {"value": 0.987, "interval": [0.978, 0.996]}},
        "baselines": {"majority": {"test": {"accuracy": {"value": 0.866, "interval": None}}}, "unscored": {"test": {}}},
    }
    show.scores(metrics)
    out = capsys.readouterr().out
    assert "98.7% (97.8 to 99.6%)" in out
    assert "86.6%" in out
    assert "unscored" not in out


def test_only_the_first_of_several_processes_speaks(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    show.say("twice")
    monkeypatch.setenv("RANK", "0")
    show.say("once")
    assert capsys.readouterr().err == "once\n"
