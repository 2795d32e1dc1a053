"""Stories with questions: the text files of bAbI and SQuAD's JSON, with the line of everything that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.helpers import write
from unroll.data import ReadOptions, Table, read_table
from unroll.errors import DataError

STORY = """1 Mary moved to the bathroom.
2 John went to the hallway.
3 Where is Mary? \tbathroom\t1
4 Mary went back to the garden.
5 Where is Mary?\tgarden\t4 1
1 John left.
2 Who left?\tJohn\t1
"""


def read(path: Path, store: Path) -> Table:
    return read_table(path, ReadOptions(), store)


def squad(*questions: dict[str, Any], context: str = "Ada was born in 1815 in London.") -> str:
    paragraph = {"context": context, "qas": list(questions)}
    return json.dumps({"version": "1.1", "data": [{"title": "Ada", "paragraphs": [paragraph]}]}, indent=1)


def ask(answer: str, start: int, name: str = "q1") -> dict[str, Any]:
    return {"id": name, "question": "When was Ada born?", "answers": [{"text": answer, "answer_start": start}]}


def test_a_question_comes_with_all_that_was_told_before_it(tmp_path: Path) -> None:
    table = read(write(tmp_path / "qa1_single_train.txt", STORY), tmp_path / "store")
    assert table.format == "babi"
    stories = table.labels("story")
    assert [len(story) for story in stories] == [2, 3, 1]
    assert stories[1][2] == "Mary went back to the garden."
    assert list(table.texts("question")) == ["Where is Mary?", "Where is Mary?", "Who left?"]
    assert list(table.texts("answer")) == ["bathroom", "garden", "John"]
    # Supporting lines are places in the story: questions between its sentences are not counted.
    assert table.labels("support") == [("0",), ("2", "0"), ("0",)]
    assert set(table.texts("set")) == {"qa1_single"}
    assert [table.place(row)[1] for row in range(3)] == [3, 5, 7]
    assert table.item_lines(1) == [1, 2, 4]
    assert not any(table.problems(row) for row in range(3))


@pytest.mark.parametrize(
    ("text", "kind", "line", "says"),
    [
        ("1 A.\n2 Q?\tyes\t3\n", "support", 2, "supporting line '3' is not a sentence"),
        ("1 A.\n2 Q?\tyes\tx\n", "support", 2, "'x'"),
        ("1 A.\n3 B.\n4 Q?\tyes\t1\n", "numbers", 2, "expected the number 2 at the start of the line, got 3"),
        ("1 A.\n2 Q?\t\t1\n", "answer", 2, "without an answer"),
        ("1 Q?\tyes\t\n2 A.\n", "story", 1, "without a story"),
        ("1 A.\n2 Q?\tyes\t1\tz\n", "columns", 2, "got 4 cells"),
    ],
)
def test_what_is_wrong_with_a_story_is_written_down_with_its_line(
    tmp_path: Path, text: str, kind: str, line: int, says: str
) -> None:
    table = read_table(write(tmp_path / "a.txt", text), ReadOptions(format="babi"), tmp_path / "store")
    (problem,) = table.problems(0)
    assert (problem.kind, problem.line) == (kind, line)
    assert says in problem.text


def test_stories_without_questions_are_counted(tmp_path: Path) -> None:
    text = "1 A.\n2 B.\n1 C.\n2 Q?\tyes\t1\n1 D.\n"
    table = read(write(tmp_path / "a.txt", text), tmp_path / "store")
    assert len(table) == 1
    assert "2 stories without a question left out" in table.notes


def test_a_folder_of_several_sets_with_their_parts(tmp_path: Path) -> None:
    folder = tmp_path / "tasks"
    folder.mkdir()
    for name in ("qa1_train", "qa1_test", "qa2_train", "qa2_test"):
        write(folder / f"{name}.txt", STORY)
    table = read(folder, tmp_path / "store")
    assert table.parts is not None
    assert table.parts.tolist() == [0] * 6 + [2] * 6
    assert list(table.texts("set")) == ["qa1"] * 3 + ["qa2"] * 3 + ["qa1"] * 3 + ["qa2"] * 3


def test_files_of_classes_whose_names_end_in_a_part_by_chance_are_no_sets(tmp_path: Path) -> None:
    folder = tmp_path / "classes"
    folder.mkdir()
    for name in ("steam_train", "night_train"):
        write(folder / f"{name}.txt", "a line\nanother\n")
    table = read(folder, tmp_path / "store")
    assert set(table.texts("label")) == {"steam_train", "night_train"}


def test_numbered_lines_without_questions_are_a_text(tmp_path: Path) -> None:
    table = read(write(tmp_path / "list.txt", "1 milk\n2 bread\n3 eggs\n"), tmp_path / "store")
    assert table.format == "text"


def test_every_question_of_squad_is_a_row_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "dev.json", squad(ask("1815", 16), ask("London", 24, "q2")))
    table = read(path, tmp_path / "store")
    assert table.format == "squad"
    assert len(table) == 2
    assert table.labels("answers") == [("1815",), ("London",)]
    assert table.labels("answer_starts") == [("16",), ("24",)]
    lines = path.read_text(encoding="utf-8").splitlines()
    for row, name in enumerate(("q1", "q2")):
        assert f'"{name}"' in lines[table.place(row)[1] - 1]
        assert not table.problems(row)


@pytest.mark.parametrize(
    ("question", "kind", "says"),
    [
        (ask("1816", 16), "span", "'1816' is not at character 16: the text has '1815' there"),
        (ask("1815", 900), "span", "the text ends before"),
        (ask("1815", -4), "span", "is not at character -4"),
        ({"id": "q", "question": "Why?", "answers": []}, "answer", "without an answer"),
        ({"id": "q", "question": " ", "answers": [{"text": "1815", "answer_start": 16}]}, "question", "empty question"),
    ],
)
def test_what_is_wrong_with_a_question_of_squad(tmp_path: Path, question: dict[str, Any], kind: str, says: str) -> None:
    table = read(write(tmp_path / "a.json", squad(question)), tmp_path / "store")
    assert kind in [problem.kind for problem in table.problems(0)]
    assert any(says in problem.text for problem in table.problems(0))


@pytest.mark.parametrize(
    "text", ['{"paragraphs": 3, "qas": 1, "context": 2}', '{"data": [{"paragraphs": "context" "qas"']
)
def test_json_that_is_not_squad_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"expected a list of articles|not JSON"):
        read_table(write(tmp_path / "a.json", text), ReadOptions(format="squad"), tmp_path / "store")
