"""Texts as people have them: what is recognised of a file or a folder, and what is said of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from data.helpers import write
from unroll.bundle import DataConfig
from unroll.data import Table
from unroll.errors import DataError
from unroll.tasks import TASKS
from unroll.tasks.base import Guess
from unroll.tasks.chat.data import conversations
from unroll.tasks.pipeline import open_table, with_parts
from unroll.tasks.recognition import recognise

COUNT = range(30)
ACCEPTED = ("accept", "accept", "reject")
WORDS = ("river", "stone", "cloud", "amber", "field", "north", "paper", "glass")


def text(row: int) -> str:
    return f"{WORDS[row % 8]} {WORDS[row * 3 % 8]} note {row} {WORDS[(row + 5) % 8]}"


def csv_of(head: str, row: Callable[[int], str]) -> str:
    return head + "\n" + "".join(row(n) + "\n" for n in COUNT)


def json_of(row: Callable[[int], object]) -> str:
    return "".join(json.dumps(row(n), ensure_ascii=False) + "\n" for n in COUNT)


def look(path: Path, tmp_path: Path) -> tuple[str, Guess, Table]:
    data = DataConfig(path=str(path))
    table = with_parts(open_table(data, tmp_path / "store"), data)
    task, guess = recognise(table, data, TASKS, None)
    return task.name, guess, table


def test_a_column_of_parts_is_no_class(tmp_path: Path) -> None:
    rows = "".join(f"{text(n)},{('train', 'train', 'test')[n % 3]}\n" for n in COUNT)
    task, guess, _ = look(write(tmp_path / "a.csv", f"text,set\n{rows}"), tmp_path)
    assert (task, guess.data.target) == ("generate", None)


@pytest.mark.parametrize("answer", ["answer_text", "text", "answer"])
def test_places_of_answers_beside_them_are_no_classes(tmp_path: Path, answer: str) -> None:
    cities = ("Oslo", "Rome", "Paris")
    rows = "".join(
        f"Ana was born in {cities[n % 3]} in {1900 + n}.,Where was Ana born {n}?,{cities[n % 3]},16\n" for n in COUNT
    )
    task, guess, _ = look(write(tmp_path / "a.csv", f"context,question,{answer},answer_start\n{rows}"), tmp_path)
    assert (task, guess.data.target, guess.data.inputs) == ("answer", answer, ("context", "question"))


def files(folder: Path, head: str = "title,text,subject", **rows: Callable[[int], str]) -> Path:
    for name, row in rows.items():
        lines = "".join(row(n) + "\n" for n in COUNT)
        write(folder / f"{name}.csv", f"{head}\n{lines}")
    return folder


def news(n: int) -> str:
    return f"{WORDS[n % 8]} {n},{text(n)},{('news', 'sport')[n // 2 % 2]}"


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (("Fake", "True"), {"Fake", "True"}),
        (("mail_spam", "mail_ham"), {"spam", "ham"}),
        (("pos_train", "neg_train", "pos_test", "neg_test"), {"pos", "neg"}),
        (("긍정", "부정"), {"긍정", "부정"}),
    ],
)
def test_a_table_for_each_class_is_learnt_by_its_name(
    tmp_path: Path, names: tuple[str, ...], classes: set[str]
) -> None:
    task, guess, table = look(files(tmp_path / "f", **dict.fromkeys(names, news)), tmp_path)
    assert (task, guess.data.target) == ("classify", "label")
    assert set(table.texts("label")) == classes
    assert "one file per class: " + ", ".join(sorted(classes)) in "; ".join(table.notes)


@pytest.mark.parametrize("suffix", ["jsonl", "json"])
def test_rows_of_json_for_each_class(tmp_path: Path, suffix: str) -> None:
    for name in ("positive", "negative"):
        rows = [json.dumps({"text": text(n)}) for n in COUNT]
        write(tmp_path / "f" / f"{name}.{suffix}", "\n".join(rows) if suffix == "jsonl" else f"[{', '.join(rows)}]")
    task, guess, table = look(tmp_path / "f", tmp_path)
    assert (task, guess.data.target) == ("classify", "label")
    assert list(table.texts("label")) == ["negative"] * 30 + ["positive"] * 30


def test_folders_of_tables_and_parquet_for_each_class(tmp_path: Path) -> None:
    for name in ("spam", "ham"):
        (tmp_path / "f" / name).mkdir(parents=True)
        frame = pa.table({"text": [text(n) for n in COUNT]})
        parquet.write_table(frame, tmp_path / "f" / name / "mails.parquet")
    assert set(look(tmp_path / "f", tmp_path)[2].texts("label")) == {"spam", "ham"}


@pytest.mark.parametrize("names", [("train", "test"), ("en", "fr"), ("reviews_2019", "reviews_2020")])
def test_tables_with_classes_of_their_own_are_rows_whatever_they_are_called(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    folder = files(
        tmp_path / "f", "text,label", **dict.fromkeys(names, lambda n: f"{text(n)},{('a', 'b')[n // 2 % 2]}")
    )
    _, guess, table = look(folder, tmp_path)
    assert (table.columns, guess.data.target) == (("text", "label"), "label")


def test_names_of_files_that_may_be_classes_are_asked_about(tmp_path: Path) -> None:
    folder = files(tmp_path / "f", "text", north=text, south=text)
    with pytest.raises(
        DataError, match=r"whose names may be classes of their texts \(north, south\).*data\.files=rows"
    ):
        look(folder, tmp_path)
    for files_are, columns in (("classes", ("text", "label")), ("rows", ("text",))):
        data = DataConfig(path=str(folder), files=files_are)
        table = open_table(data, tmp_path / files_are)
        assert table.columns == columns
        assert recognise(table, data, TASKS, None)[0].name == ("classify" if len(columns) > 1 else "generate")


def test_translations_in_two_tables_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"beside its translation in one row \(en,fr\)"):
        look(files(tmp_path / "f", "text", en=text, fr=text), tmp_path)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize("order", [("id", "text", "target"), ("id", "target", "text")])
def test_a_test_file_without_labels_is_left_to_predict(tmp_path: Path, suffix: str, order: tuple[str, ...]) -> None:
    for name in ("train", "test"):
        names = [column for column in order if name == "train" or column != "target"]
        cells = [dict(zip(("id", "text", "target"), (str(n), text(n), "01"[n % 2]), strict=True)) for n in COUNT]
        lines = [json.dumps({key: row[key] for key in names}) for row in cells]
        if suffix == "csv":
            lines = [",".join(names), *(",".join(row[key] for key in names) for row in cells)]
        write(tmp_path / "f" / f"{name}.{suffix}", "\n".join(lines) + "\n")
    task, guess, table = look(tmp_path / "f", tmp_path)
    assert (task, guess.data.target, len(table)) == ("classify", "target", 30)
    told = "; ".join(table.notes)
    assert f"test.{suffix} lacks column 'target' of train.{suffix}" in told
    assert f"unroll predict RUN --file {tmp_path}/f/test.{suffix}; the rows of test are taken from train" in told
    data = DataConfig(path=str(tmp_path / "f" / f"train.{suffix}"), test=str(tmp_path / "f" / f"test.{suffix}"))
    with pytest.raises(DataError, match=r"lacks column 'target' of train.*nothing can be scored"):
        open_table(data, tmp_path / "named")


def test_a_test_file_that_lacks_another_column_is_scored(tmp_path: Path) -> None:
    write(tmp_path / "f/train.csv", "text,label,by\n" + "".join(f"{text(n)},{n % 2},Ana\n" for n in COUNT))
    write(tmp_path / "f/test.csv", "text,label\n" + "".join(f"{text(n)},{n % 2}\n" for n in COUNT))
    assert len(look(tmp_path / "f", tmp_path)[2]) == 60


PEOPLE, PLACES = ("Ana", "Rui", "Eva", "Tom"), ("Oslo", "Rome", "Paris")


def marked(form: str) -> str:
    """Lines with a person and a place in each."""
    return "".join(form.format(PEOPLE[n % 4], PLACES[n % 3]) + "\n" for n in COUNT)


def spacy(before: str = "", behind: str = "", end: str = ",") -> str:
    items = (f'("{PEOPLE[n % 4]} left {PLACES[n % 3]}", {{"entities": [(0, 3, "PER")]}}){end}\n' for n in COUNT)
    return before + "".join(items) + behind


@pytest.mark.parametrize(
    "content",
    [
        marked("[{}](PER) flew to [{}](LOC) again"),
        marked('[{}]{{"entity": "PER"}} flew to [{}]{{"entity": "LOC"}} again'),
        marked("<PER>{}</PER> flew to <LOC>{}</LOC> again"),
        marked('<ENAMEX TYPE="PER">{}</ENAMEX> flew to <ENAMEX TYPE="LOC">{}</ENAMEX>'),
        marked("<{}:PER> flew to <{}:LOC> again"),
        marked("[{}:PER] flew to [{}:LOC] again"),
        spacy(),
        spacy(end=""),
        spacy("TRAIN_DATA = [\n", "]\n"),
        spacy("# names\nTRAIN_DATA: list = [\n", "]\n"),
    ],
)
def test_entities_marked_in_texts_are_tags(tmp_path: Path, content: str) -> None:
    task, _, table = look(write(tmp_path / "a.txt", content), tmp_path)
    assert (task, table.columns, len(table)) == ("tag", ("tokens", "tags"), 30)
    assert table.labels("tokens")[1][0] == "Rui"
    assert table.labels("tags")[1][:2] == ("B-PER", "O")


def test_bars_between_words_and_their_tags(tmp_path: Path) -> None:
    task, _, table = look(write(tmp_path / "a.txt", marked("{}|NNP flew|VBD to|TO {}|NNP")), tmp_path)
    assert (task, table.labels("tags")[0]) == ("tag", ("NNP", "VBD", "TO", "NNP"))


@pytest.mark.parametrize("form", ["{}/PER flew to {}/LOC", "{}_NNP flew to {}_NNP again"])
def test_tags_behind_some_words_are_asked_about(tmp_path: Path, form: str) -> None:
    with pytest.raises(DataError, match=r"a\.txt:1: some words have tags behind them \(Ana[/_]\w+\).*\[Ana\]\(PER\)"):
        look(write(tmp_path / "a.txt", marked(form)), tmp_path)


@pytest.mark.parametrize(
    "form",
    [
        "see [{}](https://a.example/x) and [{}](https://a.example/y)",
        "<b>{}</b> flew to <i>{}</i> again",
        "{} said either/or TCP to {}",
        "{0} knows [{0}]({0}) and {1}",
        "{} = the value of {}",
        "write to {} at joe@{}.example",
        "room of {} and {} 1",
    ],
)
def test_links_and_markup_are_no_entities(tmp_path: Path, form: str) -> None:
    assert look(write(tmp_path / "a.txt", marked(form)), tmp_path)[0] == "generate"


def test_a_tuple_that_holds_no_entities_is_told_of_with_its_line(tmp_path: Path) -> None:
    content = spacy() + '("Ana left", {"entities": [(0, "PER")]}),\n'
    with pytest.raises(DataError, match=r"a\.txt:31: expected a text and its entities"):
        look(write(tmp_path / "a.txt", content), tmp_path)


QUESTION, ANSWER = "how is the {} {}?", "it is {} there"


@pytest.mark.parametrize(
    "talk",
    [
        lambda q, a: {"conversation": [{"human": q, "assistant": a}]},
        lambda q, a: {"conversation": [{"human": q}, {"assistant": a}]},
        lambda q, a: {"qa": [{"Q": q, "A": a}]},
        lambda q, a: {"대화": [{"질문": q, "답변": a}]},
        lambda q, a: [{"role": "user", "content": q}, {"role": "assistant", "content": a}],
        lambda q, a: [{"from": "human", "value": q}, {"from": "gpt", "value": a}],
        lambda q, a: {"dialogue": [{"utterance": q}, {"utterance": a}]},
    ],
)
@pytest.mark.parametrize("suffix", ["jsonl", "json"])
def test_turns_under_the_names_of_who_speaks(tmp_path: Path, talk: Callable[[str, str], object], suffix: str) -> None:
    rows = [
        json.dumps(talk(QUESTION.format(WORDS[n % 8], n), ANSWER.format(text(n))), ensure_ascii=False) for n in COUNT
    ]
    content = "\n".join(rows) if suffix == "jsonl" else f"[{', '.join(rows)}]"
    task, guess, table = look(write(tmp_path / f"a.{suffix}", content), tmp_path)
    assert (task, guess.data.target) == ("chat", None)
    assert conversations(table, guess.data.inputs[0])[3] == [QUESTION.format("amber", 3), ANSWER.format(text(3))]


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_who_speaks_in_from_and_value_is_no_class(tmp_path: Path, suffix: str) -> None:
    rows = [{"id": n // 2, "from": ("human", "gpt")[n % 2], "value": text(n)} for n in COUNT]
    lines = [json.dumps(row) for row in rows]
    if suffix == "csv":
        lines = ["id,from,value", *(",".join(map(str, row.values())) for row in rows)]
    with pytest.raises(DataError, match=r"'from' says who speaks in 'value'; --format messenger"):
        look(write(tmp_path / f"a.{suffix}", "\n".join(lines) + "\n"), tmp_path)


def classes_behind(sign: str) -> str:
    return "".join(f"{text(n)}{sign}{('positive', 'negative', 'neutral')[n % 3]}\n" for n in range(45))


@pytest.mark.parametrize(
    ("content", "classes"),
    [
        (classes_behind(" .@"), {"positive", "negative", "neutral"}),
        (classes_behind("@"), {"positive", "negative", "neutral"}),
        ("".join(f"{text(n)} seen {n % 2}\n" for n in range(45)), {"0", "1"}),
    ],
)
def test_a_class_behind_its_text(tmp_path: Path, content: str, classes: set[str]) -> None:
    task, guess, table = look(write(tmp_path / "a.txt", content), tmp_path)
    assert (task, guess.data.target, set(table.texts("label"))) == ("classify", "label", classes)


@pytest.mark.parametrize("sign", ["\t", ";", "|"])
def test_commas_in_every_text_of_a_table_with_other_signs(tmp_path: Path, sign: str) -> None:
    rows = "".join(f"{text(n)}, so{sign}{('good', 'bad')[n % 2]}\n" for n in COUNT)
    _, guess, table = look(write(tmp_path / "a.csv", f"text{sign}label\n{rows}"), tmp_path)
    assert (table.columns, len(table), guess.data.target) == (("text", "label"), 30, "label")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "a.csv",
            csv_of("date,comment,likes", lambda n: f"2024-01-{n + 1:02},{text(n)},{n % 7}"),
            "'likes' are counted",
        ),
        (
            "a.csv",
            csv_of("작성일,내용,좋아요", lambda n: f"2024-01-{n + 1:02},{text(n)},{n % 7}"),
            "'좋아요' are counted",
        ),
        ("a.jsonl", json_of(lambda n: {"text": text(n), "label": [f"le {text(n)}"]}), "holds lists of texts"),
        (
            "a.jsonl",
            json_of(lambda n: {"text": text(n), "label": "ab"[n % 2], "answer": ACCEPTED[n % 3], "_input_hash": n}),
            "10 labels in 'label' were rejected or ignored",
        ),
        (
            "a.md",
            "| text | label |\n|---|---|\n" + "".join(f"| {text(n)} | {n % 2} |\n" for n in COUNT),
            "drawn with bars and rules",
        ),
        ("a.yml", "".join(f"- text: {text(n)}\n  label: {n % 2}\n" for n in COUNT), "records as YAML has them"),
        ("a.xls", f"<table><tr><td>{text(0)}</td></tr>\n</table>", "a table of HTML"),
        ("a.txt", "".join(f"{WORDS[n % 8]}{n},{'FM'[n % 2]}\n" for n in COUNT), "--format csv reads the cells"),
    ],
)
def test_what_would_be_learnt_wrongly_is_asked_about(tmp_path: Path, name: str, content: str, says: str) -> None:
    with pytest.raises(DataError, match=re.escape(says)):
        look(write(tmp_path / name, content), tmp_path)


def test_old_exports_of_doccano_are_tags(tmp_path: Path) -> None:
    content = json_of(lambda n: {"id": n, "data": f"Ana saw {WORDS[n % 8]}", "label": [[0, 3, "PER"]]})
    task, _, table = look(write(tmp_path / "a.jsonl", content), tmp_path)
    assert (task, table.labels("tags")[0]) == ("tag", ("B-PER", "O", "O"))


@pytest.mark.parametrize("sign", ["=>", "->"])
def test_pairs_with_a_sign_between_them_are_two_columns(tmp_path: Path, sign: str) -> None:
    with pytest.raises(DataError, match="two columns of texts, column1 and column2"):
        look(write(tmp_path / "a.txt", "".join(f"{text(n)} {sign} le {text(n)}\n" for n in COUNT)), tmp_path)


def test_chats_of_facebook_and_instagram_newest_first(tmp_path: Path) -> None:
    told = [("안녕", "Ana"), ("hello", "Rui"), ("fine", "Ana"), ("good", "Rui")]
    messages = [
        {"sender_name": who, "timestamp_ms": 1_700_000_000_000 + at, "content": said.encode().decode("latin-1")}
        for at, (said, who) in enumerate(told)
    ]
    chat = {"participants": [{"name": "Ana"}], "messages": messages[::-1], "title": "Rui"}
    task, _, table = look(write(tmp_path / "message_1.json", json.dumps(chat)), tmp_path)
    assert (task, table.labels("turns")) == ("chat", [("안녕", "hello", "fine", "good")])


def test_answers_with_their_aliases_are_answers(tmp_path: Path) -> None:
    content = json_of(
        lambda n: {
            "question": f"what {n}?",
            "context": f"it is v{n}",
            "answer": {"value": f"v{n}", "aliases": [f"v{n}"]},
        }
    )
    task, guess, _ = look(write(tmp_path / "a.jsonl", content), tmp_path)
    assert (task, guess.data.target) == ("answer", "answer.value")


def test_ids_of_several_rows_are_no_texts(tmp_path: Path) -> None:
    content = csv_of(
        "QuestionID,Question,Sentence,Label",
        lambda n: f"question{n // 3:04},what {n // 3}?,{text(n)},{int(n % 3 == 0)}",
    )
    _, guess, _ = look(write(tmp_path / "a.csv", content), tmp_path)
    assert guess.data.inputs == ("Question", "Sentence")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.tsv", csv_of("word\tpos", lambda n: f"{WORDS[n % 8]}\t{('NN', 'VB')[n % 2]}"), "no column tells sentences"),
        (
            "instances.json",
            json.dumps(
                {
                    "images": [{"id": n, "file_name": f"{n}.jpg"} for n in COUNT],
                    "annotations": [{"image_id": n, "bbox": [0, 0, 1, 1], "category_id": 1} for n in COUNT],
                }
            ),
            "places of things in pictures (COCO), and no captions",
        ),
        ("a.jsonl", json_of(lambda n: {"text": text(n), "keywords": [f"k{n}", f"m{n}"]}), "holds lists of texts"),
    ],
)
def test_what_no_task_can_learn_is_named(tmp_path: Path, name: str, content: str, says: str) -> None:
    with pytest.raises(DataError, match=re.escape(says)):
        look(write(tmp_path / name, content), tmp_path)


def test_words_above_lyrics_are_names_of_columns(tmp_path: Path) -> None:
    rows = csv_of("artist,song,lyrics", lambda n: f'Joe,Song {n},"{text(n)}\n{text(n)}"')
    data = DataConfig(path=str(write(tmp_path / "a.csv", rows)))
    assert open_table(data, tmp_path / "store").columns == ("artist", "song", "lyrics")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("+".join(["1"] * 900), r":21: expected a text and its entities"),
        ("-" * 3000 + "1", "expected tuples as Python writes them"),
        ("print()", r":21: expected a text and its entities"),
        ("1" * 2000, "more than 0 MiB of Python; write a JSON object per line"),
    ],
)
def test_python_is_read_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, said: str) -> None:
    monkeypatch.setattr("unroll.data.readers.trainingtuples._LARGEST", 2000 if place[:2] == "11" else 10_000)
    whole = '("Ana left", {"entities": [(0, 3, "PER")]}),\n' * 20
    path = write(tmp_path / "a.txt", f'{whole}("a b", {{"entities": [(0, {place}, "PER")]}}),\n')
    with pytest.raises(DataError, match=said):
        look(path, tmp_path)
