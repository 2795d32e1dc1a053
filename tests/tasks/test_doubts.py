"""Files that people have whose columns say what they are, and such where a guess would be wrong: then it is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from data.helpers import write
from unroll.bundle import DataConfig
from unroll.errors import DataError
from unroll.tasks import TASKS
from unroll.tasks.pipeline import open_table
from unroll.tasks.recognition import recognise

COUNT = range(30)


def csv(head: str, row: Callable[[int], str]) -> str:
    return head + "\n" + "".join(row(n) + "\n" for n in COUNT)


def lines(row: Callable[[int], object]) -> str:
    return "".join(json.dumps(row(n)) + "\n" for n in COUNT)


def look(tmp_path: Path, name: str, text: str) -> tuple[str, str]:
    data = DataConfig(path=str(write(tmp_path / name, text)))
    task, guess = recognise(open_table(data, tmp_path / "store"), data, TASKS, None)
    return task.name, guess.reason


@pytest.mark.parametrize(
    ("name", "text", "task", "reason"),
    [
        ("a.csv", csv("prompt,response", lambda n: f"how is {n}?,it is {n}"), "chat", "'response' as the answer"),
        ("a.csv", csv("Questions,Answers", lambda n: f"how is {n}?,it is {n}"), "chat", "'Answers' as the answer"),
        (
            "a.jsonl",
            lines(lambda n: {"instruction": f"how is {n}?", "input": "", "output": f"it is {n}"}),
            "chat",
            "'output' as the answer to 'instruction'",
        ),
        (
            "a.jsonl",
            lines(lambda n: {"conversations": [{"from": "human", "value": f"hi {n}"}, {"from": "gpt", "value": "ho"}]}),
            "chat",
            "each turn in 'conversations'",
        ),
        ("a.csv", csv("English,German", lambda n: f"the house {n},das Haus {n}"), "translate", "'English' to 'German'"),
        (
            "a.jsonl",
            lines(lambda n: {"translation": {"de": f"das Haus {n}", "en": f"the house {n}"}}),
            "translate",
            "from 'translation.de' to 'translation.en'",
        ),
        (
            "a.csv",
            csv("text,question,answer", lambda n: f"It was built in {n}.,When was it?,{n}"),
            "answer",
            "spans of 'text'",
        ),
        (
            "a.jsonl",
            lines(lambda n: {"context": f"Built in {n}.", "question": "When?", "answers": {"text": [str(n)]}}),
            "answer",
            "from 'answers.text'",
        ),
        (
            "a.jsonl",
            lines(lambda n: {"data": {"text": f"it is {n}"}, "annotation": {"label": "ab"[n % 2]}}),
            "classify",
            "the class in 'annotation.label' from the text in data.text",
        ),
        ("a.csv", csv("text,label", lambda n: f"it is {n},{n % 2}.0"), "classify", "the class in 'label'"),
        ("a.txt", "".join(f"Ana{n} B-PER\nleft O\n" for n in COUNT), "tag", "the entities in 'tags'"),
        (
            "a.csv",
            csv("words,tags", lambda n: f"Ana {n},B-PER {'O' if n % 2 else 'I-PER'}"),
            "tag",
            "the entities in 'tags' of the tokens in 'words'",
        ),
        (
            "a.csv",
            csv("text,labels", lambda n: f"it is {n},\"['joy', '{'ab'[n % 2]}']\""),
            "classify",
            "the class in 'labels' from the text in text",
        ),
        ("a.txt", "".join(f"Ana B-PER\nleft{' O' if n else ''}\n\n" for n in COUNT), "tag", "the entities in 'tags'"),
    ],
)
def test_names_and_content_say_what_a_file_is(tmp_path: Path, name: str, text: str, task: str, reason: str) -> None:
    found = look(tmp_path, name, text)
    assert found[0] == task
    assert reason in found[1]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.tsv", "".join(f"the house {n}\tdas Haus {n}\n" for n in COUNT), "--task translate --source column1"),
        (
            "a.tsv",
            "".join(f"the house {n}\tdas Haus {n}\tCC-BY 2.0 (France) Attribution: #{n}\n" for n in COUNT),
            "two columns of texts, column1 and column2",
        ),
        (
            "a.tsv",
            "".join(f"{1276 + n}\tthe house {n}\t{7 * n}\tdas Haus {n}\n" for n in COUNT),
            "numbers beside texts in 'column2', 'column4'",
        ),
        (
            "a.jsonl",
            lines(lambda n: {"text": f"Ana{n % 3} left", "spans": [{"start": 0, "end": 3 + n % 2}]}),
            "column 'spans' holds lists or objects",
        ),
        (
            "a.csv",
            csv("text,kind", lambda n: f"it is {n},\"{{'joy': '{'ab'[n % 2]}'}}\""),
            "column 'kind' holds lists",
        ),
        (
            "a.csv",
            csv("word,tag", lambda n: f"word{n % 7},{'O' if n % 2 else 'B-PER'}"),
            "column 'tag' holds tags of entities",
        ),
        (
            "a.csv",
            csv("words,tags", lambda n: f"Ana {n} left,B-PER {'O' if n % 2 else 'I-PER'}"),
            "holds tags of entities",
        ),
        (
            "a.csv",
            csv("Timestamp,load", lambda n: f"{n + 1} of Jan 2024 at noon,{n}.5"),
            "column 'Timestamp' is called as one of times, and '1 of Jan 2024 at noon' is written as none",
        ),
        ("a.csv", csv("text,label", lambda n: f"it is {n},same"), "column 'label' holds one class in all 30 rows"),
    ],
)
def test_what_a_guess_would_falsify_is_asked(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(DataError) as caught:
        look(tmp_path, name, text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


MARKS = {
    "several": lambda n: (n % 2, n % 3 == 0, n % 5 == 0),
    "one of three": lambda n: (n % 3 == 0, n % 3 == 1, n % 3 == 2),
    "one of two": lambda n: (n % 2 == 0, n % 2 == 1),
}


@pytest.mark.parametrize("kind", MARKS)
def test_labels_in_columns_of_zeros_and_ones_are_asked_about(tmp_path: Path, kind: str) -> None:
    row = MARKS[kind]
    names = ["toxic", "obscene", "insult"][: len(row(0))]
    text = csv(
        ",".join(["comment", *names]), lambda n: ",".join([f"words of {n} rows", *(str(int(v)) for v in row(n))])
    )
    with pytest.raises(DataError, match=r"hold zeros and ones, as if each were a label, .*--target toxic"):
        look(tmp_path, "a.csv", text)
    data = DataConfig(path=str(tmp_path / "a.csv"), target="insult" if len(names) == 3 else "obscene")
    task, guess = recognise(open_table(data, tmp_path / "named"), data, TASKS, None)
    assert (task.name, guess.data.target) == ("classify", data.target)


def test_a_mark_beside_an_answer_is_no_second_answer(tmp_path: Path) -> None:
    for head in ("comment,new,label", "comment,new,spam"):
        text = csv(head, lambda n: f"words of {n} rows,{n % 2},{int(n % 3 == 0)}")
        assert look(tmp_path, "a.csv", text)[0] == "classify"
    text = csv("comment,new,old,label", lambda n: f"words of {n} rows,{n % 2},{int(n % 5 == 0)},{int(n % 3 == 0)}")
    assert look(tmp_path, "b.csv", text)[0] == "classify"


def test_logs_and_plays_with_many_names_are_texts(tmp_path: Path) -> None:
    log = "".join(f"{('INFO', 'WARN')[n % 2]}: started number {n}\n" for n in COUNT)
    assert look(tmp_path, "a.log", log)[0] == "generate"
    many = "".join(f"Person {chr(65 + n % 26)}: says number {n}\n" for n in COUNT)
    assert look(tmp_path, "b.txt", many)[0] == "generate"


def test_numbers_beside_objects_are_no_series(tmp_path: Path) -> None:
    text = lines(lambda n: {"id": n, "parts": [{"at": n}]})
    with pytest.raises(DataError, match="column 'parts' holds lists or objects"):
        look(tmp_path, "a.jsonl", text)


def test_names_of_files_choices_and_words_are_asked_about(tmp_path: Path) -> None:
    for text, says in (
        (csv("file,label", lambda n: f"{n}.txt,{n % 2}"), "column 'file' holds names of files (0.txt)"),
        (csv("image,label", lambda n: f"a/{n}.JPG,{n % 2}"), "whose contents are not read"),
    ):
        with pytest.raises(DataError) as caught:
            look(tmp_path, "a.csv", text)
        assert says in str(caught.value)
    choices = lines(lambda n: {"question": f"what is {n} ?", "choices": ["a", "b"], "answer": n % 2})
    with pytest.raises(DataError, match="'answer' is the number of one of the choices in 'choices'"):
        look(tmp_path, "b.jsonl", choices)
    said = "".join(f"{chr(97 + n) * 3}\t{chr(65 + n)} AH {chr(65 + n)}\n" for n in range(26))
    with pytest.raises(DataError, match="two columns of texts, column1 and column2"):
        look(tmp_path, "c.tsv", said)


def test_recordings_are_not_left_aside_for_their_lengths(tmp_path: Path) -> None:
    rows = [f"id{n},{n % 7}.5,/d/{n}.wav,F{n % 3},river {n},stone {n}\n" for n in range(30)]
    with pytest.raises(DataError, match=r"a.csv:2: column 'wav' holds names of recordings .*--task transcribe"):
        look(tmp_path, "a.csv", "ID,duration,wav,spk_id,said,meant\n" + "".join(rows))
    name, _ = look(tmp_path, "a.csv", "ID,duration,wav,spk_id,phn,wrd\n" + "".join(rows))
    assert name == "transcribe"


@pytest.mark.parametrize("head", ["text\ttags", "문장\t개체", None])
def test_words_beside_a_list_of_their_tags_are_tagged(tmp_path: Path, head: str | None) -> None:
    text = "".join(f"Ana left Oslo\t['B-PER', 'O', 'B-LOC']\nIt rains {n}\t['O', 'O', 'O']\n" for n in COUNT)
    assert look(tmp_path, "a.tsv", text if head is None else f"{head}\n{text}")[0] == "tag"


@pytest.mark.parametrize("label", ["tags", "labels", "entities"])
@pytest.mark.parametrize("first", [["O", "O"], ["B-PER", "O"]])
def test_tags_of_tokens_that_are_not_there_are_no_classes(tmp_path: Path, label: str, first: list[str]) -> None:
    rows = lines(lambda n: {"text": f"Ana left on day {n}", label: ["B-PER", "I-PER", "O"] if n % 2 else first})
    with pytest.raises(
        DataError, match=rf"column '{label}' holds tags of entities .*, and no column holds as many tokens"
    ):
        look(tmp_path, "a.jsonl", rows)


@pytest.mark.parametrize("start", [0, 1])
def test_what_counts_the_rows_of_texts_is_no_time(tmp_path: Path, start: int) -> None:
    text = csv("index,original,score", lambda n: f"{n + start},a story of {n} cats and dogs,{(n * 7) % 11 / 3:.3f}")
    with pytest.raises(DataError, match="numbers beside texts in 'original', and nothing says what is to be learnt"):
        look(tmp_path, "a.csv", text)
    noted = csv("index,place,score", lambda n: f"{n + start},north {n},{(n * 7) % 11 / 3:.3f}")
    assert look(tmp_path, "b.csv", noted)[0] == "forecast"


def test_the_column_that_marks_entities_is_taken_where_the_last_has_one_tag(tmp_path: Path) -> None:
    text = "".join(f"Ana{n}\tB-PER\tO\nleft\tO\tO\n\n" for n in COUNT)
    assert look(tmp_path, "a.tsv", text) == ("tag", "task tag: the entities in 'column2' of the tokens in 'tokens'")


@pytest.mark.parametrize(
    "stamp",
    [
        "Mon Apr 06 22:{n:02}:45 PDT 2009",
        "Tue Oct 31 22:{n:02}:47 +0000 2017",
        "December {n}, 2017 ",
        "06 Apr 2009 9:{n:02} PM",
    ],
)
def test_dates_beside_texts_are_no_texts(tmp_path: Path, stamp: str) -> None:
    text = csv("text,made,label", lambda n: f'so good number {n},"{stamp.format(n=n + 1)}",{n % 2}')
    task, reason = look(tmp_path, "a.csv", text)
    assert (task, reason) == ("classify", "task classify: the class in 'label' from the text in text")


def test_texts_that_begin_with_a_month_are_texts(tmp_path: Path) -> None:
    text = csv("text,label", lambda n: f"May {n} days pass like these,{n % 2}")
    assert look(tmp_path, "a.csv", text)[0] == "classify"
