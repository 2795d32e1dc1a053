"""Kinds of files: one more is one class and one line; the docs list what is there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from data.helpers import read, rows, write
from unroll.data import Kind
from unroll.data.readers import registry
from unroll.data.readers.reader import Reader
from unroll.errors import ConfigError, DataError

ROOT = Path(__file__).parents[3]
QUESTIONS = "DESC:manner How did serfdom develop ?\n\nENTY:cremat What films featured Popeye ?\n"


def documented_reader() -> Reader:
    """The reader that CONTRIBUTING shows under "Add an input kind"."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.partition("## Add an input kind")[2].partition("\n## ")[0]
    code = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)[0]
    assert "+    TrecReader()," in section
    names: dict[str, type[Reader]] = {}
    exec(compile(code, "CONTRIBUTING.md", "exec"), names)
    return names["TrecReader"]()


def test_one_more_kind_is_one_class_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.label", QUESTIONS)
    with pytest.raises(ConfigError, match="unknown data format 'trec'"):
        read(path, tmp_path, format="trec")
    monkeypatch.setattr(registry, "READERS", (documented_reader(), *registry.READERS))
    by_name = read(path, tmp_path)
    assert rows(by_name) == [
        ("DESC:manner", "How did serfdom develop ?"),
        ("ENTY:cremat", "What films featured Popeye ?"),
    ]
    assert by_name.place(1) == (path, 3)
    assert by_name.notes == ("a.label: question classes, UTF-8", "1 blank line left out")
    # By its content under another name, and by the option.
    assert rows(read(write(tmp_path / "b.txt", QUESTIONS), tmp_path)) == rows(by_name)
    assert rows(read(write(tmp_path / "c.txt", QUESTIONS[:38]), tmp_path, format="trec"))[0][0] == "DESC:manner"
    with pytest.raises(DataError, match=r"d\.label:2: expected CLASS:KIND before the question, got 'What'"):
        read(write(tmp_path / "d.label", "DESC:manner How ?\nWhat is it ?\n"), tmp_path)
    with pytest.raises(ConfigError, match=r"did you mean 'trec'.*one of trec, span-columns, parquet"):
        read(path, tmp_path, format="trek")


def test_the_docs_list_every_kind() -> None:
    page = (ROOT / "docs" / "usage" / "data.md").read_text(encoding="utf-8")
    for reader in registry.READERS:
        endings = f" ({', '.join(f'`{suffix}`' for suffix in reader.suffixes)})" if reader.suffixes else ""
        assert f"| {reader.name}{endings} | {reader.summary} |" in page


def test_kinds_have_names_and_endings_of_their_own() -> None:
    names = [reader.name for reader in registry.READERS]
    endings = [suffix for reader in registry.READERS for suffix in reader.suffixes]
    assert len(set(names)) == len(names)
    assert len(set(endings)) == len(endings)
    assert all(registry.form_of(Path("a" + suffix)) is not None for suffix in endings)


@pytest.mark.parametrize("name", ["a.ft", "a.txt", "a.csv", "a"])
def test_fasttext(tmp_path: Path, name: str) -> None:
    text = "__label__joy __label__love what a  day\n\n__label__fear 무서운 밤 __label__joy\n"
    table = read(write(tmp_path / name, text), tmp_path)
    assert table.format == "fasttext"
    assert table.labels("labels") == [("joy", "love"), ("fear", "joy")]
    assert list(table.texts("text")) == ["what a day", "무서운 밤"]
    assert table.place(1)[1] == 3


def test_fasttext_faults(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.ft:2: expected a word such as __label__NAME, got 'no label'"):
        read(write(tmp_path / "a.ft", "__label__a b\nno label\n"), tmp_path)
    with pytest.raises(DataError, match=r"b\.ft:1: expected a word such as __label__NAME"):
        read(write(tmp_path / "b.ft", "__label__ b\n"), tmp_path)


@pytest.mark.parametrize("name", ["a.libsvm", "a.txt", "a.data"])
def test_libsvm(tmp_path: Path, name: str) -> None:
    table = read(write(tmp_path / name, "+1 1:0.5 3:-2e1\n-1 2:1 # note\n+1\n"), tmp_path)
    assert table.format == "libsvm"
    assert list(table.texts("label")) == ["+1", "-1", "+1"]
    assert table.kinds == {"label": Kind.NUMBER, "series": Kind.SERIES}
    np.testing.assert_array_equal(table.series("series", 0)[:, 0], [0.5, 0, -20])
    np.testing.assert_array_equal(table.series("series", 2)[:, 0], [0, 0, 0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2:1 2:1\n", "a.svm:1: indices must rise"),
        ("1 1:1\n1 1:x\n", "a.svm:2: expected LABEL INDEX:VALUE"),
        ("1\n", "a.svm: the largest index is 0"),
        ("1 999999999999:1\n", "a.svm: the largest index is 999999999"),
        ("1 1:1e99\n", "a.svm:1: a value is too large for float32"),
    ],
)
def test_libsvm_faults(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(write(tmp_path / "a.svm", text), tmp_path)
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(message)


def test_a_further_libsvm_file_has_the_size_of_the_first(tmp_path: Path) -> None:
    first = write(tmp_path / "a.svm", "1 4:1\n")
    table = read(first, tmp_path, test=write(tmp_path / "b.svm", "0 1:3\n"))
    assert len(table.series("series", 1)) == 4
    with pytest.raises(DataError, match=r"c\.svm:1: indices must rise from 1 to 4"):
        read(first, tmp_path, test=write(tmp_path / "c.svm", "0 5:3\n"))


@pytest.mark.parametrize("ending", [".txt", ".csv", ""])
def test_json_lines_under_any_name(tmp_path: Path, ending: str) -> None:
    table = read(write(tmp_path / f"a{ending}", '{"text": "a, b", "label": 1}\n{"text": "c"}\n'), tmp_path)
    assert table.format == "jsonl"
    assert rows(table) == [("a, b", "1"), ("c", "")]
