"""CSV, TSV and text: cells, headers, quotes and what is wrong with them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.helpers import read, rows, write
from unroll.data.readers.dialect import guess_dialect, guess_header
from unroll.data.readers.records import QuoteError, records
from unroll.errors import DataError

CELLS = st.text(alphabet=st.sampled_from(list("ab,;\t\"\n 가힣é😀'")), max_size=8)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6)
)


def split(text: str, delimiter: str | None = ",", quoted: bool = True) -> list[list[str]]:
    return [record.cells for record in records(enumerate(text.removesuffix("\n").split("\n"), 1), delimiter, quoted)]


@settings(max_examples=300, deadline=None)
@given(TABLES, st.sampled_from(",\t;"), st.sampled_from(["\n", "\r\n"]))
def test_records_are_those_of_the_csv_module(table: list[list[str]], delimiter: str, ending: str) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator=ending).writerows(table)
    text = buffer.getvalue()
    got = split(text, delimiter)
    assert got == list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)) == table


@settings(max_examples=100, deadline=None)
@given(TABLES)
def test_records_are_those_of_pyarrow(table: list[list[str]]) -> None:
    width = len(table[0])
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(table)
    text = buffer.getvalue()
    names = [f"c{index}" for index in range(width)]
    convert = pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    parsed = pa_csv.read_csv(
        io.BytesIO(text.encode()),
        read_options=pa_csv.ReadOptions(column_names=names),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=convert,
    )
    assert split(text) == [list(row.values()) for row in parsed.to_pylist()]


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from(list('ab,"\n')), max_size=20))
def test_quotes_are_refused_where_the_csv_module_refuses_them(text: str) -> None:
    try:
        expected = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        with pytest.raises(QuoteError):
            split(text)
    else:
        assert split(text) == (expected or [[]])


def test_records_know_the_line_they_start_at() -> None:
    text = 'a,"x\ny\n\nz"\nb,c\n\n"d\n",e\n'
    found = list(records(enumerate(text.removesuffix("\n").split("\n"), 1), ",", True))
    assert [(record.cells, record.line) for record in found] == [
        (["a", "x\ny\n\nz"], 1),
        (["b", "c"], 5),
        ([], 6),
        (["d\n", "e"], 7),
    ]


def test_sms_spam_style_file(tmp_path: Path) -> None:
    """No header, no suffix, quotes that quote nothing."""
    text = (
        'ham\tGo until jurong point, crazy..\nspam\t"Free entry" in 2 a wkly comp\nham\tI say "ok\nham\t"quoted '
        'whole"\n'
    )
    table = read(write(tmp_path / "SMSSpamCollection", text), tmp_path)
    assert table.columns == ("column1", "column2")
    assert table.texts("column2")[1:] is not None
    assert list(table.texts("column2")) == [
        "Go until jurong point, crazy..",
        '"Free entry" in 2 a wkly comp',
        'I say "ok',
        '"quoted whole"',
    ]
    assert table.notes == ("SMSSpamCollection: tab-separated, no header, UTF-8",)
    assert [table.place(row)[1] for row in range(4)] == [1, 2, 3, 4]


def test_tsv_with_stray_quotes_keeps_them(tmp_path: Path) -> None:
    text = 'id\tdocument\tlabel\n1\t"진짜" 재밌다\t1\n2\t"\t0\n3\t"별로"\t0\n'
    table = read(write(tmp_path / "a.tsv", text), tmp_path)
    assert list(table.texts("document")) == ['"진짜" 재밌다', '"', '"별로"']


def test_tsv_with_real_quotes_is_unquoted(tmp_path: Path) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="\t", lineterminator="\n")
    written = [["text", "label"], ['he said "no"', "a"], ["tab\there", "b"], ["line\nbreak", "c"], ["plain", "d"]]
    writer.writerows(written)
    table = read(write(tmp_path / "a.tsv", buffer.getvalue()), tmp_path)
    assert rows(table) == [tuple(row) for row in written[1:]]
    assert "with quotes" in table.notes[0]
    assert [table.place(row)[1] for row in range(4)] == [2, 3, 4, 6]


@pytest.mark.parametrize(
    ("first", "below", "expected"),
    [
        (["text", "label"], [["good film", "pos"], ["bad film", "neg"]], True),
        (["문장", "레이블"], [["좋아요", "긍정"], ["싫어요", "부정"]], True),
        (["label", "text"], [["label", "text"]], False),
        (["ham", "Go until jurong point, crazy.."], [["ham", "Ok lar..."]], False),
        (["date", "OT"], [["2016-07-01 00:00:00", "30.5"]], True),
        (["V1", "V2"], [["H1", "605"], ["H2", "3124"]], True),
        (["1", "2"], [["3", "4"]], False),
        (["id", "label"], [["id7", "x"]], True),
        (["Go.", "가."], [["Hi.", "안녕."]], False),
        (["3", "Halifax first lender", "Halifax yesterday became"], [["4", "Pantano", "Jordan have"]], False),
        (["", "value"], [["0", "1.5"], ["1", "2.5"]], True),
        (["alice", "happy"], [["bob", "sad"]], False),
        (["prompt", "response"], [["how are you?", "fine, thanks"]], True),
        (["Questions", "Answers"], [["how are you?", "fine, thanks"]], True),
        (["en", "de"], [["the house", "das Haus"]], True),
        (["English words/sentences", "French words/sentences"], [["the house", "la maison"]], True),
        (["한국어", "영어"], [["집이 크다", "the house is big"]], True),
        (["Sentence #", "Word", "POS", "Tag"], [["Sentence: 1", "Ana", "NNP", "B-PER"], ["", "ran", "VB", "O"]], True),
        (["en passant", "nebenbei"], [["the house", "das Haus"]], False),
        (["How are you", "Wie geht es"], [["the house", "das Haus"]], False),
    ],
)
def test_header_guess(first: list[str], below: list[list[str]], expected: bool) -> None:
    assert guess_header([first, *below]) is expected


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [("a;b\n1,5;2\n2,5;3\n", ";"), ("a|b\n1|2\n", "|"), ("a,b\n1,2\n", ","), ("a\tb\n1\t2\n", "\t")],
)
def test_delimiter_guess(text: str, delimiter: str) -> None:
    assert guess_dialect(text.splitlines(), "csv", None, None).delimiter == delimiter


def test_options_override_the_guess(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "a,b\n1,2\n")
    assert rows(read(path, tmp_path, header=False)) == [("a", "b"), ("1", "2")]
    assert rows(read(path, tmp_path, delimiter=";", header=False)) == [("a,b",), ("1,2",)]
    assert read(path, tmp_path, header=True).columns == ("a", "b")


def test_blank_lines_are_left_out_and_said(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.csv", "x,y\n\n1,2\n\n\n3,4\n"), tmp_path)
    assert rows(table) == [("1", "2"), ("3", "4")]
    assert "3 blank lines left out" in table.notes
    assert table.place(1)[1] == 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.csv: the file is empty; expected at least one row"),
        ("\n\n", "a.csv: the file is empty; expected at least one row"),
        ("\ufeff", "a.csv: the file is empty; expected at least one row"),
        ("text,label\n", "a.csv: only a header and no rows of data"),
        (
            "text,label\na,b\nc\n",
            "a.csv:3: expected 2 cells as in the header, got 1 (comma-separated, first line is the header); "
            "fill the missing cells, or name the delimiter",
        ),
        ("text,label\na,b\nc,d,e\n", "a.csv:3: expected 2 cells as in the header, got 3"),
        ('text,label\n"a,b\nc,d\n', "a.csv:2: a quoted cell that does not end before the file does"),
        ('text,label\na,b\n"a"b,c\n', "a.csv:3: text after the closing quote of a cell ('b,c')"),
        ("text,text\na,b\n", "a.csv:1: two columns are called 'text'"),
    ],
)  # fmt: skip
def test_bad_file_is_an_error_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "a.csv", text)
    with pytest.raises(DataError) as caught:
        read(path, tmp_path)
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(message)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "store").glob("*"))


def test_a_failed_read_keeps_the_table_that_was_there(tmp_path: Path) -> None:
    read(write(tmp_path / "a.csv", "x,y\n1,2\n"), tmp_path)
    with pytest.raises(DataError):
        read(write(tmp_path / "b.csv", "x,y\n1,2\n3\n"), tmp_path)
    from unroll.data import Table

    assert rows(Table.open(tmp_path / "store")) == [("1", "2")]
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == ["table.arrow", "table.json"]


def test_an_unclosed_quote_does_not_swallow_a_large_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unroll.data.readers.records.MAX_RECORD_CHARACTERS", 1000)
    text = "text,label\n" + '"a",b\n' * 50 + '"open,b\n' + "c,d\n" * 5000
    with pytest.raises(DataError, match=r"a\.csv:52: a quoted cell of more than 1000 characters"):
        read(write(tmp_path / "a.csv", text), tmp_path)


def test_further_files_must_have_the_same_columns(tmp_path: Path) -> None:
    main = write(tmp_path / "train.csv", "text,label\na,x\n")
    good = write(tmp_path / "test.csv", "text,label\nb,y\nc,x\n")
    table = read(main, tmp_path, test=good)
    assert table.parts is not None
    assert table.parts.tolist() == [0, 2, 2]
    assert table.place(2) == (good, 3)
    with pytest.raises(DataError, match=r"bad\.csv:1: expected column 'label' as in train\.csv, got 'class'"):
        read(main, tmp_path, validation=write(tmp_path / "bad.csv", "text,class\nb,y\n"))
    with pytest.raises(DataError, match=r"bad\.csv:1: expected 2 columns as in train\.csv, got 3"):
        read(main, tmp_path, validation=write(tmp_path / "bad.csv", "text,class,z\nb,y,z\n"))


def test_plain_text_is_one_column(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.txt", "하나, 둘\n셋\ttab\n\n넷\n"), tmp_path)
    assert rows(table) == [("하나, 둘",), ("셋\ttab",), ("넷",)]


BODY = [f"{'so good' if n % 2 else 'so bad'} number {n},{'pos' if n % 2 else 'neg'}\n" for n in range(30)]


@pytest.mark.parametrize(
    ("titles", "names"),
    [
        ("Reviews of May,\nmade on 2024-05-01,\n,\n", "text,label"),
        ("고객 리뷰 결과,\n", "리뷰,감성"),
        ('"Reviews,\nof May",\n', "text,label"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_titles_above_the_names_are_left_out(tmp_path: Path, titles: str, names: str, delimiter: str) -> None:
    text = titles.replace(",\n", f"{delimiter}\n").replace("s\t\n", "s,\n")
    text += "".join([names, "\n", *BODY]).replace(",", delimiter)
    table = read(write(tmp_path / ("a.txt" if delimiter == "\t" and '"' not in titles else "a.csv"), text), tmp_path)
    assert table.columns == tuple(names.split(","))
    assert len(table) == len(BODY)
    assert any("above the table left out" in note for note in table.notes)


def test_a_first_row_with_an_empty_cell_is_no_title(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.csv", "so so number 0,\n" + "".join(BODY)), tmp_path)
    assert table.columns == ("column1", "column2")
    assert len(table) == len(BODY) + 1


@pytest.mark.parametrize(
    ("head", "columns"),
    [
        ("Review,,Label\ntitle,body,stars\n", ("Review title", "body", "Label stars")),
        ("text,label,\n,main,stars\n", ("text", "label main", "stars")),
        ("리뷰,,평가\n제목,본문,별점\n", ("리뷰 제목", "본문", "평가 별점")),
    ],
)
def test_merged_cells_of_a_head_of_texts(tmp_path: Path, head: str, columns: tuple[str, ...]) -> None:
    rows = "".join(f"so {n},so good {n} it was,{1 + n % 5}\n" for n in range(30))
    table = read(write(tmp_path / "a.csv", head + rows), tmp_path)
    assert table.columns == columns
    assert len(table) == 30


def test_an_unnamed_column_has_no_second_line_of_names(tmp_path: Path) -> None:
    rows = "".join(f"{n},so good {n} it was,{'pos' if n % 2 else 'neg'}\n" for n in range(30))
    table = read(write(tmp_path / "a.csv", ",text,label\n" + rows), tmp_path)
    assert table.columns == ("column1", "text", "label")
    assert len(table) == 30


@pytest.mark.parametrize(
    "head", ["Quality\t#1 ID\t#1 String", "No.\t내용\t분류(1:긍정, 0:부정)", "1st label\tid no\twhat people say"]
)
def test_what_stands_above_numbers_is_a_name_however_it_is_written(tmp_path: Path, head: str) -> None:
    rows = "".join(
        "\t".join(cells) + "\n"
        for n in range(30)
        for cells in [(str(n % 2), f"{n}", f"{n} so good") if "내용" not in head else (f"{n}", "so good", str(n % 2))]
    )
    table = read(write(tmp_path / "a.tsv", head + "\n" + rows), tmp_path)
    assert table.columns == tuple(head.split("\t"))
    assert len(table) == 30


def test_a_blank_line_in_a_table_of_texts_makes_no_sentences(tmp_path: Path) -> None:
    rows = [line.replace(",", "\t") for line in BODY]
    table = read(write(tmp_path / "a.txt", "".join([*rows[:15], "\n", *rows[15:]])), tmp_path)
    assert table.format == "text"
    assert len(table) == 30
