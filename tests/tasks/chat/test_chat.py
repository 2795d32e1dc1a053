"""The chat task from questions and answers, or whole conversations, to a talk in the terminal."""

from __future__ import annotations

import io
import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

import unroll
from unroll.baselines.nearest import NearestQuestion
from unroll.bundle import RunFolder
from unroll.cli.app import run as command
from unroll.errors import ConfigError, DataError
from unroll.tasks.chat.predictor import ChatPredictor
from unroll.tasks.checking import examine_data
from unroll.tasks.pipeline import Plan, evaluate_run, plan_run, predict_run, train_run
from unroll.tasks.registry import TASKS

THINGS = ["밥", "책", "비", "집", "물", "꽃"]
SMALL = [
    *("model.hidden_size=32", "model.embedding_size=24", "model.dropout=0.05", "model.vocabulary=300"),
    *("training.batch_size=16", "training.epochs=4", "training.learning_rate=0.015", "training.average=0"),
]


def plan(path: Path, store: Path, *overrides: str, **values: Any) -> Plan:
    data = {"path": str(path), **values.pop("data", {})}
    return plan_run({"data": data, **values}, [*SMALL, *overrides], TASKS, store, say=lambda _: None)


def write_questions(path: Path, count: int = 400) -> Path:
    """The answer says the thing that was asked for."""
    draw = random.Random(0)
    rows = []
    for _ in range(count):
        one, other = draw.sample(THINGS, 2)
        rows.append(f"{one} 말고 {other} 어때?,{other} 좋아요.")
    path.write_text("\n".join(["Q,A", *rows]) + "\n", encoding="utf-8")
    return path


def write_talks(path: Path, count: int = 30) -> Path:
    lines = []
    for number in range(count):
        turns = [f"hello {number}", f"hi {number}", f"bye {number}", f"see you {number}"]
        if number % 2:
            lines.append(json.dumps({"id": number, "turns": [{"agent": "a", "message": turn} for turn in turns]}))
        else:
            lines.append(json.dumps({"id": number, "turns": [{"message": turn, "speaker": "b"} for turn in turns]}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    where = tmp_path_factory.mktemp("run")
    return train_run(plan(write_questions(where / "q.csv"), where / "store"), where / "run", say=lambda _: None)


def test_questions_and_answers_are_known_and_the_model_stands_beside_its_baselines(run: RunFolder) -> None:
    assert run.config.task == "chat"
    metrics = run.read_json("metrics.json")
    assert list(metrics["test"]) == ["perplexity", "bleu", "chrf", "distinct_1", "distinct_2"]
    assert list(metrics["baselines"]) == ["nearest question", "3-gram of the answers"]
    grams = metrics["baselines"]["3-gram of the answers"]["test"]
    # Without the question the thing is a choice of six.
    assert metrics["test"]["perplexity"]["value"] < grams["perplexity"]["value"]
    assert 0 < metrics["test"]["distinct_2"]["value"] < 1
    assert "distinct_2" in metrics["baselines"]["nearest question"]["test"]
    page = run.read_text("report.html")
    for words in ("Answers", "Free-running and teacher forcing", "How it was scored"):
        assert words in page


def test_answers_to_texts_records_and_turns(run: RunFolder) -> None:
    records: list[Any] = [
        "밥 말고 책 어때?",
        {"Q": "책 말고 비 어때?"},
        {"turns": ["안녕", "안녕하세요", "비 말고 꽃 어때?"], "beam": 1},
        {"text": "집 말고 물 어때?", "best": 2},
        "",
    ]
    answers = list(predict_run(run, TASKS, records))
    assert [answer["answer"] for answer in answers[:2]] == ["책 좋아요.", "비 좋아요."]
    # It learnt from questions alone, so what was said before one would only lead it astray.
    assert answers[2] == {"text": "비 말고 꽃 어때?", "answer": "꽃 좋아요.", "score": answers[2]["score"]}
    assert len(answers[3]["best"]) == 2
    assert answers[4]["answer"] == ""
    assert json.loads(json.dumps(answers)) == answers
    for wrong in ({"turns": [3]}, {"turns": [{"who": "me"}]}):
        with pytest.raises(DataError, match="a record needs 'text', or 'turns', a list: expected a text or an object"):
            list(predict_run(run, TASKS, [wrong]))


def test_directions_to_a_model_are_no_turns(tmp_path: Path) -> None:
    """A conversation has as many answers with directions before it as without; cells of tables are read as turns."""
    talk = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    told = [{"role": "system", "content": "Be kind."}, *talk]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"messages": told}) + "\n" for _ in range(8)), encoding="utf-8")
    done = plan(path, tmp_path / "store", "training.epochs=1")
    assert list(done.job.data.pairs.sources) == ["hello"] * 8  # type: ignore[attr-defined]
    folder = train_run(done, tmp_path / "run", say=lambda _: None, with_baselines=False)
    asked: list[Any] = [json.dumps(told), {"messages": json.dumps(told)}, {"messages": told}, {"turns": talk}]
    assert {answer["text"] for answer in predict_run(folder, TASKS, asked)} == {"hello\nhi"}


