"""Running recipes: the commands, and one recipe from its data to its record."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import prepare
import pytest
import run_recipe
from recipes import RECIPES, MemoryRecipe, Pretraining, Recipe

from unroll.cli.app import run as unroll


def filled(data: Path, into: Path) -> None:
    """One file."""
    (into / "train.csv").write_text((data / "raw.txt").read_text(encoding="utf-8"), encoding="utf-8")


def test_places_are_filled_in(tmp_path):
    (tmp_path / "raw.txt").write_text("a", encoding="utf-8")
    (tmp_path / "text.txt").write_text("b", encoding="utf-8")
    out = tmp_path / "out" / "r"
    recipe = Recipe(
        "r",
        "{prepared}/train.csv",
        ("--init", "{pretrained}", "--test", "{data}/test.csv"),
        prepare=filled,
        pretraining=Pretraining("text.txt", ("--task", "generate")),
    )
    assert run_recipe.commands(recipe, tmp_path, out) == [
        ["train", f"{tmp_path}/text.txt", "--task", "generate", "--out", f"{out}-pretrained"],
        [
            *("train", f"{out}-data/train.csv", "--init", f"{out}-pretrained"),
            *("--test", f"{tmp_path}/test.csv", "--out", str(out)),
        ],
    ]


def test_missing_data_is_named(tmp_path):
    for recipe in (Recipe("r", "none.csv"), Recipe("r", "{prepared}/train.csv", prepare=filled)):
        with pytest.raises(SystemExit, match=r"(none\.csv|raw\.txt): not found; give the folder"):
            run_recipe.commands(recipe, tmp_path, tmp_path / "out")


def test_every_command_of_unroll_memory_has_its_own_folder(tmp_path):
    recipe = MemoryRecipe("m", (("adding", "--lag", "3"), ("copy",)), {}, "")
    assert run_recipe.commands(recipe, tmp_path, tmp_path) == [
        ["memory", "adding", "--lag", "3", "--out", str(tmp_path / "0")],
        ["memory", "copy", "--out", str(tmp_path / "1")],
    ]


def test_recipes_have_names_of_their_own():
    names = [recipe.name for recipe in RECIPES]
    assert len(set(names)) == len(names)


def called(*words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["recipes", *words])
    return run_recipe.main()


def test_two_seeds_from_data_to_record(tmp_path, monkeypatch, capsys):
    rows = "".join(f"{text},{label}\n" for label, text in (("cold", "snow and ice"), ("warm", "sun and sand")) * 20)
    (tmp_path / "weather.csv").write_text("text,label\n" + rows, encoding="utf-8")
    recipe = Recipe("weather", "weather.csv", ("--epochs", "1", "--hidden-size", "4"))
    memory = MemoryRecipe(
        "recall", (("brackets", "--lag", "2", "--steps", "2", "--cell", "rnn"),), {"rnn": False}, "nobody in two steps"
    )
    monkeypatch.setattr(run_recipe, "RECIPES", (recipe, memory))
    # In this process, which knows the libraries already.
    monkeypatch.setattr(run_recipe, "unroll", unroll)
    words = ["--data", str(tmp_path), "--results", str(tmp_path / "results"), "--out", str(tmp_path / "runs")]
    assert called("weather", "recall", *words, "--seed", "0,1", monkeypatch=monkeypatch) == 0
    weather = json.loads((tmp_path / "results/weather.json").read_text(encoding="utf-8"))
    assert [run["seed"] for run in weather["runs"]] == [0, 1]
    assert weather["runs"][0]["test"].keys() == weather["runs"][1]["test"].keys()
    recall = json.loads((tmp_path / "results/recall.json").read_text(encoding="utf-8"))
    assert [len(run["results"]) for run in recall["runs"]] == [1, 1]
    (tmp_path / "results/weather.json").unlink()
    assert called("weather", *words, "--record", str(tmp_path / "runs/weather"), monkeypatch=monkeypatch) == 0
    again = json.loads((tmp_path / "results/weather.json").read_text(encoding="utf-8"))
    assert again["runs"] == weather["runs"][1:]
    capsys.readouterr()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["namse"], "unknown recipe 'namse' (did you mean"),
        (["names", "--seed", "1,x"], "--seed takes numbers"),
    ],
)
def test_slips_on_the_command_line(words, message, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        called(*words, monkeypatch=monkeypatch)
    assert message in capsys.readouterr().err


def test_clinc150_becomes_lines_of_text_and_label(tmp_path):
    (tmp_path / "topic/clinc150").mkdir(parents=True)
    whole = {"train": [["how far", "distance"]], "val": [["얼마나", "distance"]], "oos_train": [["?", "oos"]]}
    file = tmp_path / "topic/clinc150/data_full_train_val.json"
    file.write_text(json.dumps(whole), encoding="utf-8")
    prepare.clinc150(tmp_path, tmp_path)
    assert (tmp_path / "train.jsonl").read_text(encoding="utf-8") == '{"text": "how far", "label": "distance"}\n'
    assert (tmp_path / "val.jsonl").read_text(encoding="utf-8") == '{"text": "얼마나", "label": "distance"}\n'


def test_sections_of_tweets_stay_apart(tmp_path):
    (tmp_path / "ner/btc").mkdir(parents=True)
    for section in "abefgh":
        (tmp_path / f"ner/btc/{section}.conll").write_text(f"{section}\tO\n\n", encoding="utf-8")
    prepare.btc(tmp_path, tmp_path)
    assert (tmp_path / "train.conll").read_text(encoding="utf-8") == "a\tO\n\nb\tO\n\ne\tO\n\ng\tO\n"
