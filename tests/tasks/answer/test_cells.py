"""Answers as tables hold them, and questions whose answers are letters of choices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import unroll
from unroll.bundle import DataConfig
from unroll.errors import DataError
from unroll.tasks import TASKS
from unroll.tasks.pipeline import open_table
from unroll.tasks.recognition import recognise

ROWS = [(f"Room {n} \U0001f600 has a {thing} by the door.", thing) for n, thing in enumerate(["chair", "lamp"] * 10)]


def written(form: str, shift: int = 0) -> list[str]:
    cells = []
    for text, thing in ROWS:
        start = text.index(thing) + shift
        cells.append(
            {
                "pandas": str({"text": [thing], "answer_start": [start]}),
                "numpy": f"{{'text': array(['{thing}'], dtype=object), 'answer_start': array([{start}], dtype=int32)}}",
                "json": json.dumps([{"text": thing, "answer_start": start}]),
                "one": json.dumps({"text": thing, "answer_start": start}),
                "texts": json.dumps([{"text": thing}]),
            }[form]
        )
    return cells


def table_of(path: Path, columns: dict[str, list[Any]]) -> Path:
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("form", ["pandas", "numpy", "json", "one", "texts"])
def test_answers_are_read_as_programs_write_them_into_cells(tmp_path: Path, form: str) -> None:
    columns = {"context": [text for text, _ in ROWS], "question": ["what?"] * 20, "answers": written(form)}
    found = unroll.check(str(table_of(tmp_path / "a.jsonl", columns)))
    assert found.reason == "task answer: spans of 'context' that answer 'question', from 'answers'"
    assert "20 questions, 2 different answers, spans of their texts" in [f.text for f in found.findings]
    assert not found.errors


@pytest.mark.parametrize("form", ["pandas", "json"])
def test_places_in_cells_are_believed_and_what_is_there_is_told(tmp_path: Path, form: str) -> None:
    columns = {"context": [text for text, _ in ROWS], "question": ["what?"] * 20, "answers": written(form, 1)}
    found = unroll.check(str(table_of(tmp_path / "a.jsonl", columns)))
    assert len(found.errors) == 20
    assert found.errors[0].text.endswith("of the text: the text has 'hair ' there")


def test_places_in_bytes_are_named(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {"context": [text for text, _ in ROWS], "question": ["what?"] * 20}
    columns["answer"] = [thing for _, thing in ROWS]
    columns["answer_start"] = [len(text[: text.index(thing)].encode()) for text, thing in ROWS]
    found = unroll.check(str(table_of(tmp_path / "a.jsonl", columns)))
    assert "is its place in bytes, and places count characters" in found.errors[0].text


def test_a_cell_unlike_the_others_is_an_error_with_its_line(tmp_path: Path) -> None:
    cells = written("pandas")
    cells[4] = "{'text': ['chair'"
    columns = {"context": [text for text, _ in ROWS], "question": ["what?"] * 20, "answers": cells}
    (error,) = unroll.check(str(table_of(tmp_path / "a.jsonl", columns))).errors
    assert error.text.startswith("expected answers as {'text'")
    assert (error.path.name, error.line) == ("a.jsonl", 5)


WORDS = ["river", "stone", "cloud", "house", "garden", "tree", "window"]
CHOICES: dict[str, dict[str, list[Any]]] = {
    "race": {
        "article": [f"It is {n}." for n in range(20)],
        "question": ["what?"] * 20,
        "options": [[WORDS[(n + k) % 7] for k in range(4)] for n in range(20)],
        "answer": list("ABCD") * 5,
    },
    "arc": {
        "question": [{"stem": f"what {n}?", "choices": [{"text": WORDS[n % 7], "label": "A"}]} for n in range(20)],
        "answerKey": list("ABCD") * 5,
    },
    "arc of datasets": {
        "question": [f"what {n}?" for n in range(20)],
        "choices": [{"text": [WORDS[n % 7], WORDS[n % 5]], "label": ["A", "B"]} for n in range(20)],
        "answerKey": list("AB") * 10,
    },
    "columns": {
        "question": [f"what {n}?" for n in range(20)],
        **{f"option_{letter}": [WORDS[(n + ord(letter)) % 7] for n in range(20)] for letter in "abcd"},
        "answer": list("abcd") * 5,
    },
    "numbers": {
        "context": [f"It is {n}." for n in range(20)],
        "question": [f"what {n}?" for n in range(20)],
        **{f"answer{k}": [f"a {WORDS[(n + k) % 7]} {n}" for n in range(20)] for k in range(4)},
        "label": [n % 4 for n in range(20)],
    },
}


@pytest.mark.parametrize("kind", CHOICES)
def test_letters_of_choices_are_asked_about(tmp_path: Path, kind: str) -> None:
    data = DataConfig(path=str(table_of(tmp_path / "a.jsonl", CHOICES[kind])))
    with pytest.raises(DataError, match=r"the choices in '.*, which differ from row to row, are not learnt"):
        recognise(open_table(data, tmp_path / "store"), data, TASKS, None)


def test_letters_of_choices_without_names_of_columns_are_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "anatomy.csv"
    lines = [",".join([f"what is {n}?", *(WORDS[(n + k) % 7] for k in range(4)), "ABCD"[n % 4]]) for n in range(40)]
    path.write_text("\n".join(lines) + "\n")
    data = DataConfig(path=str(path))
    with pytest.raises(DataError, match=r"the choices in 'column2' to 'column5'"):
        recognise(open_table(data, tmp_path / "store"), data, TASKS, None)


@pytest.mark.parametrize("name", ["image", "image_path"])
def test_questions_about_pictures_are_asked_about(tmp_path: Path, name: str) -> None:
    columns = {
        name: [f"{n}.jpg" for n in range(20)],
        "question": [f"what {n}?" for n in range(20)],
        "answer": WORDS * 2,
    }
    columns = {key: cells[:14] for key, cells in columns.items()}
    data = DataConfig(path=str(table_of(tmp_path / "a.jsonl", columns)))
    with pytest.raises(DataError, match="questions about pictures are not learnt"):
        recognise(open_table(data, tmp_path / "store"), data, TASKS, None)


def test_a_text_that_is_a_list_is_asked_about(tmp_path: Path) -> None:
    context = [[["Title", [text, "Nothing."]]] for text, _ in ROWS]
    columns = {"context": context, "question": ["what?"] * 20, "answer": [thing for _, thing in ROWS]}
    data = DataConfig(path=str(table_of(tmp_path / "a.jsonl", columns)))
    with pytest.raises(DataError, match="column 'context' holds lists or objects"):
        recognise(open_table(data, tmp_path / "store"), data, TASKS, None)


def test_korean_names_of_columns(tmp_path: Path) -> None:
    rows = "".join(f"{n}번 방에는 책상과 꽃이 있다,{n}번 방에 무엇이 있나?,꽃이\n" for n in range(20))
    (tmp_path / "독해.csv").write_text("지문,질문,정답\n" + rows, encoding="utf-8")
    assert (
        unroll.check(str(tmp_path / "독해.csv")).reason
        == "task answer: spans of '지문' that answer '질문', from '정답'"
    )
