"""The tag task from a file to answers, on small made-up sentences in English and Korean."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from unroll.bundle import RunFolder
from unroll.data import ReadOptions, read_table
from unroll.errors import BundleError, ConfigError, DataError
from unroll.metrics.entities import Scheme, spans, tags_of
from unroll.tasks.pipeline import Plan, evaluate_run, plan_run, predict_run, train_run
from unroll.tasks.tag.job import TagJob
from unroll.tasks.tag.settings import TagSettings
from unroll.tasks.tag.task import TagTask

TASKS = {"tag": TagTask()}
SMALL = [
    "model.hidden_size=16",
    "model.word_size=16",
    "model.affix_size=4",
    "model.character_size=6",
    "model.character_hidden=6",
    "model.dropout=0.1",
    "training.batch_size=16",
    "training.learning_rate=0.02",
    "training.epochs=4",
]
PEOPLE = ["Anna", "Ben Carter", "김민수", "Mia Lee Park"]
PLACES = ["Seoul", "New York", "부산"]


def sentence(draw: random.Random) -> tuple[list[str], list[str]]:
    """ "NAME lives in PLACE ." and the like, tagged in IOB2."""
    tokens: list[str] = []
    tags: list[str] = []
    for word in draw.choice(["P lives in L .", "L is where P works", "P 은 L 에 산다", "no names here"]).split():
        pool = {"P": PEOPLE, "L": PLACES}.get(word)
        if pool is None:
            tokens.append(word)
            tags.append("O")
            continue
        parts = draw.choice(pool).split()
        kind = "PER" if word == "P" else "LOC"
        tokens += parts
        tags += [f"B-{kind}", *[f"I-{kind}"] * (len(parts) - 1)]
    return tokens, tags


def sentences(count: int) -> list[tuple[list[str], list[str]]]:
    draw = random.Random(0)
    return [sentence(draw) for _ in range(count)]


def write_conll(path: Path, rows: list[tuple[list[str], list[str]]]) -> Path:
    lines = ["\n".join(f"{token}\t{tag}" for token, tag in zip(*row, strict=True)) for row in rows]
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return path


def plan(path: Path, store: Path, *overrides: str, **data: Any) -> Plan:
    return plan_run({"data": {"path": str(path), **data}}, [*SMALL, *overrides], TASKS, store, say=lambda _: None)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, Path]:
    where = tmp_path_factory.mktemp("run")
    path = write_conll(where / "people.conll", sentences(160))
    return train_run(plan(path, where / "store", "model.best=3"), where / "run", say=lambda _: None), path


def test_a_run_finds_the_entities_and_stands_beside_two_baselines(run: tuple[RunFolder, Path]) -> None:
    metrics = run[0].read_json("metrics.json")
    assert metrics["test"]["entity_f1"]["value"] > 0.9
    assert metrics["test"]["score"] == metrics["test"]["entity_f1"]
    assert set(metrics["baselines"]) == {"most frequent tag", "logistic regression"}
    assert 0.5 < metrics["baselines"]["most frequent tag"]["test"]["token_accuracy"]["value"] <= 1.0
    page = run[0].read_text("report.html")
    assert "Entities by type" in page
    assert "LOC" in page


def test_predictions_are_legal_and_name_their_entities(run: tuple[RunFolder, Path]) -> None:
    records = [
        {"tokens": ["Anna", "lives", "in", "New", "York", "."]},
        "김민수 은 부산 에 산다",
        "",
        {"text": "Ben Carter"},
    ]
    answers = list(predict_run(run[0], TASKS, records))
    assert answers[0]["tags"] == ["B-PER", "O", "O", "B-LOC", "I-LOC", "O"]
    assert answers[0]["entities"] == [
        {"type": "PER", "text": "Anna", "start": 0, "end": 1},
        {"type": "LOC", "text": "New York", "start": 3, "end": 5},
    ]
    assert [entity["text"] for entity in answers[1]["entities"]] == ["김민수", "부산"]
    assert answers[2] == {"tokens": [], "tags": [], "entities": [], "best": []}
    best = answers[0]["best"]
    assert best[0]["tags"] == answers[0]["tags"]
    assert 1.0 >= best[0]["probability"] >= best[1]["probability"] >= best[2]["probability"] >= 0.0
    assert sum(path["probability"] for path in best) <= 1.0 + 1e-5
    json.dumps(answers)


def test_unseen_characters_and_a_record_without_tokens(run: tuple[RunFolder, Path]) -> None:
    answer = next(iter(predict_run(run[0], TASKS, [{"tokens": ["漢字", "🙂", "\u200b"]}])))
    assert len(answer["tags"]) == 3
    with pytest.raises(DataError, match="a record needs 'tokens'"):
        list(predict_run(run[0], TASKS, [{"words": 3}]))


def test_evaluation_of_the_test_rows_gives_the_scores_of_training(run: tuple[RunFolder, Path], tmp_path: Path) -> None:
    folder, path = run
    table = read_table(path, ReadOptions(), tmp_path / "a")
    tokens, tags = table.labels("tokens"), table.labels("tags")
    prepared = TagTask().prepare(table, folder.config, TagSettings.model_validate(folder.config.model))
    held = [(list(tokens[row]), list(tags[row])) for row in prepared.rows["test"]]
    found = evaluate_run(folder, TASKS, tmp_path / "b", str(write_conll(tmp_path / "held.conll", held)))
    metrics = folder.read_json("metrics.json")["test"]
    assert set(found.metrics) == set(metrics) >= {"entity_f1", "token_accuracy"}
    for name, score in found.metrics.items():
        assert score.value == pytest.approx(metrics[name]["value"])
        assert score.interval == (None if metrics[name]["interval"] is None else tuple(metrics[name]["interval"]))


def test_tags_that_training_did_not_know_count_as_errors(run: tuple[RunFolder, Path], tmp_path: Path) -> None:
    path = write_conll(tmp_path / "new.conll", [(["Anna", "lives"], ["B-ANIMAL", "O"])])
    found = evaluate_run(run[0], TASKS, tmp_path / "store", str(path))
    assert found.metrics["token_accuracy"].value == 0.5


def test_other_columns_are_refused_at_evaluation(run: tuple[RunFolder, Path], tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\nx,y\nz,y\n", encoding="utf-8")
    with pytest.raises(DataError, match="the model needs the columns 'tokens' and 'tags'"):
        evaluate_run(run[0], TASKS, tmp_path / "store", str(path))


def test_a_damaged_file_of_tags_is_refused(run: tuple[RunFolder, Path], tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run[0].path, copy)
    (copy / "tags.json").write_text("{}", encoding="utf-8")
    with pytest.raises((BundleError, ConfigError)):
        list(predict_run(RunFolder.open(copy), TASKS, ["Anna"]))


@pytest.mark.parametrize("scheme", list(Scheme))
def test_every_scheme_is_recognised_and_answered_in(tmp_path: Path, scheme: Scheme) -> None:
    # Entities that touch tell IOB1 from IOE1.
    given = [*sentences(40), (["Anna", "Ben"], ["B-PER", "B-PER"])]
    rows = [(tokens, tags_of(spans(tags), len(tags), scheme)) for tokens, tags in given]
    job = plan(write_conll(tmp_path / "a.conll", rows), tmp_path / "store").job
    assert isinstance(job, TagJob)
    assert job.data.saved.scheme == scheme.value
    assert job.data.saved.inner == "bioes"
    assert any(f"entities in {scheme.name}" in note for note in job.notes)


def test_parts_of_speech_in_jsonl_without_a_crf(tmp_path: Path) -> None:
    rows = [
        {"tokens": tokens, "tags": ["NAME" if tag != "O" else "WORD" for tag in tags]} for tokens, tags in sentences(80)
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    done = train_run(
        plan(path, tmp_path / "store", "model.crf=false", "model.encoder=gru", "training.epochs=2"),
        tmp_path / "run",
        say=lambda _: None,
        with_baselines=False,
    )
    metrics = done.read_json("metrics.json")
    assert metrics["test"]["token_accuracy"]["value"] > 0.9
    assert "entity_f1" not in metrics["test"]


def test_single_characters_are_recognised(tmp_path: Path) -> None:
    rows = [(list("부산에 산다"), ["B-LC", "I-LC", "O", "O", "O", "O"])] * 12
    made = plan(write_conll(tmp_path / "a.conll", rows), tmp_path / "store", "training.epochs=1")
    assert any("left2" in note for note in made.job.notes)
    done = train_run(made, tmp_path / "run", say=lambda _: None, with_baselines=False)
    answer = next(iter(predict_run(done, TASKS, ["부산에 산다"])))
    assert answer["tokens"] == list("부산에 산다")


BROKEN = "EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER\nBlackburn\tI-LOC\n\na\nb\tO\n\n" + "x\tO\ny\tB-PER\n\n" * 8


def test_training_stops_at_what_would_falsify_the_result_and_says_the_option(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text(BROKEN, encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.conll:7: expected 2 columns .* model\.broken=drop"):
        plan(path, tmp_path / "s1", "model.illegal=repair")
    with pytest.raises(
        DataError, match=r"a\.conll:5: I-LOC must follow B-LOC or I-LOC \(IOB2\); 1 such .*illegal=repair"
    ):
        plan(path, tmp_path / "s2", "model.broken=drop")
    notes = plan(path, tmp_path / "s3", "model.broken=drop", "model.illegal=repair").job.notes
    assert notes[:2] == ("1 sentences left out", "tags of 1 sentences rewritten in IOB2")
    notes = plan(path, tmp_path / "s4", "model.broken=drop", "model.illegal=drop").job.notes
    assert notes[0] == "2 sentences left out"


def test_check_lists_every_problem_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text(BROKEN, encoding="utf-8")
    table = read_table(path, ReadOptions(), tmp_path / "store")
    guess = TASKS["tag"].guess(table, plan_data(path))
    assert guess is not None
    found = [finding for finding in TASKS["tag"].findings(table, guess.data) if finding.level == "error"]
    assert sorted((finding.line or 0) for finding in found) == [5, 7]


def plan_data(path: Path) -> Any:
    from unroll.bundle import DataConfig

    return DataConfig(path=str(path))


def test_jsonl_whose_counts_differ_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"tokens": ["a", "b"], "tags": ["X", "Y"]}] * 3 + [{"tokens": ["a", "b"], "tags": ["X"]}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.jsonl:4: 2 tokens but 1 tags"):
        plan(path, tmp_path / "store")


def test_an_unknown_encoder_names_the_nearest(tmp_path: Path) -> None:
    path = write_conll(tmp_path / "a.conll", sentences(10))
    with pytest.raises(ConfigError, match="did you mean 'lstm'"):
        plan(path, tmp_path / "store", "model.encoder=lstn")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tokens": ["a", ""], "tags": ["X", "Y"]}, "an empty token; 1 such"),
        ({"tokens": [], "tags": []}, "a sentence without tokens; 1 such"),
        ({"tokens": ["a" * 1001], "tags": ["X"]}, "a token of more than 1000 characters; 1 such"),
    ],
)
def test_jsonl_that_holds_no_tokens_is_refused_with_its_line_and_can_be_dropped(
    tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    path = tmp_path / "a.jsonl"
    right = json.dumps({"tokens": ["a", "b"], "tags": ["X", "Y"]}) + "\n"
    path.write_text(right * 20 + json.dumps(wrong) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"a\.jsonl:21: {message}.*--set model\.broken=drop"):
        plan(path, tmp_path / "s1")
    assert any("1 sentences left out" in note for note in plan(path, tmp_path / "s2", "model.broken=drop").job.notes)


def test_a_file_that_is_one_sentence_is_not_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("Ana B-PER\nleft O\n" * 40, encoding="utf-8")
    with pytest.raises(DataError, match="all 80 tokens are one sentence; put a blank line between sentences"):
        plan(path, tmp_path / "store")
    with pytest.raises(DataError, match="all 80 tokens are one sentence"):
        plan(path, tmp_path / "again", "model.illegal=repair")


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (["B_PER", "I_PER", "O"], "B_PER"),
        (["PER-B", "PER-I", "O"], "PER-B"),
        (["b-per", "i-per", "o"], "b-per"),
        (["NOUN", "VERB", "O"], None),
        (["B-PER", "I-PER", "O"], None),
    ],
)
def test_tags_of_entities_that_are_written_otherwise_are_warned_of(
    tmp_path: Path, tags: list[str], said: str | None
) -> None:
    path = write_conll(tmp_path / "a.conll", [(["Ana", "Silva", "left"], tags)] * 10)
    table = read_table(path, ReadOptions(), tmp_path / "store")
    guess = TASKS["tag"].guess(table, plan_data(path))
    assert guess is not None
    found = [finding.text for finding in TASKS["tag"].findings(table, guess.data) if finding.level == "warning"]
    assert len(found) == (said is not None)
    assert said is None or said in found[0]
