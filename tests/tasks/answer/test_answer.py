"""The answer task from stories and texts to answers, on small made-up ones in English and Korean."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import unroll
from data.helpers import write
from tasks.answer.stories import PLACES, write_stories
from unroll.bundle import DataConfig, RunFolder
from unroll.data import ReadOptions, read_table
from unroll.errors import ConfigError, DataError
from unroll.tasks.answer.questions import find_columns, record_question, sentences_of
from unroll.tasks.answer.task import AnswerTask
from unroll.tasks.pipeline import Plan, evaluate_run, plan_run, predict_run, train_run
from unroll.tasks.recognition import recognise

TASKS = {"answer": AnswerTask()}
SMALL = ["model.hidden_size=12", "model.embedding_size=12", "training.epochs=2", "training.batch_size=16"]


def write_squad(path: Path, texts: int) -> Path:
    """The year stands behind the name that is asked for."""
    draw = random.Random(0)
    names = ["Ada", "Alan", "Grace", "Edsger", "Barbara", "Donald"]
    paragraphs = []
    for _ in range(texts):
        first, second = draw.sample(names, 2)
        years = [str(draw.randint(1800, 1999)) for _ in range(2)]
        context = f"{first} was born in {years[0]} by the sea. {second} was born in {years[1]} in a town."
        qas = [
            {
                "id": f"{len(paragraphs)}-{who}",
                "question": f"When was {who} born?",
                "answers": [{"text": year, "answer_start": context.index(f"{who} was born in ") + len(who) + 13}],
            }
            for who, year in zip((first, second), years, strict=True)
        ]
        paragraphs.append({"context": context, "qas": qas})
    return write(path, json.dumps({"data": [{"title": "people", "paragraphs": paragraphs}]}))


def plan(path: Path, store: Path, *overrides: str, **data: Any) -> Plan:
    values = {"data": {"path": str(path), **data}}
    return plan_run(values, [*SMALL, *overrides], TASKS, store, say=lambda _: None)


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    where = tmp_path_factory.mktemp("stories")
    path = write_stories(where / "qa1_train.txt", 400)
    more = ["training.epochs=12", "training.learning_rate=0.02", "model.hidden_size=24", "model.embedding_size=24"]
    return train_run(plan(path, where / "store", *more, "model.hops=2"), where / "run", say=lambda _: None)


@pytest.fixture(scope="module")
def spans(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    where = tmp_path_factory.mktemp("spans")
    path = write_squad(where / "train.json", 120)
    more = ["training.epochs=8", "training.learning_rate=0.01", "model.hidden_size=16"]
    return train_run(plan(path, where / "store", *more), where / "run", say=lambda _: None)


def test_stories_are_answered_better_than_without_a_model(stories: RunFolder) -> None:
    metrics = stories.read_json("metrics.json")
    assert set(metrics["test"]) == {"score", "accuracy"}
    assert list(metrics["baselines"]) == ["most frequent answer", "sliding window"]
    best = max(scores["test"]["accuracy"]["value"] for scores in metrics["baselines"].values())
    assert metrics["test"]["accuracy"]["value"] > max(0.9, best + 0.1)
    page = stories.read_text("report.html")
    assert "Where it looked (1)" in page
    assert "look 2" in page


def test_an_answer_names_the_sentences_that_were_looked_at(stories: RunFolder) -> None:
    story = ["Mary went to the garden.", "John went to the kitchen.", "민수 went to the 부엌."]
    records: list[Any] = [
        {"story": story, "question": "Where is Mary?"},
        {"story": " ".join(story), "question": "Where is 민수?"},
        "\n".join([*story, "Where is John?"]),
    ]
    answers = list(predict_run(stories, TASKS, records))
    assert [answer["answer"] for answer in answers] == ["garden", "부엌", "kitchen"]
    for answer in answers:
        assert answer["probabilities"][answer["answer"]] == max(answer["probabilities"].values())
        assert len(answer["looked_at"]) == 2
        assert all(place["sentence"] in story for look in answer["looked_at"] for place in look)
    assert json.loads(json.dumps(answers)) == answers


def test_spans_are_found_where_they_stand(spans: RunFolder) -> None:
    metrics = spans.read_json("metrics.json")
    assert set(metrics["test"]) == {"score", "f1", "exact_match"}
    assert metrics["test"]["f1"] == metrics["test"]["score"]
    window = metrics["baselines"]["sliding window"]["test"]["f1"]["value"]
    assert metrics["test"]["f1"]["value"] > max(0.5, window)
    assert metrics["baselines"]["most frequent answer"]["test"]["exact_match"]["value"] < 0.2
    text = "Ada was born in 1815 by the sea. Alan was born in 1912 in a town."
    answer = next(iter(predict_run(spans, TASKS, [{"context": text, "question": "When was Alan born?"}])))
    assert text[answer["start"] :].startswith(answer["answer"])
    assert 0 <= answer["probability"] <= 1
    assert "Questions and answers" in spans.read_text("report.html")


def test_questions_about_one_story_are_in_one_part(tmp_path: Path) -> None:
    path = write_squad(tmp_path / "a.json", 40)
    job = plan(path, tmp_path / "store").job
    texts = [{question.text for question in job.data.of(split)} for split in ("train", "validation", "test")]
    assert all(texts)
    assert len(set.union(*texts)) == sum(map(len, texts))


def test_strange_questions_have_an_answer(stories: RunFolder, spans: RunFolder) -> None:
    long = " ".join(["word"] * 3_000)
    for text in ("漢字\n🙂?", f"{long}.\n{long}?", "\u200b\n?", "Mary.\n" * 200 + "Where is Mary?"):
        for run in (stories, spans):
            assert isinstance(next(iter(predict_run(run, TASKS, [text])))["answer"], str)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("Where is Mary?", "a record needs a story in 'story'"),
        ("", "a record needs"),
        ({"story": "Mary left.", "question": " "}, "a record needs a question in 'question'"),
        ({"word": "Mary left."}, r"got \['word'\]"),
        ({"story": 3, "question": "Where?"}, "a text or a list of sentences in 'story'"),
        ("lone \ud800\nWhere?", "surrogate"),
    ],
)
def test_records_that_ask_for_nothing_are_refused(stories: RunFolder, record: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(predict_run(stories, TASKS, [record]))


def test_other_files_are_scored(stories: RunFolder, tmp_path: Path) -> None:
    path = write_stories(tmp_path / "qa1_test.txt", 60, seed=1)
    assert evaluate_run(stories, TASKS, tmp_path / "store", str(path)).metrics["accuracy"].value > 0.85
    write(tmp_path / "strange.txt", "1 Mary went to the attic.\n2 Where is Mary?\tattic\t1\n")
    # An answer that training did not have cannot be given: it is wrong, and it counts.
    other = evaluate_run(stories, TASKS, tmp_path / "other", str(tmp_path / "strange.txt"))
    assert other.metrics["accuracy"].value == 0.0
    write(tmp_path / "none.csv", "a,b\n1,2\n")
    with pytest.raises(DataError, match="the model needs the columns 'story', 'question' and 'answer'"):
        evaluate_run(stories, TASKS, tmp_path / "none", str(tmp_path / "none.csv"))


def test_what_is_wrong_stops_the_training_or_is_dropped_with_a_count(tmp_path: Path) -> None:
    path = write_stories(tmp_path / "a.txt", 40)
    with path.open("a", encoding="utf-8") as file:
        file.write("1 Mary left.\n2 Where is Mary?\tgarden\t9\n1 Mary left.\n2 Where is she?\t\t1\n")
    findings = list(TASKS["answer"].findings(read_table(path, ReadOptions(), tmp_path / "t"), DataConfig(path="a")))
    lines = path.read_text(encoding="utf-8").count("\n")
    assert [(f.line, f.level) for f in findings[:2]] == [(lines - 2, "error"), (lines, "error")]
    with pytest.raises(DataError, match=rf"a.txt:{lines - 2}: .*1 such .*model.broken=drop"):
        plan(path, tmp_path / "stopped")
    notes = plan(path, tmp_path / "dropped", "model.broken=drop").job.notes
    assert "2 questions left out: 1 supporting lines that do not exist, 1 questions without an answer" in notes


def test_rows_of_other_files(tmp_path: Path) -> None:
    rows = [
        {"context": f"The key {n} is red. The lamp is {n}.", "question": f"What is {n}?", "answer": "The lamp"}
        for n in range(30)
    ]
    path = write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    made = plan(path, tmp_path / "store")
    assert made.settings.answer is None
    assert made.job.data.saved.form == "span"
    bad = write(tmp_path / "b.jsonl", path.read_text(encoding="utf-8").replace('"The lamp"', '"A lamp"', 1))
    with pytest.raises(DataError, match=r"b.jsonl:1: the answer 'A lamp' is not in the text; 1 such"):
        plan(bad, tmp_path / "bad")
    yes = [{**row, "answer": ("yes", "no")[n % 2]} for n, row in enumerate(rows)]
    choice = write(tmp_path / "c.jsonl", "".join(json.dumps(row) + "\n" for row in yes))
    assert plan(choice, tmp_path / "choice").job.data.saved.answers == ("no", "yes")


def test_tables_without_stories_are_not_guessed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "question,answer\nwhat,that\n")
    table = read_table(path, ReadOptions(), tmp_path / "store")
    assert find_columns(table, DataConfig(path=str(path))) is None
    with pytest.raises(DataError, match="cannot serve the task 'answer'"):
        recognise(table, DataConfig(path=str(path)), TASKS, "answer")


def test_sentences_and_records() -> None:
    assert sentences_of("비가 온다. 젖었나? 응！그래") == ("비가 온다.", "젖었나?", "응！", "그래")
    columns = find_columns_of("story", "question", "answer")
    question = record_question({"story": ["a.", "b."], "question": "c?"}, columns, "span")
    assert (question.story, question.text) == (("a. b.",), "a. b.")


def find_columns_of(*names: str) -> Any:
    from unroll.tasks.answer.questions import Columns

    return Columns(*names)


def test_a_loss_of_the_supporting_lines_moves_the_looks_there(tmp_path: Path) -> None:
    path = write_stories(tmp_path / "a.txt", 240)

    def weight_on_support(*more: str) -> float:
        where = tmp_path / ("plain" if not more else "told")
        made = plan(path, where, "training.epochs=4", "training.learning_rate=0.01", *more)
        run = train_run(made, where / "run", say=lambda _: None, with_baselines=False)
        predictor = TASKS["answer"].load(run)
        questions = made.job.data.of("test")
        said = predictor.answers(questions)
        return sum(
            sum(look[place] for look in answer.looks for place in question.support) / len(answer.looks)
            for question, answer in zip(questions, said, strict=True)
        ) / len(questions)

    assert weight_on_support("model.support=1") > weight_on_support() + 0.1


def test_from_python_with_typed_results(tmp_path: Path) -> None:
    story = [f"Mary went to the {PLACES[n % 3]}. She slept for {n} hours." for n in range(40)]
    data = {"story": story, "question": ["Where is Mary?"] * 40, "answer": [PLACES[n % 3] for n in range(40)]}
    settings = {"model.embedding_size": 8, "model.answer": "choice"}
    model = unroll.train(data, task="answer", epochs=2, hidden_size=8, hops=1, settings=settings, out=tmp_path / "run")
    prediction = model.predict({"story": "Mary went to the garden.", "question": "Where is Mary?"})[0]
    assert prediction.answer in PLACES
    assert set(model.evaluate()) == {"score", "accuracy"}


def test_settings_out_of_bounds_are_refused(tmp_path: Path) -> None:
    path = write_stories(tmp_path / "a.txt", 10)
    with pytest.raises(ConfigError, match="hops"):
        plan(path, tmp_path / "store", "model.hops=0")


def squad_rows(count: int) -> list[dict[str, Any]]:
    """Rows as `datasets` has SQuAD 2.0: two of three questions have no answer, the others the last of two alike."""
    rows: list[dict[str, Any]] = []
    for n in range(count):
        context = f"Room {n} is red, and the red door {n} is shut."
        answers = {"text": ["red"], "answer_start": [context.rindex("red")]}
        answers = answers if n % 3 == 0 else {"text": [], "answer_start": []}
        rows.append({"context": context, "question": f"What is door {n}?", "answers": answers})
    return rows


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_rows_of_questions_without_an_answer_are_counted_and_places_believed(tmp_path: Path, name: str) -> None:
    rows = squad_rows(45)
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
    else:
        write(tmp_path / name, "".join(json.dumps(row) + "\n" for row in rows))
    made = plan(tmp_path / name, tmp_path / "store").job.data
    assert made.saved.form == "span"
    assert sum(map(len, made.rows.values())) == 15
    assert "30 questions without an answer (unanswerable) left out" in made.notes[0]
    assert {q.start for n, q in enumerate(made.questions) if n % 3 == 0} == {23, 24}
    with pytest.raises(DataError, match=r"a question without an answer; 30 such"):
        plan(tmp_path / name, tmp_path / "stopped", "model.unanswerable=stop")


def test_a_place_that_is_not_the_answers_is_an_error(tmp_path: Path) -> None:
    rows = squad_rows(9)
    rows[3]["answers"]["answer_start"] = [2]
    path = write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=r"a.jsonl:4: the answer 'red' is not at character 2 of the text"):
        plan(path, tmp_path / "store")


def test_a_story_that_is_a_text_in_a_frame_is_cut_into_sentences(stories: RunFolder) -> None:
    """Training had lists of sentences; a text is no list of its letters."""
    story, question = "Mary went to the kitchen. John went to the hall.", "Where is Mary?"
    model = unroll.load(stories.path)
    found = model.predict(pandas.DataFrame({"story": [story] * 2, "question": [question] * 2}))
    alone = model.predict({"story": story, "question": question})[0]
    assert found[0].looked_at[0][0]["sentence"] in ("Mary went to the kitchen.", "John went to the hall.")
    assert found[0].answer == alone.answer
    assert list(found.to_frame().index) == [0, 1]
