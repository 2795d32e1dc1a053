"""The data doctor finds what was put in."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.helpers import read, write
from unroll.data import Finding, Split, Table, examine, split_rows
from unroll.data.doctor.text import folded
from unroll.errors import DataError


def tsv(tmp_path: Path, rows: list[tuple[str, ...]], header: str = "text\tlabel") -> Table:
    return read(write(tmp_path / "a.tsv", header + "\n" + "".join("\t".join(row) + "\n" for row in rows)), tmp_path)


def only(findings: list[Finding], words: str) -> Finding:
    found = [finding for finding in findings if words in finding.text]
    assert len(found) == 1, [finding.text for finding in findings]
    return found[0]


def plain(count: int, label: str = "x") -> list[tuple[str, str]]:
    return [(f"plain text number {label} {i}", label) for i in range(count)]


def test_a_clean_set_has_notes_only(tmp_path: Path) -> None:
    findings = examine(tsv(tmp_path, plain(20) + plain(20, "y")), target="label")
    assert {finding.level for finding in findings} == {"note"}
    assert only(findings, "2 classes: x 20 (50.0 %), y 20 (50.0 %)")
    assert only(findings, "40 rows; columns text (text), label (text)")


def test_classes(tmp_path: Path) -> None:
    one = examine(tsv(tmp_path, plain(20)), target="label")
    assert only(one, "one class only ('x')").level == "error"
    rare = only(examine(tsv(tmp_path, [*plain(40), ("odd", "y")]), target="label"), "fewer than 5 rows: y")
    assert (rare.level, rare.line) == ("warning", 42)
    empty = only(examine(tsv(tmp_path, [*plain(20), ("odd", ""), *plain(9, "y")]), target="label"), "is empty in 1 row")
    assert empty.line == 22
    uneven = examine(tsv(tmp_path, plain(500) + plain(6, "y")), target="label")
    assert "macro-F1" in only(uneven, "83 times the rows").advice


def test_repeats_contradictions_and_leakage(tmp_path: Path) -> None:
    rows = [
        *plain(50),
        *plain(50, "y"),
        ("같은 글", "x"),
        ("같은 글", "x"),
        ("both ways", "x"),
        ("both ways", "y"),
        ("Loose!  copy", "x"),
        ("loose copy", "x"),
    ]
    table = tsv(tmp_path, rows)
    split = Split(np.array([*range(101), 102, 104]), np.array([], np.int64), np.array([101, 103, 105]))
    findings = examine(table, target="label", split=split)
    repeat = only(findings, "2 rows repeat the input of an earlier one")
    assert repeat.line == 103
    assert only(findings, "1 row with the input of another row but a different target").line == 105
    assert only(findings, "2 rows of test (66.7 %) with the input of a row of train").line == 103
    assert only(findings, "1 row of test (33.3 %) that differ from a row of train in case").line == 107


def test_classes_missing_from_a_part(tmp_path: Path) -> None:
    table = tsv(tmp_path, plain(10) + plain(10, "y") + plain(6, "z"))
    findings = examine(table, target="label", split=Split(np.arange(20), np.arange(0), np.arange(20, 26)))
    unseen = only(findings, "6 rows of test have a class that train does not have, first 'z'")
    assert (unseen.level, unseen.line) == ("error", 22)
    assert only(findings, "test has no row of 2 classes: x, y").level == "warning"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("caf\u00c3\u00a9", "UTF-8 read as Latin-1"),
        ("안녕".encode().decode("cp1252", errors="replace").replace("\ufffd", "\u0090"), "UTF-8 read as Latin-1"),
        ("lost \ufffd", "U+FFFD"),
        ("bell \u0007", "control characters"),
        ("zero\u200bwidth", "zero-width"),
        ("\u1112\u1161\u11ab", "separate letters (NFD)"),
        ("a &amp; b<br />", "HTML"),
        ("  ", "column 'text' is empty in 1 row"),
    ],
)
def test_oddities_of_text(tmp_path: Path, text: str, words: str) -> None:
    table = tsv(tmp_path, [*plain(10), (text, "y"), *plain(10, "y")])
    found = only(examine(table, target="label"), words)
    assert (found.level, found.line, found.path) == ("warning", 12, table.paths[0])
    assert found.advice


def test_german_and_french_are_no_oddities(tmp_path: Path) -> None:
    table = tsv(tmp_path, [("Ã ist selten; größer, naïve, âge, señor, ça", "x"), ("plain", "y")] * 3)
    assert not [finding for finding in examine(table, target="label") if "Latin-1" in finding.text]


def test_outliers_in_length(tmp_path: Path) -> None:
    found = only(
        examine(tsv(tmp_path, [*plain(200), ("long " * 2000, "y"), *plain(50, "y")]), target="label"),
        "1 row longer than",
    )
    assert found.line == 202
    assert "10,000" in found.text


def test_columns(tmp_path: Path) -> None:
    rows = [
        (f"{i}", "same", "a" if i % 2 else "b", "left" if i % 2 else "right", "12" if i != 30 else "twelve")
        for i in range(60)
    ]
    table = tsv(tmp_path, rows, "id\tconstant\tlabel\tside\tcount")
    findings = examine(table, target="label")
    assert only(findings, "column 'constant' holds one value in every row ('same')").level == "warning"
    assert only(findings, "column 'side' gives the target 'label' away")
    numbers = only(findings, "column 'count' holds numbers but for 1 row, first 'twelve'")
    assert numbers.line == 32


def stamps(tmp_path: Path, lines: list[str], header: str = "when,x") -> Table:
    return read(write(tmp_path / "a.csv", "\n".join([header, *lines]) + "\n"), tmp_path)


def test_times(tmp_path: Path) -> None:
    hours = [f"2024-01-0{1 + h // 24} {h % 24:02d}:00,{h}" for h in range(48)]
    clean = examine(stamps(tmp_path, hours), target="x", time="when")
    assert only(clean, "times from 2024-01-01 to 2024-01-02 23:00: 1 series with 1 hour").level == "note"
    assert {finding.level for finding in clean} == {"note"}
    twice = only(
        examine(stamps(tmp_path, [*hours[:20], hours[19], *hours[20:]]), target="x", time="when"),
        "1 time stands a second time, first 2024-01-01 19:00",
    )
    assert (twice.level, twice.line) == ("error", 22)
    gap = only(
        examine(stamps(tmp_path, hours[:10] + hours[13:]), target="x", time="when"),
        "1 gap, 3 steps of 1 hour missing in all, first after 2024-01-01 09:00",
    )
    assert (gap.level, gap.line) == ("warning", 12)
    crooked = [*hours[:30], "2024-01-02 06:10,5", *hours[31:]]
    assert only(examine(stamps(tmp_path, crooked), target="x", time="when"), "between the steps of 1 hour").line == 32
    swapped = [hours[1], hours[0], *hours[2:]]
    assert only(examine(stamps(tmp_path, swapped), target="x", time="when"), "not in the order of time").line == 3
    hole = [*hours[:5], hours[5].split(",")[0] + ",", *hours[6:]]
    assert only(examine(stamps(tmp_path, hole), target="x", time="when"), "column 'x': 1 value missing of 48").line == 7
    wrong = examine(stamps(tmp_path, [*hours, "soon,3"]), target="x", time="when")
    assert only(wrong, "must hold dates or times").level == "error"


def test_times_of_many_series(tmp_path: Path) -> None:
    lines = [
        f"{name},2024-01-{day:02d},{day}" for name in "abcdef" for day in range(1, 20) if not (name != "a" and day == 7)
    ]
    findings = examine(stamps(tmp_path, lines, "id,when,x"), target="x", time="when", series="id")
    assert len([finding for finding in findings if "1 gap" in finding.text]) == 3
    assert only(findings, "5 series have gaps; the first 3 are listed")
    assert only(findings, "6 series with 1 day")


def test_series_column(tmp_path: Path) -> None:
    text = "@problemName T\n@classLabel true a b\n@data\n" + "1,2,3:a\n2,?,3:b\n5,5,5:a\n" + "1,2,4:b\n" * 6
    findings = examine(read(write(tmp_path / "a.ts", text), tmp_path), target="label")
    assert only(findings, "values are missing in 1 series").line == 5
    assert only(findings, "1 series with one value at all steps").line == 6
    assert only(findings, "rows repeat the input").line == 8


def test_series_in_rows(tmp_path: Path) -> None:
    header = ",".join(["id", *(f"V{i}" for i in range(70))])
    good = [f"s{n}," + ",".join(str(n * i) for i in range(1, 71)) for n in range(1, 6)]
    hole = "hole,1,,3," + ",".join(str(i) for i in range(67))
    flat = "flat" + ",5" * 30 + "," * 40
    table = read(write(tmp_path / "a.csv", "\n".join([header, *good, hole, flat]) + "\n"), tmp_path)
    findings = examine(table)
    assert only(findings, "one series per row: 7 series of 30 to 70 steps").level == "note"
    assert only(findings, "missing inside 1 series, first in 'hole'").line == 7
    assert only(findings, "1 series with one value at all steps, first 'flat'").line == 8


def test_labels(tmp_path: Path) -> None:
    table = tsv(tmp_path, [(f"t {i}", "joy,love" if i % 3 else "fear") for i in range(30)] + [("t", "anger")])
    findings = examine(table, target="label")
    assert only(findings, "4 labels, 20 rows with several: joy 20, love 20, fear 10, anger 1")
    assert only(findings, "1 label in fewer than 5 rows: anger")


def test_unknown_column_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'lable' \(did you mean 'label'\?\)"):
        examine(tsv(tmp_path, plain(3)), target="lable")


@pytest.mark.parametrize(
    ("left", "right"), [("Hello,  World!", "hello world"), ("ＡＢＣ", "abc"), ("한글!!", "한글"), ("Straße", "STRASSE")]
)
def test_folding(left: str, right: str) -> None:
    assert folded(left) == folded(right)


def test_it_is_quick_on_a_hundred_thousand_rows(tmp_path: Path) -> None:
    kinds = ("good", "bad")
    text = "text\tlabel\n" + "".join(
        f"영화 {i} was rather {kinds[i % 2]}, I think\t{kinds[i % 2]}\n" for i in range(100_000)
    )
    table = read(write(tmp_path / "a.tsv", text), tmp_path)
    split = split_rows(table, seed=0, validation_fraction=0.1, test_fraction=0.1)
    begin = time.process_time()
    options: dict[str, Any] = {"target": "label", "inputs": ["text"], "split": split}
    examine(table, **options)
    assert time.process_time() - begin < 10


def test_classes_that_differ_only_in_case_blanks_or_composition(tmp_path: Path) -> None:
    rows = [
        (f"text number {n}", ("Spam", "spam", " ham", "HAM  ", "caf\u00e9", "cafe\u0301")[n % 6]) for n in range(60)
    ]
    found = only(examine(tsv(tmp_path, rows), target="label"), "learnt apart")
    assert found.level == "warning"
    assert "'Spam' and 'spam', 'ham' and 'HAM', 'caf\u00e9' and 'cafe\u0301'" in found.text
    assert found.advice == "write each of them in one way"
    labels = [(f"text number {n}", ("a,B", "b,a", "b")[n % 3]) for n in range(60)]
    assert only(examine(tsv(tmp_path, labels), target="label"), "'B' and 'b'").level == "warning"


def test_blanks_around_a_class_make_no_other_class(tmp_path: Path) -> None:
    rows = [(f"text number {n}", ("spam", "spam ", "ham")[n % 3]) for n in range(60)]
    findings = examine(tsv(tmp_path, rows), target="label")
    assert only(findings, "2 classes: spam 40 (66.7 %), ham 20 (33.3 %)")
    assert not [finding for finding in findings if "learnt apart" in finding.text]


@pytest.mark.parametrize(
    ("between", "advice"),
    [
        ("/", "--set 'data.columns.label=labels /' reads it so"),
        (" + ", "--set 'data.columns.label=labels +' reads it so"),
        (" and ", "if so, write commas between labels (joy,love)"),
    ],
)
def test_a_class_that_others_make_up_may_be_several_labels(tmp_path: Path, between: str, advice: str) -> None:
    rows = [(f"text number {n}", (f"joy{between}love", "love", "joy")[n % 3]) for n in range(60)]
    found = only(examine(tsv(tmp_path, rows), target="label"), "may be several labels")
    assert (found.level, found.advice) == ("warning", advice)
    assert "'joy' and 'love' are classes" in found.text


def test_whole_numbers_with_a_point_are_classes(tmp_path: Path) -> None:
    rows = [(f"text number {n}", f"{n % 5}.0") for n in range(60)]
    assert only(examine(tsv(tmp_path, rows), target="label"), "5 classes: ")


@pytest.mark.parametrize("name", ["NULL", "\\N", "-", "N/A", "nan"])
def test_a_class_that_stands_for_no_value(tmp_path: Path, name: str) -> None:
    rows = [(f"so good number {n}", ("pos", "neg", name)[n % 3]) for n in range(30)]
    found = only(examine(tsv(tmp_path, rows), target="label"), "no value")
    assert found.text == f"the class {name!r} in 10 rows is what people write for no value"
    assert (found.level, found.line) == ("warning", 4)


def test_none_may_be_a_class(tmp_path: Path) -> None:
    rows = [(f"so good number {n}", ("gender", "none")[n % 2]) for n in range(30)]
    assert not [own for own in examine(tsv(tmp_path, rows), target="label") if "no value" in own.text]
