"""CoNLL-U and CoNLL columns: what is read, what is left out, and what is found wrong, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.helpers import read, write
from unroll.data import Kind, Table
from unroll.errors import DataError

UNIVERSAL = """# sent_id = 1
# text = Don't go
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVB\t_\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\t_
3.1\tgone\tgo\tVERB\tVBN\t_\t_\t_\t_\t_

# sent_id = 2
1\t가자\t가+자\tVERB\tpvg\t_\t0\troot\t_\t_

"""


def problems(table: Table) -> list[tuple[str, int]]:
    return [(problem.kind, problem.line) for row in range(len(table)) for problem in table.problems(row)]


@pytest.mark.parametrize("name", ["a.conllu", "a.conllu.gz"])
def test_universal_words_tags_and_lines(tmp_path: Path, name: str) -> None:
    table = read(write(tmp_path / name, UNIVERSAL), tmp_path)
    assert table.labels("tokens") == [("Do", "n't", "go"), ("가자",)]
    assert table.labels("upos") == [("AUX", "PART", "VERB"), ("VERB",)]
    assert table.labels("xpos")[0] == ("VB", "RB", "VB")
    assert table.kinds["tokens"] is Kind.LABELS
    assert table.item_lines(0) == [4, 5, 6]
    assert table.place(1)[1] == 10
    assert problems(table) == []
    assert any("1 multi-word tokens are read as their words" in note for note in table.notes)
    assert any("1 empty nodes are left out" in note for note in table.notes)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("3\tgo\tgo", "4\tgo\tgo", [("ids", 6)]),
        ("2\tn't", "x\tn't", [("ids", 5)]),
        ("1-2\tDon't", "1-4\tDon't", [("ids", 7)]),
        ("1-2\tDon't", "2-3\tDon't", [("ids", 3)]),
        ("3.1\tgone", "8.1\tgone", [("ids", 7)]),
        ("\t3\taux\t_\t_", "\t3\taux\t_", [("columns", 4)]),
        ("1\t가자\t", "1\t\t", [("empty", 10)]),
        ("1\t가자\t가+자\tVERB\tpvg\t_\t0\troot\t_\t_\n", "", [("empty", 9)]),
    ],
)
def test_universal_faults_are_found_with_their_line(
    tmp_path: Path, old: str, new: str, found: list[tuple[str, int]]
) -> None:
    text = UNIVERSAL.replace(old, new)
    assert text != UNIVERSAL
    table = read(write(tmp_path / "a.conllu", text), tmp_path)
    assert problems(table)[: len(found)] == found


@pytest.mark.parametrize("separator", ["\t", " "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_are_read_with_tabs_or_spaces(tmp_path: Path, separator: str, end: str) -> None:
    lines = ["-DOCSTART- -X- O", "", "EU NNP B-ORG", "rejects VBZ O", "", " ", "Peter NNP B-PER", ""]
    text = end.join(line.replace(" ", separator) if line.strip() else line for line in lines)
    table = read(write(tmp_path / "a.conll", text), tmp_path)
    assert table.columns == ("tokens", "column2", "tags")
    assert table.labels("tokens") == [("EU", "rejects"), ("Peter",)]
    assert table.labels("tags") == [("B-ORG", "O"), ("B-PER",)]
    assert table.item_lines(1) == [7]
    assert problems(table) == []
    assert any("1 document marks are left out" in note for note in table.notes)


def test_a_space_and_a_hash_can_be_tokens_and_comments_open_sentences(tmp_path: Path) -> None:
    text = "## 주석\t<유시진:PS> 대위\n유\tB-PS\n \tO\n#\tO\n# \tO\n\n## 끝\n\n#해시\tO\n"
    table = read(write(tmp_path / "a.tsv", text), tmp_path, format="conll")
    assert table.labels("tokens") == [("유", " ", "#", "# "), ("#해시",)]
    assert problems(table) == []


def test_missing_tags_are_found(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.conll", "EU B-ORG\nrejects\nGerman B-MISC O\n"), tmp_path)
    assert problems(table) == [("columns", 2), ("columns", 3)]
    assert len(table.labels("tokens")[0]) == 3


def test_endless_tokens_are_found_and_nul_is_refused(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.conll", "x" * 2_000_000 + " O\n"), tmp_path)
    assert problems(table) == [("long", 1)]
    with pytest.raises(DataError, match=r"b\.conll:2: NUL byte"):
        read(write(tmp_path / "b.conll", "EU B-ORG\nx\0y O\n"), tmp_path)
    with pytest.raises(DataError, match="no sentences"):
        read(write(tmp_path / "c.conll", "\n# nothing\n\n"), tmp_path)


def test_further_files_must_have_the_columns_of_the_first(tmp_path: Path) -> None:
    first = write(tmp_path / "a.conll", "EU B-ORG\n")
    second = write(tmp_path / "b.conll", "EU NNP B-ORG\n")
    table = read(first, tmp_path, test=second)
    assert table.parts is not None
    assert table.parts.tolist() == [0, 2]
    assert problems(table) == [("columns", 1)]


SENTENCES = [("Ana", "B-PER"), ("left", "O"), (",", "O"), ("Oslo", "B-LOC")]


def tagged(line: str, head: str = "", before: str = "") -> str:
    body = "\n".join(
        before + "".join(line.format(n=n, word=word, tag=tag) + "\n" for n, (word, tag) in enumerate(SENTENCES, 1))
        for _ in range(15)
    )
    return head + body


@pytest.mark.parametrize("name", ["a.txt", "a.tsv", "a.csv", "a.conll", "a.dat"])
@pytest.mark.parametrize(
    ("line", "head", "before"),
    [
        ("{word}\t{tag}", "Token\tTag\n", ""),
        ("{word}\t{tag}", "단어\t개체명\n", ""),
        ("{word} NN {tag}", "word pos ner\n\n", ""),
        ("{n}\t{word}\t{tag}", "id\tword\tlabel\n", ""),
        ("{tag}\t{word}", "", ""),
        ("{tag} {word}", "", ""),
        ('"{word}",{tag}', "", ""),
        ('"{word}",{tag}', "token,label\n", ""),
        ("{n}\t{word}\t{tag}", "", "#\thttp://somewhere [2009-10-17]\n"),
        ("{n}\t{word}\tX\t{tag}", "# global.columns = ID FORM UPOS NE\n", "# text = Ana left , Oslo\n"),
    ],
)
def test_tokens_and_tags_however_they_are_written(tmp_path: Path, name: str, line: str, head: str, before: str) -> None:
    table = read(write(tmp_path / name, tagged(line, head, before)), tmp_path)
    assert set(table.labels("tokens")) == {("Ana", "left", ",", "Oslo")}
    assert set(table.labels("tags")) == {("B-PER", "O", "O", "B-LOC")}
    assert len(table) == 15
    assert problems(table) == []
    assert ("the first line names the columns" in table.notes) == (head != "" and not head.startswith("#"))


def test_a_token_that_is_a_hash_sign_opens_a_sentence(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.conll", "#\tO\nAna\tB-PER\n\nAna\tB-PER\nleft\tO\n"), tmp_path)
    assert table.labels("tokens")[0] == ("#", "Ana")
