"""The classify task from a file to answers, on small made-up data."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from unroll.bundle import DataConfig, RunFolder
from unroll.data import ReadOptions, Table, read_table
from unroll.errors import BundleError, ConfigError, DataError
from unroll.tasks.classify.data import likely_unit
from unroll.tasks.classify.job import ClassifyJob
from unroll.tasks.classify.task import ClassifyTask
from unroll.tasks.pipeline import Plan, evaluate_run, plan_run, predict_run, train_run

TASKS = {"classify": ClassifyTask()}
SMALL = [
    "model.hidden_size=8",
    "model.embedding_size=12",
    "model.engine=torch",
    "training.learning_rate=0.02",
    "training.batch_size=8",
]
#: A small LSTM-FCN.
FCN = ["model.filters=4", "model.members=2", "model.fixed=168"]
GOOD, BAD = ["좋아요", "great", "최고", "lovely"], ["나빠요", "awful", "최악", "boring"]
FILLER = ["영화", "the", "정말", "film", "story", "배우"]


def write_rows(path: Path, rows: int = 120, seed: int = 0) -> Path:
    draw = np.random.default_rng(seed)
    lines = ["text\tlabel"]
    for number in range(rows):
        words = [*draw.choice(FILLER, 3), draw.choice(GOOD if number % 2 else BAD), *draw.choice(FILLER, 2)]
        lines.append(" ".join(words) + "\t" + ("pos" if number % 2 else "neg"))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def plan(path: Path, store: Path, *overrides: str, said: list[str] | None = None) -> Plan:
    heard: list[str] = [] if said is None else said
    return plan_run({"data": {"path": path}}, [*SMALL, *overrides], TASKS, store, say=heard.append)


def read(path: Path, store: Path) -> Table:
    return read_table(path, ReadOptions(), store)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, Path]:
    where = tmp_path_factory.mktemp("run")
    path = write_rows(where / "reviews.tsv")
    made = plan(path, where / "store", "training.epochs=8")
    return train_run(made, where / "out", say=lambda text: None), path


def test_run_learns_and_stands_beside_its_baselines(run: tuple[RunFolder, Path]) -> None:
    folder, _ = run
    metrics = json.loads(folder.metrics.read_text(encoding="utf-8"))
    assert metrics["test"]["accuracy"]["value"] == 1.0
    assert set(metrics["test"]) == {"accuracy", "macro_f1", "roc_auc", "calibration_error"}
    low, high = metrics["test"]["accuracy"]["interval"]
    assert low < 1.0
    assert high == 1.0
    majority, regression = metrics["baselines"]
    assert majority == "majority"
    assert regression.startswith("TF-IDF")
    assert metrics["baselines"]["majority"]["test"]["accuracy"]["value"] == 0.5
    page = folder.report.read_text(encoding="utf-8")
    for title in ("Confusion", "Calibration", "Worst examples"):
        assert title in page


def test_answers_come_in_order_whatever_stands_beside_them(run: tuple[RunFolder, Path]) -> None:
    folder, _ = run
    texts = ["영화 정말 최고", "awful film", "", "the story 최악 배우 정말 영화", {"text": "lovely story"}]
    together = list(predict_run(folder, TASKS, texts))
    assert [answer["label"] for answer in together if answer][0:2] == ["pos", "neg"]
    assert together[4]["label"] == "pos"
    for text, answer in zip(texts, together, strict=True):
        alone = next(predict_run(folder, TASKS, [text]))
        assert alone["label"] == answer["label"]
        assert alone["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-5)
        assert sum(answer["probabilities"].values()) == pytest.approx(1.0, abs=1e-4)
    assert json.loads(json.dumps(together, ensure_ascii=False)) == together


def test_scores_of_a_file_are_those_of_its_answers(run: tuple[RunFolder, Path], tmp_path: Path) -> None:
    folder, _ = run
    other = write_rows(tmp_path / "more.tsv", rows=30, seed=5)
    scores = evaluate_run(folder, TASKS, tmp_path / "store", str(other))
    lines = [line.split("\t") for line in other.read_text(encoding="utf-8").splitlines()[1:]]
    answers = predict_run(folder, TASKS, [text for text, _ in lines])
    right = np.mean([answer["label"] == label for answer, (_, label) in zip(answers, lines, strict=True)])
    assert scores.metrics["accuracy"].value == pytest.approx(right)


def test_unseen_label_at_evaluation_is_named_with_its_line(run: tuple[RunFolder, Path], tmp_path: Path) -> None:
    folder, _ = run
    other = tmp_path / "more.tsv"
    other.write_text("text\tlabel\na b\tpos\nc d\tneg\ne f\tposs\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"more.tsv:4: .*'poss' is not in the train part \(did you mean 'pos'\?\)"):
        evaluate_run(folder, TASKS, tmp_path / "store", str(other))


def test_record_without_the_column_is_refused(run: tuple[RunFolder, Path]) -> None:
    with pytest.raises(DataError, match="'text'"):
        next(predict_run(run[0], TASKS, [{"body": "x"}]))


@pytest.mark.parametrize("change", [{"version": 2}, {"classes": ["a"]}, {"extra": 1}, {"hidden_size": 0}])
def test_altered_file_of_classes_is_refused(
    run: tuple[RunFolder, Path], tmp_path: Path, change: dict[str, Any]
) -> None:
    folder, _ = run
    copy = RunFolder.create(tmp_path / "copy", folder.config)
    copy.write_json("classes.json", {**folder.read_json("classes.json"), **change})
    copy.write_bytes("tokenizer.json", folder.tokenizer.read_bytes())
    copy.write_bytes("model.safetensors", folder.weights.read_bytes())
    with pytest.raises(ConfigError):
        TASKS["classify"].load(copy)


def test_weights_of_another_shape_are_refused(run: tuple[RunFolder, Path], tmp_path: Path) -> None:
    folder, _ = run
    copy = RunFolder.create(tmp_path / "copy", folder.config)
    copy.write_json("classes.json", {**folder.read_json("classes.json"), "classes": ["a", "b", "c"]})
    copy.write_bytes("tokenizer.json", folder.tokenizer.read_bytes())
    copy.write_bytes("model.safetensors", folder.weights.read_bytes())
    with pytest.raises(BundleError):
        TASKS["classify"].load(copy)


def test_same_seed_same_run_other_seed_another(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "reviews.tsv")

    def weights(seed: int, name: str) -> dict[str, torch.Tensor]:
        made = plan_run({"data": {"path": path}, "seed": seed}, SMALL, TASKS, tmp_path / name, say=lambda text: None)
        return made.job.model.state_dict()

    first, again, other = weights(3, "a"), weights(3, "b"), weights(4, "c")
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["classifier.head.weight"], other["classifier.head.weight"])


def test_batches_cover_the_train_part_once_and_depend_on_the_epoch_alone(tmp_path: Path) -> None:
    job = plan(write_rows(tmp_path / "reviews.tsv"), tmp_path / "store", "training.batch_size=7").job
    first, again, later = job.batches(0), job.batches(0), job.batches(1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert np.array_equal(np.sort(np.concatenate(first)), np.sort(np.concatenate(later)))
    assert not all(np.array_equal(a, b) for a, b in zip(first, later, strict=True))
    assert max(map(len, first)) == 7
    assert sum(map(len, first)) == 96


def test_loss_is_the_sum_of_its_rows_losses(tmp_path: Path) -> None:
    job = plan(write_rows(tmp_path / "reviews.tsv"), tmp_path / "store").job
    job.model.eval()
    rows = job.batches(0)[0][:5]
    together = job.loss(job.model, rows, torch.device("cpu"))
    alone = [job.loss(job.model, rows[k : k + 1], torch.device("cpu")) for k in range(5)]
    torch.testing.assert_close(together.total, torch.stack([loss.total for loss in alone]).sum())
    assert together.items == 5
    assert together.tokens == sum(loss.tokens for loss in alone)


def test_class_weights_make_every_class_count_the_same(tmp_path: Path) -> None:
    path = tmp_path / "rare.tsv"
    rows = [f"word{k % 7} text\t{'rare' if k % 10 == 0 else 'common'}" for k in range(200)]
    path.write_text("text\tlabel\n" + "\n".join(rows) + "\n", encoding="utf-8")
    job = plan(path, tmp_path / "store", "model.class_weights=balanced", "model.label_smoothing=0").job
    assert isinstance(job, ClassifyJob)
    with torch.no_grad():
        for parameter in job.model.parameters():
            parameter.zero_()
    by_class: dict[str, float] = {}
    texts = read(path, tmp_path / "again").texts("label")
    for batch in job.batches(0):
        for row in batch:
            loss = float(job.loss(job.model, np.array([row]), torch.device("cpu")).total.detach())
            by_class[texts[int(row)]] = by_class.get(texts[int(row)], 0.0) + loss
    # All scores are zero, so each row's unweighted loss is log 2.
    assert by_class["rare"] == pytest.approx(by_class["common"], rel=1e-5)
    assert by_class["rare"] + by_class["common"] == pytest.approx(160 * math.log(2), rel=1e-5)


def test_several_labels_get_thresholds_tuned_on_validation(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    path = tmp_path / "topics.tsv"
    lines = ["text\tlabels"]
    for _ in range(160):
        chosen = [name for name in ("red", "blue", "green") if draw.random() < 0.4]
        words = [*draw.choice(FILLER, 2), *chosen]
        lines.append(" ".join(draw.permutation(words)) + "\t" + ",".join(chosen))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = plan(path, tmp_path / "store", "model.several=true", "data.target=labels", "training.epochs=10")
    folder = train_run(made, tmp_path / "out", say=lambda text: None)
    metrics = json.loads(folder.metrics.read_text(encoding="utf-8"))
    assert metrics["test"]["micro_f1"]["value"] > 0.9
    assert metrics["baselines"]["majority"]["test"]["micro_f1"]["value"] < 0.75
    answers = list(predict_run(folder, TASKS, ["영화 red green", "the film"]))
    assert answers[0]["labels"] == ["green", "red"]
    assert answers[1]["labels"] == []
    job = made.job
    assert isinstance(job, ClassifyJob)
    decision = job.model.get_submodule("decision")
    chosen = decision.get_buffer("thresholds").clone()
    decision.get_buffer("thresholds").fill_(0.5)
    job.settle()
    torch.testing.assert_close(decision.get_buffer("thresholds"), chosen)
    assert (chosen != 0.5).all()
    loaded = torch.nn.Module.state_dict(TASKS["classify"].load(folder)._network)  # type: ignore[attr-defined]
    torch.testing.assert_close(loaded["decision.thresholds"], chosen)


@pytest.mark.parametrize("encoder", ["rnn", "gru", "cnn", "mlp", "bag"])
def test_every_encoder_trains(tmp_path: Path, encoder: str) -> None:
    made = plan(write_rows(tmp_path / "reviews.tsv", rows=60), tmp_path / "store", f"model.encoder={encoder}")
    before = made.job.loss(made.job.model, made.job.batches(0)[0], torch.device("cpu"))
    before.total.backward()
    for name, parameter in made.job.model.named_parameters():
        unused = encoder in ("mlp", "bag") and "pooling" in name
        assert unused or (parameter.grad is not None and torch.isfinite(parameter.grad).all()), name


def write_series(path: Path) -> Path:
    """UCR form, ragged: rising and falling lines with noise."""
    draw = np.random.default_rng(0)
    for part in ("TRAIN", "TEST"):
        lines = ["@problemName Lines", "@univariate true", "@classLabel true up down", "@data"]
        for number in range(60):
            line = np.linspace(0, 1, int(draw.integers(5, 12))) + draw.normal(0, 0.1)
            values = line[::-1] if number % 2 else line
            lines.append(",".join(f"{v + 100:.4f}" for v in values) + ":" + ("down" if number % 2 else "up"))
        (path / f"Lines_{part}.ts").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_numeric_sequences_of_unequal_length(tmp_path: Path) -> None:
    data = tmp_path / "Lines"
    data.mkdir()
    said: list[str] = []
    made = plan(write_series(data), tmp_path / "store", "training.epochs=8", said=said)
    assert any("numeric sequence" in text for text in said)
    folder = train_run(made, tmp_path / "out", say=lambda text: None)
    metrics = json.loads(folder.metrics.read_text(encoding="utf-8"))
    assert metrics["test"]["accuracy"]["value"] > 0.9
    assert set(metrics["baselines"]) == {"majority", "1-NN Euclidean", "1-NN dynamic time warping"}
    records: Sequence[Any] = ["100.1 100.3 100.5 100.9", "101,100.7,100.2"]
    assert [answer["label"] for answer in predict_run(folder, TASKS, records)] == ["up", "down"]
    with pytest.raises(DataError, match="steps of 1 numbers"):
        next(predict_run(folder, TASKS, ["a b c"]))


def write_wide(path: Path, cells: dict[int, str]) -> Path:
    """Rows of four numbers over time, all but those given."""
    rows = [f"{k},{k + 1},{k + 2},{k + 3},{'even' if k % 2 == 0 else 'odd'}" for k in range(40)]
    for row, given in cells.items():
        rows[row] = f"{given},even"
    path.write_text("a,b,c,d,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_gaps_of_a_sequence_are_filled_and_said(tmp_path: Path) -> None:
    said: list[str] = []
    path = write_wide(tmp_path / "wide.csv", {12: "1,,4,5", 14: "1,2,3,"})
    made = plan(path, tmp_path / "store", *FCN, "training.epochs=1", said=said)
    job = cast(ClassifyJob, made.job)
    assert any("1 of 160 values are missing, in 1 rows, first in wide.csv:14; each is filled" in text for text in said)
    x, lengths = job.data.examples.batch(np.array([12, 14]))
    assert lengths.tolist() == [4, 3]
    assert x[:, :, 0].tolist() == [[1, 2.5, 4, 5], [1, 2, 3, 0]]
    folder = train_run(made, tmp_path / "out", say=lambda text: None)
    gapped, whole = (list(predict_run(folder, TASKS, [record])) for record in ("1 ? 3 4", "1 2 3 4"))
    assert gapped == whole
    with pytest.raises(DataError, match="steps of 1 numbers"):
        next(predict_run(folder, TASKS, ["? ? ? 4"]))


def test_a_sequence_of_gaps_is_named_with_its_line(tmp_path: Path) -> None:
    path = write_wide(tmp_path / "wide.csv", {13: ",,,4"})
    with pytest.raises(DataError, match=r"wide.csv:15: .*half of its steps at least, step 1 has none"):
        plan(path, tmp_path / "store")


def test_gaps_are_refused_where_training_had_none(tmp_path: Path) -> None:
    folder = train_run(
        plan(write_wide(tmp_path / "wide.csv", {}), tmp_path / "store", *FCN, "training.epochs=1"),
        tmp_path / "out",
        say=lambda text: None,
    )
    with pytest.raises(DataError, match="steps of 1 numbers"):
        next(predict_run(folder, TASKS, ["1 ? 3 4"]))
    later = write_wide(tmp_path / "later.csv", {3: "1,,3,4"})
    with pytest.raises(DataError, match=r"later.csv:5: .*as all rows of training had, step 2 has none"):
        evaluate_run(folder, TASKS, tmp_path / "other", str(later))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text\tlabel\n" + "a b\tx\n" * 20, "at least two classes"),
        ("text\tlabel\n" + "a b\tx\nc d\ty\n" * 9 + "e f\t\n", r"d.tsv:20: .*empty cell"),
    ],
)
def test_wrong_targets(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "d.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        plan(path, tmp_path / "store", "data.target=label", "data.inputs=text")


def test_misspelt_column_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="did you mean 'label'"):
        plan(write_rows(tmp_path / "reviews.tsv"), tmp_path / "store", "data.target=lable")


@pytest.mark.parametrize(
    ("override", "message"),
    [("model.encoder=lsmt", "lstm"), ("model.pooling=maxx", "max"), ("model.hiden_size=3", "hidden_size")],
)
def test_misspelt_settings_name_the_nearest(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan(write_rows(tmp_path / "reviews.tsv"), tmp_path / "store", override)


GUESSES = {
    "label first, no header": (
        "".join(f"{'ham' if k % 3 else 'spam'}\tmessage number {k} here\n" for k in range(30)),
        "column1",
        ("column2",),
    ),
    "identifier beside": (
        "id\tdocument\tlabel\n" + "".join(f"{9000 + k}\t문서 번호 {k} 내용입니다\t{k % 2}\n" for k in range(30)),
        "label",
        ("document",),
    ),
    "part of every row beside": (
        "text\tintent\tsplit\n"
        + "".join(f"sentence number {k}\tc{k % 9}\t{'train' if k % 3 else 'test'}\n" for k in range(90)),
        "intent",
        ("text",),
    ),
    "title and body": (
        "class\ttitle\tbody\n" + "".join(f"c{k % 3}\theadline {k}\tsome longer story about {k}\n" for k in range(30)),
        "class",
        ("title", "body"),
    ),
}


@pytest.mark.parametrize("name", GUESSES)
def test_columns_are_guessed(tmp_path: Path, name: str) -> None:
    content, target, inputs = GUESSES[name]
    path = tmp_path / "data.tsv"
    path.write_text(content, encoding="utf-8")
    guess = TASKS["classify"].guess(read(path, tmp_path / "store"), DataConfig(path=str(path)))
    assert guess is not None
    assert (guess.data.target, guess.data.inputs) == (target, inputs)


def test_prices_over_time_are_no_classes(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(
        "date,price\n" + "".join(f"2024-01-{k + 1:02d},{k * 1.37:.2f}\n" for k in range(28)), encoding="utf-8"
    )
    assert TASKS["classify"].guess(read(path, tmp_path / "store"), DataConfig(path=str(path))) is None


@pytest.mark.parametrize(
    ("texts", "unit"),
    [
        (["Anna", "Peter"], "character"),
        (["this is good", "bad"], "word"),
        (["这部电影非常好看", "我不喜欢这个,真的"], "character"),
        (["이 영화 정말 좋다", "별로"], "word"),
        ([], "word"),
    ],
)
def test_unit_of_a_step(texts: list[str], unit: str) -> None:
    assert likely_unit(texts) == unit


@pytest.mark.parametrize("tokens", ["jamo", "bpe"])
def test_letters_and_pieces_can_be_the_steps(tmp_path: Path, tokens: str) -> None:
    made = plan(
        write_rows(tmp_path / "a.tsv"),
        tmp_path / "store",
        f"model.tokens={tokens}",
        "model.skip=true",
        "training.epochs=6",
    )
    done = train_run(made, tmp_path / "run", say=lambda text: None, with_baselines=False)
    assert done.read_json("metrics.json")["test"]["accuracy"]["value"] > 0.8
    labels = [
        answer["label"]
        for answer in predict_run(done, TASKS, ["영화 the 정말 최고 배우 the", "the film story awful 영화 배우"])
    ]
    assert labels == ["pos", "neg"]


def test_rates_by_layer_serve_a_classifier_that_starts_at_random(tmp_path: Path) -> None:
    for overrides, depths in (([], 3), (["model.num_layers=2", "model.skip=true"], 4)):
        job = plan(write_rows(tmp_path / "a.tsv"), tmp_path / str(depths), *overrides).job
        groups = job.parameter_groups(0.1)
        assert sorted({group["depth"] for group in groups}) == list(range(depths))
        listed = sorted(id(p) for group in groups for p in group["params"])
        assert listed == sorted(id(p) for p in job.model.parameters())


def test_skip_without_recurrent_layers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.skip goes with recurrent layers, got the encoder 'cnn'"):
        plan(write_rows(tmp_path / "a.tsv"), tmp_path / "store", "model.skip=true", "model.encoder=cnn")