def test_talking_in_the_terminal(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines in, answers out; what was said before is handed on, until it is forgotten."""
    seen: list[list[str]] = []
    reply = ChatPredictor.reply

    def watched(self: ChatPredictor, turns: Any) -> str:
        seen.append(list(turns))
        return reply(self, turns)

    monkeypatch.setattr(ChatPredictor, "reply", watched)
    lines = ["밥 말고 책 어때?", "", "책 말고 비 어때?", "/reset", "비 말고 꽃 어때?", "/quit", "more"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines) + "\n"))
    assert command(["chat", str(run.path)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == ["책 좋아요.", "비 좋아요.", "꽃 좋아요."]
    assert seen == [
        ["밥 말고 책 어때?"],
        ["밥 말고 책 어때?", "책 좋아요.", "책 말고 비 어때?"],
        ["비 말고 꽃 어때?"],
    ]


def test_conversations_become_pairs_with_what_was_said_before_and_are_split_whole(tmp_path: Path) -> None:
    path = write_talks(tmp_path / "talks.jsonl")
    made = plan(path, tmp_path / "s")
    assert made.task.name == "chat"
    data = made.job.data  # type: ignore[attr-defined]
    assert data.pairs.sources[:3] == ["hello 0", "hello 0\nhi 0", "hi 0\nbye 0"]
    assert data.pairs.targets[:3] == ["hi 0", "bye 0", "see you 0"]
    parts = [{int(number) // 3 for number in data.rows[name]} for name in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 30
    assert plan(path, tmp_path / "s1", "model.history=1").job.data.pairs.sources[2] == "bye 0"  # type: ignore[attr-defined]


def test_a_model_of_conversations_is_scored_on_others(tmp_path: Path) -> None:
    few = ["training.epochs=1", "model.hidden_size=8"]
    made = plan(write_talks(tmp_path / "talks.jsonl"), tmp_path / "s", *few)
    folder = train_run(made, tmp_path / "run", say=lambda _: None, with_baselines=False)
    scores = evaluate_run(folder, TASKS, tmp_path / "other", str(write_talks(tmp_path / "more.jsonl", 5)))
    assert scores.metrics["perplexity"].value > 1
    (tmp_path / "a.csv").write_text("Q,A\nx,y\n", encoding="utf-8")
    with pytest.raises(DataError, match="the model needs the column 'turns'; the columns are Q, A"):
        evaluate_run(folder, TASKS, tmp_path / "third", str(tmp_path / "a.csv"))


def test_check_lists_empty_turns_and_answers_that_come_again(tmp_path: Path) -> None:
    rows = [f"question {n},{'I do not know' if n % 2 else f'answer {n}'}" for n in range(40)]
    rows[4] = "question 4,"
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["question,answer", *rows]) + "\n", encoding="utf-8")
    found = examine_data({"data": {"path": str(path)}}, [], TASKS, tmp_path / "s").findings
    assert ("an empty question or answer", 6) in {(finding.text, finding.line) for finding in found}
    assert "20 of 40 answers are 'I do not know'" in {finding.text for finding in found}
    with pytest.raises(DataError, match=r"a.csv:6: a side of this pair is empty; 1 such"):
        plan(path, tmp_path / "s1")
    assert "1 pairs with an empty side left out" in plan(path, tmp_path / "s2", "model.empty=drop").job.notes


def test_turns_that_are_none_are_named_with_their_line(tmp_path: Path) -> None:
    lines = [json.dumps({"turns": [{"message": "a"}, {"message": "b"}]})] * 3 + [json.dumps({"turns": [{"said": "a"}]})]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"a.jsonl:4: 'turns' must hold a list of turns"):
        plan(path, tmp_path / "s", task="chat")


def test_the_nearest_question_by_tf_idf() -> None:
    nearest = NearestQuestion(["배가 고파요", "비가 와요", "졸려요"], ["밥 드세요", "우산 쓰세요", "주무세요"])
    assert nearest.answer(["너무 배고파", "비 온다", ""]) == ["밥 드세요", "우산 쓰세요", "밥 드세요"]


@pytest.mark.parametrize("key", ["turns", "messages"])
def test_what_was_said_in_one_conversation_is_one_record(run: RunFolder, key: str) -> None:
    model = unroll.load(run.path)
    said: list[Any] = ["안녕", "안녕하세요", "비 말고 꽃 어때?"]
    for turns in (said, [{"role": "user", "content": text} for text in said]):
        (answer,) = model.predict({key: turns})
        assert answer.answer == "꽃 좋아요."
    # Several conversations are a column of them.
    assert [one.text for one in model.predict({key: [said, said[:1]]})] == ["비 말고 꽃 어때?", "안녕"]


def test_a_record_in_which_nothing_is_said_is_an_error(run: RunFolder) -> None:
    with pytest.raises(DataError, match="a record needs 'text', or 'turns', a list of what was said; got other"):
        unroll.load(run.path).predict({"other": "hello"})


def test_more_answers_than_the_beam_is_wide_are_refused_in_plain_words(run: RunFolder) -> None:
    with pytest.raises(ConfigError) as caught:
        unroll.load(run.path).predict("밥?", beam=2, best=5)
    assert str(caught.value).endswith("best must be at most beam = 2, got 5")


def test_commands_in_a_talk_are_not_said_to_the_model(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(ChatPredictor, "reply", lambda self, turns: seen.append(list(turns)) or "yes")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("/help\n/unknown\nhello\n/quit\n"))
    assert command(["chat", str(run.path)]) == 0
    assert seen == [["hello"]]
    assert capsys.readouterr().err.count("/reset begins anew, /quit or Ctrl-D ends; all else is said") == 2


def test_what_an_instruction_comes_with_is_read_with_it(tmp_path: Path) -> None:
    path = tmp_path / "alpaca.json"
    rows = [
        {"instruction": f"add {n}", "input": "" if n % 3 else f"to\n{n}", "output": f"it is {n}"} for n in range(30)
    ]
    path.write_text(json.dumps(rows))
    done = plan(path, tmp_path / "store", "training.epochs=1")
    assert done.job.data.pairs.sources[:3] == ["add 0\nto 0", "add 1", "add 2"]  # type: ignore[attr-defined]
    folder = train_run(done, tmp_path / "run", say=lambda _: None, with_baselines=False)
    asked = [{"instruction": "add 4", "input": "to 4"}, {"instruction": "add 4", "input": ""}, "add 4"]
    assert [answer["text"] for answer in predict_run(folder, TASKS, asked)] == ["add 4\nto 4", "add 4", "add 4"]
    assert unroll.load(folder.path).evaluate(path)["perplexity"].value > 0


def test_conversations_in_which_nobody_answers_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    turns = [["hello there", "hi you"] if n not in (3, 5) else ["hello"][: n % 5] for n in range(30)]
    path.write_text("".join(json.dumps({"turns": own}) + "\n" for own in turns))
    found = unroll.check(str(path))
    assert [f.line for f in found.findings if "fewer than two turns" in f.text] == [4, 6]
    said: list[str] = []
    plan_run({"data": {"path": str(path)}, "task": "chat"}, SMALL, TASKS, tmp_path / "store", say=said.append)
    assert any("2 conversations of fewer than two turns left out" in text for text in said)


@pytest.mark.parametrize(
    "data",
    [
        ([f"how is {n}?" for n in range(30)], [f"{n} is fine" for n in range(30)]),
        [(f"how is {n}?", f"{n} is fine") for n in range(30)],
        [[f"how is {n}?", f"{n} is fine"] for n in range(30)],
    ],
)
def test_pairs_and_lists_are_conversations_where_the_task_is_named(data: Any) -> None:
    found = unroll.check(data, task="chat")
    assert not found.errors
    assert any(f.text.startswith("30 pairs of what was said") for f in found.findings)
    # Unnamed they may be tokens, or texts with classes.
    assert unroll.check(data).errors
