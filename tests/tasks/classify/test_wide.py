"""A classifier with a linear model beside its network, from a file to answers."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from unroll.bundle import RunFolder
from unroll.errors import ConfigError
from unroll.models.wide import WideAndDeep
from unroll.tasks.classify.task import ClassifyTask
from unroll.tasks.pipeline import Plan, plan_run, predict_run, train_run

TASKS = {"classify": ClassifyTask()}
SMALL = ["model.hidden_size=4", "model.embedding_size=6", "model.engine=torch", "training.batch_size=16"]
GOOD, BAD = ["좋아요", "great", "최고"], ["나빠요", "awful", "최악"]


def write_rows(path: Path, rows: int = 120) -> Path:
    draw = np.random.default_rng(0)
    lines = ["text\tlabel"]
    for number in range(rows):
        words = [*draw.choice(["영화", "the", "film"], 3), draw.choice(GOOD if number % 2 else BAD), "배우"]
        lines.append(" ".join(words) + "\t" + ("pos" if number % 2 else "neg"))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def plan(path: Path, store: Path, *overrides: str, said: list[str] | None = None) -> Plan:
    heard: list[str] = [] if said is None else said
    values = {"task": "classify", "data": {"path": str(path)}}
    return plan_run(values, [*SMALL, *overrides], TASKS, store, say=heard.append)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    """A network that hardly learns, without and with a linear model."""
    where = tmp_path_factory.mktemp("runs")
    path = write_rows(where / "rows.tsv")
    barely = ["training.epochs=1", "training.learning_rate=0.000001"]
    return {
        wide: train_run(plan(path, where / f"{wide}-store", *barely, f"model.wide={wide}"), where / wide, say=print)
        for wide in ("none", "jamo", "word")
    }


@pytest.mark.parametrize("wide", ["jamo", "word"])
def test_the_linear_model_answers_where_the_network_knows_nothing(runs: dict[str, RunFolder], wide: str) -> None:
    accuracy = {name: run.read_json("metrics.json")["test"]["accuracy"]["value"] for name, run in runs.items()}
    assert accuracy["none"] < 0.9
    assert accuracy[wide] == 1.0


def test_the_network_is_trained_as_without_it(runs: dict[str, RunFolder]) -> None:
    alone = TASKS["classify"].load(runs["none"])._network  # type: ignore[attr-defined]
    joined = TASKS["classify"].load(runs["jamo"])._network  # type: ignore[attr-defined]
    assert isinstance(joined, WideAndDeep)
    assert float(joined.share) > 0
    trained = {name: tensor for name, tensor in joined.deep.state_dict().items() if "decision" not in name}
    assert all(torch.equal(tensor, alone.state_dict()[name]) for name, tensor in trained.items())


def test_another_process_gives_the_same_answers_whatever_stands_beside_them(runs: dict[str, RunFolder]) -> None:
    folder = runs["jamo"]
    texts = ["영화 최고 배우", "awful film", "", "漢字"]
    answers = list(predict_run(RunFolder.open(folder.path), TASKS, texts))
    assert [answer["label"] for answer in answers[:2]] == ["pos", "neg"]
    for text, answer in zip(texts, answers, strict=True):
        alone = next(iter(predict_run(folder, TASKS, [text])))
        assert alone["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-5)
    command = [sys.executable, "-m", "unroll.cli", "predict", str(folder.path), *texts[:2]]
    printed = subprocess.run(command, capture_output=True, check=True).stdout.decode().splitlines()
    for line, answer in zip(printed, answers, strict=False):
        assert json.loads(line)["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-5)
    assert len(printed) == 2


def test_an_n_gram_counts_once_however_often_a_record_has_it(runs: dict[str, RunFolder]) -> None:
    predictor = TASKS["classify"].load(runs["jamo"])
    ids, counts, steps = predictor._batch(["최고 최고 최고", "최고"])[-3:]  # type: ignore[attr-defined]
    assert steps.tolist() == [1, 1]
    for row in ids.split(counts.tolist()):
        assert len(row) == len(row.unique()) > 3


def test_grams_come_from_the_train_part_alone_and_are_said(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.tsv")
    lines = path.read_text(encoding="utf-8").splitlines()
    marked = [lines[0] + "\tpart"]
    marked += [f"{line}\ttrain" for line in lines[1:81]]
    marked += [line.replace("배우", "감독") + "\tvalidation" for line in lines[81:]]
    path.write_text("\n".join(marked) + "\n", encoding="utf-8")
    said: list[str] = []
    made = plan(path, tmp_path / "s", "data.split_column=part", "model.wide=character", said=said)
    network = made.job.model
    assert isinstance(network, WideAndDeep)
    made.job.save(folder := RunFolder.create(tmp_path / "run", made.config))
    names = folder.read_json("wide_tokenizer.json")["names"]
    assert "n:배우" in names
    assert "n:감" not in names
    assert len(names) + 2 == network.wide.embedding.weight.shape[0]
    assert any(f"a linear model of {len(names) + 2} features" in text for text in said)


def test_several_labels_and_weighted_classes(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    rows = [f"{'가나' if n % 2 else '다라'} {'마바' if n % 3 else '사아'} 영화" for n in range(90)]
    labels = [",".join([*(["a"] if n % 2 else []), *(["b"] if n % 3 else []), "c"]) for n in range(90)]
    path.write_text("text\tlabels\n" + "".join(f"{r}\t{s}\n" for r, s in zip(rows, labels, strict=True)), "utf-8")
    options = ["data.target=labels", "model.several=true", "model.class_weights=balanced", "training.epochs=1"]
    made = plan(path, tmp_path / "s", *options, "model.wide=jamo", "training.learning_rate=0.000001")
    done = train_run(made, tmp_path / "run", say=print, with_baselines=False)
    assert done.read_json("metrics.json")["test"]["accuracy"]["value"] == 1.0


def test_numbers_have_no_grams(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b,c,d,label\n" + "".join(f"{n},1.5,{n % 3},2,{'xy'[n % 2]}\n" for n in range(40)), "utf-8")
    with pytest.raises(ConfigError, match=r"model\.wide=word .* numeric sequences; leave it out"):
        plan(path, tmp_path / "s", "data.target=label", "model.wide=word")
