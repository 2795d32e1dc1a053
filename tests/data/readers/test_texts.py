"""Texts, tags and conversations in the forms that people have: every cell, what was left out, and what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.helpers import read, rows, write
from unroll.data import ReadOptions, Table, read_table
from unroll.data.readers.registry import READERS
from unroll.errors import DataError

DAY = "--------------- 2024년 1월 5일 금요일 ---------------\n"


def lists(table: Table, *names: str) -> list[list[tuple[str, ...]]]:
    return [table.labels(name) for name in names or table.columns]


def wrong(table: Table) -> list[tuple[int, str]]:
    return [(problem.line, problem.text) for row in range(len(table)) for problem in table.problems(row)]


# Tagged words.


def test_a_tag_stands_behind_the_last_slash(tmp_path: Path) -> None:
    line = "1\\/2/CD men/NNS and\\/or/CC walk/VBP ./.\n"
    table = read(write(tmp_path / "a.txt", line * 5), tmp_path)
    assert table.format == "slashed"
    assert lists(table)[0][0] == ("1/2", "men", "and/or", "walk", ".")
    assert lists(table)[1][0] == ("CD", "NNS", "CC", "VBP", ".")


def test_underscores_and_morphemes(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.txt", "The_DT dog_NN runs_VBZ\nA_DT cat_NN sits_VBZ\n" * 5), tmp_path)
    assert lists(table)[1][0] == ("DT", "NN", "VBZ")
    table = read(
        write(tmp_path / "b.txt", "나/NP+는/JX 가/VV+ㄴ다/EF ./SF\n그/NP+도/JX 오/VV+ㄴ다/EF ./SF\n" * 5), tmp_path
    )
    assert lists(table)[0][0] == ("나", "는", "가", "ㄴ다", ".")
    assert "20 words are read as their morphemes, which + joins" in table.notes


def test_a_word_without_a_tag_is_told_with_its_line(tmp_path: Path) -> None:
    table = read(
        write(tmp_path / "a.txt", "The/DT dog/NN runs/VBZ\nA/DT cat/NN sits/VBZ\n" * 5 + "The/DT dog\n"), tmp_path
    )
    assert wrong(table) == [(11, "expected a word, '/' and its tag, got 'dog'")]


@pytest.mark.parametrize(
    "text",
    [
        "either/or and/or his/her own one/another kind\n" * 20,
        "see http://a.b/c and http://d.e/f\n" * 20,
        "my_name your_name_2 x_1 y_2 snake_case other_case\n" * 20,
        "1/2 3/4 5/6 7/8 9/10\n" * 20,
    ],
)
def test_slashes_and_underscores_in_texts_are_no_tags(tmp_path: Path, text: str) -> None:
    assert read(write(tmp_path / "a.txt", text), tmp_path).format != "slashed"


def test_a_column_that_counts_the_words_is_no_token(tmp_path: Path) -> None:
    body = "".join(f"1\tw{n}\tA\n2\tv{n}\tB\n3\tu{n}\tA\n\n" for n in range(10))
    table = read(write(tmp_path / "a.tsv", body), tmp_path)
    assert lists(table, "tokens", "tags") == [[(f"w{n}", f"v{n}", f"u{n}") for n in range(10)], [("A", "B", "A")] * 10]


def test_a_table_of_words_is_cut_at_its_sentences(tmp_path: Path) -> None:
    text = 'Sentence #,Word,POS,Tag\nSentence: 1,Ana,NNP,B-per\n,",",",",O\nSentence: 2,Rui,NNP,B-per\n,left,VBD,O\n'
    table = read(write(tmp_path / "a.csv", text), tmp_path)
    assert table.columns == ("tokens", "POS", "tags")
    assert lists(table) == [[("Ana", ","), ("Rui", "left")], [("NNP", ","), ("NNP", "VBD")], [("B-per", "O")] * 2]
    assert table.place(1)[1] == 4
    named = "sentence_id\tword\tlabel\n" + "1\tAna\tB\n1\tleft\tO\n2\tRui\tB\n2\twon\tO\n"
    assert lists(read(write(tmp_path / "b.tsv", named), tmp_path))[0] == [("Ana", "left"), ("Rui", "won")]
    with pytest.raises(DataError, match=r"c\.csv:3: expected 4 cells as in the header, got 3"):
        read(write(tmp_path / "c.csv", text.replace(',",",",",O', ",x,O")), tmp_path)


# Entities.

FORMS = {
    "objects": {"text": "Ana Silva left.", "entities": [{"start": 0, "end": 9, "label": "PER"}]},
    "prodigy": {
        "text": "Ana Silva left.",
        "tokens": [{"text": "Ana", "start": 0, "end": 3}, {"text": "Silva", "start": 4, "end": 9}],
        "spans": [{"start": 0, "end": 9, "token_start": 0, "token_end": 1, "label": "PER"}],
        "answer": "accept",
    },
    "doccano": {"id": 1, "text": "Ana Silva left.", "label": [[0, 9, "PER"]]},
    "offsets": {"text": "Ana Silva left.", "entities": [{"id": 5, "label": "PER", "start_offset": 0, "end_offset": 9}]},
    "studio": {
        "data": {"text": "Ana Silva left."},
        "annotations": [{"result": [{"type": "labels", "value": {"start": 0, "end": 9, "labels": ["PER"]}}]}],
    },
    "last character": {"form": "Ana Silva left.", "NE": [{"form": "Ana Silva", "label": "PER", "begin": 0, "end": 8}]},
    "length": {"text": "Ana Silva left.", "entities": [{"offset": 0, "length": 9, "type": "PER"}]},
    "spacy": ["Ana Silva left.", {"entities": [[0, 9, "PER"]]}],
    "pieces": {"data": [{"text": "Ana Silva", "entity": "PER"}, {"text": " left."}]},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_entities_become_tags(tmp_path: Path, form: str, name: str) -> None:
    line = json.dumps(FORMS[form])
    text = f"{line}\n" * 3 if name == "a.jsonl" else f"[{', '.join([line] * 3)}]"
    table = read(write(tmp_path / name, text), tmp_path)
    assert table.format == "spans"
    own = ("Ana", "Silva") if form == "prodigy" else ("Ana", "Silva", "left", ".")
    tags = ("B-PER", "I-PER", "O", "O")[: len(own)]
    assert lists(table, "tokens", "tags") == [[own] * 3, [tags] * 3]


def test_a_word_that_an_entity_holds_in_part_belongs_to_it_and_is_counted(tmp_path: Path) -> None:
    row = json.dumps({"text": "김철수는 서울에 갔다", "entities": [[0, 3, "PS"], [5, 7, "LC"]]})
    table = read(write(tmp_path / "a.jsonl", f"{row}\n" * 2), tmp_path)
    assert lists(table) == [[("김철수는", "서울에", "갔다")] * 2, [("B-PS", "B-LC", "O")] * 2]
    assert "4 entities begin or end inside a word, the whole of which is taken" in table.notes


def test_what_is_wrong_with_entities_is_told(tmp_path: Path) -> None:
    spans = [
        [[0, 3, "PER"]],
        [[0, 40, "PER"]],
        [[0, 9, "PER"], [4, 9, "ORG"]],
        [[3, 4, "PER"]],
    ]
    text = "".join(json.dumps({"text": "Ana Silva left", "label": own}) + "\n" for own in spans)
    text += (
        json.dumps({"text": "Ana Silva left", "label": [{"start": 4, "end": 9, "label": "X", "text": "Ana"}]}) + "\n"
    )
    assert wrong(read(write(tmp_path / "a.jsonl", text), tmp_path)) == [
        (2, "an entity PER at 0 to 40 is not in its text of 14 characters"),
        (3, "an entity ORG at 4 to 9 overlaps another; every word has one tag"),
        (4, "an entity PER at 3 to 4 holds no word; every word has one tag"),
        (5, "an entity X at 4 to 9 is said to be 'Ana', but the text has 'Silva' there"),
    ]


def test_texts_that_were_rejected_are_left_out(tmp_path: Path) -> None:
    answers = ("accept", "reject", "ignore", "accept")
    text = "".join(json.dumps({**FORMS["objects"], "answer": own}) + "\n" for own in answers)  # type: ignore[dict-item]
    table = read(write(tmp_path / "a.jsonl", text), tmp_path)
    assert len(table) == 2
    assert "2 texts that were rejected or ignored left out" in table.notes


def test_the_intents_of_snips_are_kept(tmp_path: Path) -> None:
    pieces = [{"text": "play "}, {"text": "a song", "entity": "song"}]
    for data in (
        {"Play": [{"data": pieces}] * 3},
        {"language": "en", "intents": {"Play": {"utterances": [{"data": pieces}] * 3}}},
    ):
        table = read(write(tmp_path / "a.json", json.dumps(data)), tmp_path)
        assert lists(table, "tokens", "tags", "intent") == [
            [("play", "a", "song")] * 3,
            [("O", "B-song", "I-song")] * 3,
            [("Play",)] * 3,
        ]


def test_brats_folder_is_read_line_by_line(tmp_path: Path) -> None:
    write(tmp_path / "set" / "a.txt", "Ana Silva left.\nShe saw Oslo.\n")
    write(tmp_path / "set" / "a.ann", "T1\tPER 0 9\tAna Silva\nT2\tLOC 24 28\tOslo\nR1\tleft Arg1:T1\n")
    table = read(tmp_path / "set", tmp_path)
    assert lists(table)[1] == [("B-PER", "I-PER", "O", "O"), ("O", "O", "B-LOC", "O")]
    assert not [note for note in table.notes if "left out" in note]


def test_choices_become_labels(tmp_path: Path) -> None:
    def task(text: str, *choices: str, cancelled: bool = False) -> dict[str, object]:
        result = [{"type": "choices", "value": {"choices": list(choices)}}] if choices else []
        return {"data": {"text": text}, "annotations": [{"result": result, "was_cancelled": cancelled}]}

    text = json.dumps([task("one", "a"), task("two", "a", "b"), task("three"), task("four", "b", cancelled=True)])
    table = read(write(tmp_path / "a.json", text), tmp_path)
    assert rows(table) == [("one", "a"), ("two", "a b")]
    assert "2 texts without a choice left out" in table.notes


# Conversations.


def test_turns_end_with_marks(tmp_path: Path) -> None:
    table = read(
        write(tmp_path / "a.txt", "Hi ! __eou__ Hello , you . __eou__\nA __eou__ B __eou__ C __eou__\n"), tmp_path
    )
    assert lists(table) == [[("Hi !", "Hello , you ."), ("A", "B", "C")]]
    table = read(write(tmp_path / "b.txt", "a __eou__ b __eou__ __eot__ c __eou__ __eot__\n"), tmp_path)
    assert lists(table) == [[("a b", "c")]]


MESSAGES = {
    "KakaoTalk on a computer": (
        DAY + "[김철수] [오후 3:12] 안녕\n[김철수] [오후 3:12] 뭐 해?\n둘째 줄\n[이영희] [오후 3:13] 사진\n"
        "[이영희] [오후 3:14] 일해\n"
        + DAY.replace("5일", "6일")
        + "[김철수] [오전 9:00] 잘 잤어?\n[이영희] [오전 9:01] 응\n"
    ),
    "KakaoTalk on a phone": (
        "이영희 님과 카카오톡 대화\n저장한 날짜 : 2024년 1월 7일 오후 3:20\n\n2024년 1월 5일 오후 3:12\n"
        "2024년 1월 5일 오후 3:12, 김철수 : 안녕\n2024년 1월 5일 오후 3:12, 김철수 : 뭐 해?\n둘째 줄\n"
        "2024년 1월 5일 오후 3:13, 이영희 : 사진\n2024년 1월 5일 오후 3:14, 이영희 : 일해\n"
        "2024년 1월 6일 오전 9:00, 김철수 : 잘 잤어?\n2024년 1월 6일 오전 9:01, 이영희 : 응\n"
    ),
    "KakaoTalk's table": (
        'Date,User,Message\n2024-01-05 15:12:00,"김철수","안녕"\n2024-01-05 15:12:01,"김철수","뭐 해?\n둘째 줄"\n'
        '2024-01-05 15:13:00,"이영희","사진"\n2024-01-05 15:14:00,"이영희","일해"\n'
        '2024-01-06 09:00:00,"김철수","잘 잤어?"\n2024-01-06 09:01:00,"이영희","응"\n'
    ),
    "WhatsApp on Android": (
        "1/5/24, 3:10 PM - Messages and calls are end-to-end encrypted.\n1/5/24, 3:12 PM - Ana Silva: 안녕\n"
        "1/5/24, 3:12 PM - Ana Silva: 뭐 해?\n둘째 줄\n1/5/24, 3:13 PM - Rui: <Media omitted>\n"
        "1/5/24, 3:14 PM - Rui: 일해\n1/6/24, 9:00 AM - Ana Silva: 잘 잤어?\n1/6/24, 9:01 AM - Rui: 응\n"
    ),
    "WhatsApp on an iPhone": (
        "[05.01.24, 15:12:00] Ana: 안녕\n[05.01.24, 15:12:01] Ana: 뭐 해?\n둘째 줄\n\u200e[05.01.24, 15:13:00] Rui: "
        "\u200eimage omitted\n[05.01.24, 15:14:00] Rui: 일해\n"
        "[06.01.24, 09:00:00] Ana: 잘 잤어?\n[06.01.24, 09:01:00] Rui: 응\n"
    ),
}


@pytest.mark.parametrize("form", MESSAGES)
def test_a_day_of_an_exported_chat_is_a_conversation(tmp_path: Path, form: str) -> None:
    for text in (MESSAGES[form], MESSAGES[form].replace("\n", "\r\n")):
        table = read(write(tmp_path / ("a.csv" if "table" in form else "a.txt"), text), tmp_path)
        assert table.format == "messenger"
        assert lists(table) == [[("안녕 뭐 해? 둘째 줄", "일해"), ("잘 잤어?", "응")]]
        assert "1 pictures and other messages without text left out" in table.notes


def test_a_long_day_is_cut_and_days_without_an_answer_are_left_out(tmp_path: Path) -> None:
    body = "".join(f"[{'ab'[n % 2]}] [오후 3:12] {n}\n" for n in range(45))
    table = read(
        write(tmp_path / "a.txt", DAY + body + DAY.replace("5일", "6일") + "[a] [오후 3:12] alone\n"), tmp_path
    )
    assert [len(turns) for turns in table.labels("turns")] == [20, 20, 5]
    assert "1 days without an answer left out" in table.notes


def test_telegram_and_named_speakers(tmp_path: Path) -> None:
    said = [("Ana", "hi"), ("Rui", ["see ", {"type": "link", "text": "a.b"}]), ("Ana", "")]
    messages = [{"date": "2024-01-05T15:00:00", "from": who, "from_id": who, "text": text} for who, text in said]
    assert lists(read(write(tmp_path / "a.json", json.dumps({"messages": messages})), tmp_path)) == [
        [("hi", "see a.b")]
    ]
    text = "Ana: hi\nRui: see\n\nAna: so\nRui: no: never\n"
    table = read(write(tmp_path / "b.txt", text), tmp_path, format="messenger")
    assert lists(table) == [[("hi", "see"), ("so", "no: never")]]
    with pytest.raises(DataError, match=r"c\.txt:2: expected a name, a colon and what is said, got 'Rui'"):
        read(write(tmp_path / "c.txt", "Ana: hi\nRui\n"), tmp_path, format="messenger")


# Translations.

TMX = (
    '<?xml version="1.0"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx version="1.4"><header/><body>\n'
    '<tu><tuv xml:lang="en"><seg>a <bpt i="1">&lt;b&gt;</bpt>big<ept i="1">&lt;/b&gt;</ept> <hi>house</hi> &amp; I'
    "</seg></tuv>"
    '<tuv xml:lang="de-DE"><seg>ein Haus\n und ich</seg></tuv></tu>\n'
    '<tu><tuv xml:lang="en"><seg>alone</seg></tuv></tu>\n</body></tmx>\n'
)


def test_a_translation_memory_is_read_without_its_codes(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.tmx", TMX), tmp_path)
    assert table.columns == ("en", "de-DE")
    assert rows(table) == [("a big house & I", "ein Haus und ich")]
    assert table.place(0)[1] == 4
    assert "1 units without a translation left out" in table.notes
    assert rows(read(write(tmp_path / "b.xml", TMX, "utf-16"), tmp_path)) == rows(table)
    assert rows(read(write(tmp_path / "c.tmx.gz", TMX), tmp_path)) == rows(table)


def test_xml_is_read_safely(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE tmx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    with pytest.raises(DataError, match=r"a\.tmx:2: the file declares entities of its own"):
        read(write(tmp_path / "a.tmx", TMX.replace('<!DOCTYPE tmx SYSTEM "tmx14.dtd">', bomb)), tmp_path)
    outside = '<!DOCTYPE tmx [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    with pytest.raises(DataError, match="declares entities of its own"):
        read(write(tmp_path / "b.tmx", TMX.replace('<!DOCTYPE tmx SYSTEM "tmx14.dtd">', outside)), tmp_path)
    with pytest.raises(DataError, match=r"c\.tmx:6: not XML: "):
        read(
            write(
                tmp_path / "c.tmx",
                TMX.replace("</tu>", "", 1).partition('<tu><tuv xml:lang="en"><seg>alone')[0] + "</x>",
            ),
            tmp_path,
        )
    with pytest.raises(DataError, match="more than 200 elements in each other"):
        read(write(tmp_path / "d.tmx", "<tmx>" + "<x>" * 300), tmp_path)
    with pytest.raises(DataError, match="no units with a text in two languages; found en"):
        read(write(tmp_path / "e.tmx", TMX.replace("de-DE", "en")), tmp_path)


def test_xliff_of_both_versions(tmp_path: Path) -> None:
    one = (
        "<xliff><file><body><trans-unit id='1'><source>a</source><target>b</target></trans-unit></body></file></xliff>"
    )
    two = "<xliff><file><unit id='1'><segment><source>a</source><target>b</target></segment></unit></file></xliff>"
    for text in (one, two):
        assert rows(read(write(tmp_path / "a.xlf", text), tmp_path)) == [("a", "b")]


# Classes.


def test_intents_and_their_answers(tmp_path: Path) -> None:
    intents = [
        {"tag": "hi", "patterns": ["hello", "hey", ""], "responses": ["yes", "well"]},
        {"tag": "bye", "patterns": [], "responses": []},
        {"tag": "ok", "patterns": ["fine"], "responses": "good"},
    ]
    table = read(write(tmp_path / "a.json", json.dumps({"intents": intents}, indent=1)), tmp_path)
    assert rows(table) == [("hello", "hi", "yes"), ("hey", "hi", "well"), ("fine", "ok", "good")]
    assert table.place(0)[1] == 6
    assert "1 intents without an example left out" in table.notes


def test_rasas_examples_without_markup(tmp_path: Path) -> None:
    markdown = (
        '## intent:go\n- to [Oslo](city) now\n- to [Rome]{"entity": "city"}\n## synonym:x\n- no\n'
        "## intent:stop\n- stop it\n"
    )
    yaml = (
        'version: "3.1"\nnlu:\n- intent: go\n  examples: |\n    - to [Oslo](city) now\n    - to Rome\n'
        "- synonym: x\n  examples: |\n    - no\n- intent: stop\n  examples: |\n    - stop it\n"
    )
    for name, text in (("a.md", markdown), ("a.yml", yaml)):
        table = read(write(tmp_path / name, text), tmp_path)
        assert rows(table) == [("to Oslo now", "go"), ("to Rome", "go"), ("stop it", "stop")]


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("spam, call me now", ("spam", "call me now")),
        ("spam; call me, now", ("spam", "call me, now")),
        ("3 call me now", ("3", "call me now")),
        ("DESC:manner How far ?", ("DESC:manner", "How far ?")),
        ("-1 |words call me now", ("-1", "call me now")),
    ],
)
def test_a_class_before_its_text(tmp_path: Path, line: str, cells: tuple[str, str]) -> None:
    other = line.replace(cells[0], "HUM:ind" if ":" in cells[0] else "1" if cells[0][-1].isdigit() else "ham", 1)
    table = read(write(tmp_path / "a.txt", f"{line}\n{other}\n" * 12), tmp_path)
    assert (table.format, rows(table)[0]) == ("class-lines", cells)


@pytest.mark.parametrize("line", ["call me, now, spam", "call me, now;spam", "call me, now -> spam"])
def test_a_class_behind_its_text(tmp_path: Path, line: str) -> None:
    table = read(write(tmp_path / "a.txt", f"{line}\n{line.replace('spam', 'ham')}\n" * 12), tmp_path)
    assert rows(table)[:2] == [("spam", "call me, now"), ("ham", "call me, now")]


def test_endings_say_the_parts_of_a_folder(tmp_path: Path) -> None:
    for part in ("train", "testa", "testb"):
        write(tmp_path / "set" / f"eng.{part}", f"Ana B-PER\n{part} O\n\nRui B-PER\nleft O\n\n" * 6)
    table = read(tmp_path / "set", tmp_path)
    assert table.format == "conll"
    assert table.parts is not None
    assert [table.labels("tokens")[row][1] for row in (0, 12, 24)] == ["train", "testa", "testb"]
    assert table.parts.tolist() == [0] * 12 + [1] * 12 + [2] * 12


def test_a_folder_of_json_files_with_a_record_each(tmp_path: Path) -> None:
    for n in range(3):
        write(
            tmp_path / "set" / f"doc_{n}.json",
            json.dumps({"info": {"id": n}, "said": {"text": f"word {n}", "label": "a"}}),
        )
    table = read(tmp_path / "set", tmp_path)
    assert table.columns == ("info.id", "said.text", "said.label")
    assert list(table.texts("said.text")) == ["word 0", "word 1", "word 2"]


def test_prose_and_lists_have_no_class_before_them(tmp_path: Path) -> None:
    for text in (
        "".join(f"{'ab'[n % 2]} word and {n} more, and so on\n" for n in range(40)),
        "".join(f"{n} little ducks went out, {n}\n" for n in range(40)),
        "".join(f"word{n}, another one here\n" for n in range(40)),
    ):
        assert read(write(tmp_path / "a.txt", text), tmp_path).format == "text"


def test_verses_and_logs_are_texts(tmp_path: Path) -> None:
    verses = "".join(f"{n % 20 + 1} And it was so, number {n}\n" for n in range(300))
    assert read(write(tmp_path / "a.txt", verses), tmp_path).format == "text"
    log = "".join(f"2024-01-05 10:00:{n:02} - {('INFO', 'ERROR')[n % 2]}: number {n}\n" for n in range(40))
    assert read(write(tmp_path / "b.txt", log), tmp_path).format == "text"


def test_empty_rows_below_a_table_are_left_out_and_those_inside_are_kept(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.csv", "x,y\n1,2\n,\n3,4\n,\n , \n"), tmp_path)
    assert rows(table) == [("1", "2"), ("", ""), ("3", "4")]
    assert "2 blank lines left out" in table.notes


def test_cells_between_long_signs(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.txt", "L1 +++$+++ u0 +++$+++ Hi, you\n" * 3), tmp_path)
    assert rows(table)[0] == ("L1", "u0", "Hi, you")
    assert rows(read(write(tmp_path / "b.dat", "1::Toy Story::Comedy|Drama\n" * 3), tmp_path))[0][1] == "Toy Story"


def test_subtitles_without_times(tmp_path: Path) -> None:
    srt = "1\n00:00:01,000 --> 00:00:02,000\n<i>Hello</i>\nthere\n\n"
    srt += "2\n00:00:03,000 --> 00:00:04,000\n{\\an8}In 1999\n1984\n\n3\n00:00:05,000 --> 00:00:06,000\n&amp; so\n"
    vtt = "WEBVTT\n\n00:01.000 --> 00:02.000 align:start\nHello there\n\n00:03.000 --> 00:04.000\nIn 1999 1984\n\n"
    vtt += "00:05.000 --> 00:06.000\n&amp; so\n"
    smi = "<SAMI><BODY>\n" + "".join(
        f"<SYNC Start={n}000><P Class=KRCC>{said}\n<SYNC Start={n}900><P>&nbsp;\n"
        for n, said in enumerate(("Hello<br>there", "In 1999 1984", "&amp; so"))
    )
    for name, text in (("a.srt", srt), ("a.vtt", vtt), ("a.smi", smi)):
        assert rows(read(write(tmp_path / name, text), tmp_path)) == [("Hello there",), ("In 1999 1984",), ("& so",)]


def test_markup_is_refused_unless_it_is_meant(tmp_path: Path) -> None:
    for name, text in (("a.xml", '<?xml version="1.0"?>\n<a>x</a>\n'), ("a.html", "<!DOCTYPE HTML>\n<html></html>\n")):
        path = write(tmp_path / name, text)
        with pytest.raises(DataError, match="--format text for a language model of the markup itself"):
            read(path, tmp_path)
        assert len(read(path, tmp_path, format="text")) == 2


def test_questions_that_have_no_answer_are_left_out_and_counted(tmp_path: Path) -> None:
    asked = [
        {"id": "1", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}], "is_impossible": False},
        {"id": "2", "question": "Why?", "answers": [], "is_impossible": True, "plausible_answers": []},
    ]
    data = {"version": "v2.0", "data": [{"title": "x", "paragraphs": [{"context": "Ada lived.", "qas": asked}]}]}
    table = read(write(tmp_path / "a.json", json.dumps(data)), tmp_path)
    assert list(table.texts("question")) == ["Who?"]
    assert "1 questions without an answer (is_impossible) left out: a span is always answered" in table.notes


def test_no_name_of_a_format_is_taken_twice() -> None:
    assert len({reader.name for reader in READERS}) == len(READERS)


# Damaged annotations.


def test_an_annotation_that_is_no_object_is_no_choice(tmp_path: Path) -> None:
    chosen = {"result": [{"type": "choices", "value": {"choices": ["a"]}}]}
    tasks = [
        {"data": {"text": "good day"}, "annotations": [None, "lost", chosen]},
        {"data": {"text": "bad day"}, "annotations": ["lost"]},
    ]
    table = read(write(tmp_path / "a.json", json.dumps(tasks)), tmp_path)
    assert table.format == "choices"
    assert table.labels("labels") == [("a",)]
    assert "1 texts without a choice left out" in table.notes


def test_an_entity_that_comes_twice_is_told_once_with_and_once_without_its_word(tmp_path: Path) -> None:
    spans = [{"start": 0, "end": 3, "label": "PER", "text": "Ana"}, {"start": 0, "end": 3, "label": "PER"}]
    line = json.dumps({"text": "Ana left", "spans": spans})
    table = read(write(tmp_path / "a.jsonl", f"{line}\n" * 5), tmp_path)
    assert table.labels("tags")[0] == ("B-PER", "O")
    assert "an entity PER at 0 to 3 overlaps another" in wrong(table)[0][1]


def test_translations_of_programs(tmp_path: Path) -> None:
    text = (
        'msgid ""\nmsgstr "Language: de\\n"\n\n#, fuzzy\nmsgid "guess"\nmsgstr "x"\n\nmsgctxt "menu"\nmsgid "Open "\n'
    )
    text += (
        '"\\"it\\"\\n"\nmsgstr "Öffne es"\n\nmsgid "one"\nmsgid_plural "many"\nmsgstr[0] "eins"\nmsgstr[1] "viele"\n'
    )
    text += '\nmsgid "left"\nmsgstr ""\n\n#~ msgid "old"\n#~ msgstr "alt"\n'
    table = read(write(tmp_path / "a.po", text), tmp_path)
    assert rows(table) == [('Open "it"', "Öffne es"), ("one", "eins")]
    assert [table.place(row)[1] for row in (0, 1)] == [8, 13]
    assert "1 texts without a translation left out" in table.notes
    assert "1 translations marked as fuzzy left out" in table.notes
    with pytest.raises(DataError, match=r"b.po:5: expected msgid, msgstr or a text in quotes, got 'oops'"):
        read(write(tmp_path / "b.po", 'msgid "a"\nmsgstr "b"\nmsgid "c"\nmsgstr "d"\noops\n'), tmp_path)


def test_numbered_lines_of_parlai(tmp_path: Path) -> None:
    text = "1 your persona: i like tea.\n2 hi\thello\t\ta|b\n3 bye\tsee you\n1 hey\tyes\n2 resto r_phone 1\n3 so\tno\n"
    table = read(write(tmp_path / "a.txt", text), tmp_path)
    assert table.labels("turns") == [("hi", "hello", "bye", "see you"), ("hey", "yes", "so", "no")]
    assert [table.place(row)[1] for row in (0, 1)] == [1, 4]
    assert {"1 lines of personas left out", "1 lines without an answer left out"} <= set(table.notes)


def test_films_of_cornell(tmp_path: Path) -> None:
    sign = " +++$+++ "
    lines = "".join(sign.join((f"L{n}", f"u{n % 2}", "m0", "ANA", f"line {n}")) + "\n" for n in (4, 3, 2, 1))
    write(tmp_path / "films" / "movie_lines.txt", lines)
    talk = sign.join(("u0", "u1", "m0", "['L1', 'L2', 'L3']")) + "\n"
    write(tmp_path / "films" / "movie_conversations.txt", talk * 3)
    for path in (tmp_path / "films", tmp_path / "films" / "movie_lines.txt"):
        table = read(path, tmp_path)
        assert table.labels("turns") == [("line 1", "line 2", "line 3")] * 3
    write(tmp_path / "films" / "movie_conversations.txt", talk * 2 + talk.replace("L3", "L9"))
    with pytest.raises(DataError, match=r"movie_conversations.txt:3: the line 'L9' is not in movie_lines.txt"):
        read(tmp_path / "films", tmp_path)


def test_rows_of_who_speaks(tmp_path: Path) -> None:
    text = "conversation_id,speaker,text\n1,A,hi\n1,A,there\n1,B,yes\n2,B,so\n2,C,no\n"
    assert read(write(tmp_path / "a.csv", text), tmp_path).labels("turns") == [("hi there", "yes"), ("so", "no")]
    named = ReadOptions(format="messenger")
    plain = read_table(write(tmp_path / "b.csv", "who,line\nA,hi\nB,yes\nA,so\n"), named, tmp_path / "store-b")
    assert plain.labels("turns") == [("hi", "yes", "so")]
    with pytest.raises(DataError, match="column 'parent_id' names what each row answers"):
        read_table(write(tmp_path / "c.csv", "role,text,parent_id\nA,hi,1\nB,yes,2\n"), named, tmp_path / "store-c")
