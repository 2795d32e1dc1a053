"""JSON, Parquet, .ts, folders, built-in sets and the hub."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.helpers import read, rows, write
from unroll.data import Kind, Table, builtin_names
from unroll.data.readers.sound import sound_path
from unroll.errors import ConfigError, DataError, MissingExtraError


def test_jsonl_of_objects(tmp_path: Path) -> None:
    lines = [
        {"text": "좋아요", "label": 1, "score": 0.5},
        {"label": 0, "text": "line\nbreak", "ok": True},
        {"text": None, "label": None},
    ]
    path = write(tmp_path / "a.jsonl.gz", "\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n\n")
    table = read(path, tmp_path)
    assert rows(table) == [("좋아요", "1", "0.5", ""), ("line\nbreak", "0", "", "true"), ("", "", "", "")]
    assert table.columns == ("text", "label", "score", "ok")
    assert table.kinds["label"] is Kind.NUMBER
    assert np.isnan(table.numbers("label")[2])
    assert table.place(2) == (path, 3)


def test_jsonl_with_a_key_that_comes_late(tmp_path: Path) -> None:
    text = '{"a": "x"}\n' * 3000 + '{"a": "y", "b": "late"}\n'
    table = read(write(tmp_path / "a.jsonl", text), tmp_path)
    assert table.columns == ("a", "b")
    assert table.texts("b")[3000] == "late"
    assert table.texts("b")[0] == ""


def test_jsonl_series_labels_and_nested(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [
        {"x": [[1, 2], [3, 4.5]], "y": [1, 2, 3], "tags": ["a", "b c"], "more": [{"k": [1]}]},
        {"x": [], "y": [None, 7], "tags": [], "more": []},
    ]
    table = read(write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines))), tmp_path)
    assert [table.kinds[name] for name in table.columns] == [Kind.SERIES, Kind.SERIES, Kind.LABELS, Kind.TEXT]
    np.testing.assert_array_equal(table.series("x", 0), np.array([[1, 2], [3, 4.5]], np.float32))
    assert table.series("x", 1).shape == (0, 2)
    np.testing.assert_array_equal(table.series("y", 1), np.array([[np.nan], [7]], np.float32))
    assert table.labels("tags") == [("a", "b c"), ()]
    assert json.loads(table.texts("more")[0]) == [{"k": [1]}]
    assert table.lengths("x").tolist() == [2, 0]
    assert "nested values are kept as JSON text in more" in table.notes


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{bad}", "a.jsonl:2: not JSON: Expecting property name enclosed in double quotes at character 2"),
        ('{"text": "x", "text": "y"}', "a.jsonl:2: not JSON: a key stands twice in one object"),
        (r'{"te\ud800xt": "x"}', r"a.jsonl:2: not JSON: the key 'te\ud800xt' holds half of a character"),
        ("[" * 100_000, "a.jsonl:2: not JSON: nested too deeply"),
        ('{"text": "\\ud83d"}', "a.jsonl:2: column 'text' holds a lone surrogate"),
        ('{"text": "a\\u0000b"}', "a.jsonl:2: column 'text' holds a NUL character"),
        ('{"text": "x", "n": ' + "9" * 5000 + "}", "a.jsonl:2: not JSON: Exceeds the limit"),
        ('{"s": [1, "x"]}', "a.jsonl:2: column 's'"),
        ('{"s": [[1, 2]]}', "a.jsonl:2: column 's' must hold series with 1 values per step"),
    ],
)
def test_bad_jsonl_is_an_error_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    good = '{"text": "ok", "s": [1, 2]}'
    # What a column holds goes by the first thousand rows, so a row that differs must come later.
    before = 1200 if '"s"' in line else 1
    message = message.replace(":2:", f":{before + 1}:")
    path = write(tmp_path / "a.jsonl", "\n".join([*[good] * before, line, good]))
    with pytest.raises(DataError) as caught:
        read(path, tmp_path)
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(message)


def test_clinc_style_json(tmp_path: Path) -> None:
    text = (
        '{\n"train": [\n["hi", "greet"],\n["bye", "part"]\n],\n"val": [["hey", "greet"]],\n'
        '"oos_val": [["?", "oos"]], "test": []}'
    )
    path = write(tmp_path / "a.json", text)
    table = read(path, tmp_path)
    assert table.parts is not None
    assert table.parts.tolist() == [0, 0, 1, 1]
    assert rows(table) == [
        ("hi", "greet", "train"),
        ("bye", "part", "train"),
        ("hey", "greet", "val"),
        ("?", "oos", "oos_val"),
    ]
    assert [table.place(row)[1] for row in range(4)] == [3, 4, 6, 7]


def test_json_of_splits_of_lists_and_of_objects(tmp_path: Path) -> None:
    splits = read(write(tmp_path / "a.json", json.dumps({"train": [{"t": "x"}], "test": [{"t": "y"}]})), tmp_path)
    assert splits.columns == ("t",)
    assert splits.parts is not None
    assert splits.parts.tolist() == [0, 2]
    items = read(write(tmp_path / "b.json", '[\n{"t": "x"},\n{"t": "y", "u": 1}\n]'), tmp_path)
    assert rows(items) == [("x", ""), ("y", "1")]
    assert items.parts is None
    classes = read(write(tmp_path / "c.json", json.dumps({"work": ["a", "b"], "home": ["c"]})), tmp_path)
    assert rows(classes) == [("a", "work"), ("b", "work"), ("c", "home")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.json: the file is empty"),
        ("[]", "a.json: the file is empty"),
        ('{"version": "1.1", "data": []}', "a.json:1: key 'version' holds no list"),
        ('[\n{"a": 1},\n{"a": 2},]', "a.json:3: not JSON: a comma before the closing bracket"),
        ('[{"a": 1}\n{"a": 2}]', "a.json:2: not JSON: expected ',', got '{'"),
        ("[1] x", "a.json:1: not JSON: text after the end"),
        ('"x"', "a.json:1: expected a list of rows"),
    ],
)
def test_bad_json_is_an_error_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(write(tmp_path / "a.json", text), tmp_path)
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(message)


def test_parquet_of_every_type(tmp_path: Path) -> None:
    columns = {
        "text": pa.array(["가", None, "c"]),
        "cat": pa.array(["x", "y", "x"]).dictionary_encode(),
        "n": pa.array([1, 2, None], pa.int32()),
        "f": pa.array([1.5, float("nan"), 3.0]),
        "b": pa.array([True, False, None]),
        "when": pa.array(np.array(["2024-01-01T10:00", "2024-01-01T11:00", "2024-01-01T12:00"], "datetime64[ns]")),
        "tags": pa.array([["a"], [], ["b", "c"]]),
        "one": pa.array([[1.0, 2.0], [3.0], []]),
        "two": pa.array([[[1, 2], [3, 4]], [[5, 6]], None]),
        "nested": pa.array([{"a": 1}, {"a": 2}, None]),
    }
    plain = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), plain, row_group_size=2)
    packed = tmp_path / "b.parquet.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for path in (plain, packed):
        table = read(path, tmp_path)
        assert list(table.texts("text")) == ["가", "", "c"]
        assert list(table.texts("cat")) == ["x", "y", "x"]
        assert list(table.texts("n")) == ["1", "2", ""]
        np.testing.assert_array_equal(table.numbers("f"), [1.5, np.nan, 3.0])
        assert list(table.texts("b")) == ["true", "false", ""]
        assert table.kinds["when"] is Kind.TIME
        assert table.times("when")[1] == np.datetime64("2024-01-01T11:00")
        assert table.labels("tags") == [("a",), (), ("b", "c")]
        np.testing.assert_array_equal(table.series("one", 0), [[1], [2]])
        np.testing.assert_array_equal(table.series("two", 0), [[1, 2], [3, 4]])
        assert table.series("two", 2).shape == (0, 2)
        assert list(table.texts("nested.a")) == ["1", "2", ""]
        assert table.place(2) == (path, 3)
        assert [path.name for path in (tmp_path / "store").iterdir() if path.suffix == ".parquet"] == []


def test_bad_parquet_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 no parquet at all PAR1")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read(path, tmp_path)
    pq.write_table(pa.table({"x": pa.array([b"ab"])}), path)
    with pytest.raises(DataError, match="column 'x' holds bytes"):
        read(path, tmp_path)


TS = "#comment\n@problemName Toy\n@missing true\n@dimensions 2\n@classLabel true a b\n@data\n1,2,?:4,5,6:a\n7:8:b\n"


def test_ts_pair_of_unequal_lengths(tmp_path: Path) -> None:
    write(tmp_path / "Toy_TRAIN.ts", TS)
    test = write(tmp_path / "Toy_TEST.ts", TS.replace("7:8:b", "7,7.5:8,9:b"))
    table = read(tmp_path, tmp_path)
    assert table.parts is not None
    assert table.parts.tolist() == [0, 0, 2, 2]
    np.testing.assert_array_equal(table.series("series", 0), np.array([[1, 4], [2, 5], [np.nan, 6]], np.float32))
    assert table.lengths("series").tolist() == [3, 1, 3, 2]
    assert list(table.texts("label")) == ["a", "b", "a", "b"]
    assert table.place(3) == (test, 8)
    assert table.details("series").channels == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("7:8:b", "7:8:c", ":8: class 'c' is not one of a, b"),
        ("7:8:b", "7:b", ":8: expected 2 channels as in the first row, got 1"),
        ("7:8:b", "7:8,9:b", ":8: the channels of a row must be of one length, got [1, 2]"),
        ("7:8:b", "x:8:b", ":8: expected numbers between commas"),
        ("7:8:b", "inf:8:b", ":8: expected finite numbers"),
        ("@data", "@date", ":7: expected a line starting with @ before @data"),
        ("@problemName Toy", "@timeStamps true", ":2: series with time stamps"),
        ("1,2,?:4,5,6:a\n7:8:b\n", "", ": the file ends after @data"),
        ("1,2,?:4,5,6:a\n7:8:b\n", "a\nb\n", ":7: expected a series, got a row without a channel"),
    ],
)
def test_bad_ts_is_an_error_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path / "a.ts", TS.replace(old, new))
    with pytest.raises(DataError) as caught:
        read(path, tmp_path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_a_name_that_no_file_can_have_is_not_there(tmp_path: Path) -> None:
    long = "a" * 400
    assert sound_path(f"{long}.wav", tmp_path) == Path(f"{long}.wav")
    with pytest.raises(DataError, match=r"a{20}"):
        read(tmp_path / f"{long}.csv", tmp_path)


def test_folder_with_one_file_per_class(tmp_path: Path) -> None:
    folder = tmp_path / "names"
    female = write(folder / "female.txt", "Ada\n\n민지\n")
    write(folder / "male.txt.gz", "Alan\n")
    write(folder / "README", "about")
    table = read(folder, tmp_path)
    assert rows(table) == [("Ada", "female"), ("민지", "female"), ("Alan", "male")]
    assert table.place(1) == (female, 3)
    assert "left out: README" in table.notes
    assert "female.txt: 1 blank line left out" in table.notes


def test_folder_with_the_class_as_suffix(tmp_path: Path) -> None:
    folder = tmp_path / "polarity"
    write(folder / "rt-polarity.pos", "good\n")
    write(folder / "rt-polarity.neg", "bad\n")
    write(folder / "README.txt", "about")
    assert sorted(rows(read(folder, tmp_path))) == [("bad", "neg"), ("good", "pos")]


def test_folder_with_parts_of_one_file_per_class(tmp_path: Path) -> None:
    for part, name in (("train", "a"), ("train", "b"), ("test", "a"), ("test", "b")):
        write(tmp_path / "set" / part / f"{name}.txt", f"{part} {name}\n")
    table = read(tmp_path / "set", tmp_path)
    assert table.parts is not None
    assert list(zip(table.parts.tolist(), rows(table), strict=True)) == [
        (0, ("train a", "a")),
        (0, ("train b", "b")),
        (2, ("test a", "a")),
        (2, ("test b", "b")),
    ]


def test_folder_with_parts_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "nsmc"
    write(folder / "ratings_train.txt", "id\tdocument\tlabel\n1\t재밌다\t1\n2\t별로\t0\n")
    write(folder / "ratings_valid.txt", "id\tdocument\tlabel\n3\t와\t1\n")
    table = read(folder, tmp_path)
    assert table.parts is not None
    assert table.parts.tolist() == [0, 0, 1]
    assert list(table.texts("document")) == ["재밌다", "별로", "와"]


def test_folder_with_one_table_beside_texts(tmp_path: Path) -> None:
    write(tmp_path / "set" / "train.csv", "1,kurz\n2,lang\n")
    write(tmp_path / "set" / "classes.txt", "World\nSports\n")
    table = read(tmp_path / "set", tmp_path)
    assert rows(table) == [("1", "kurz"), ("2", "lang")]
    assert table.parts is None
    assert "left out: classes.txt" in table.notes


def test_csv_that_is_called_text(tmp_path: Path) -> None:
    path = write(tmp_path / "captions.txt", 'image,caption\na.jpg,"A dog, running"\nb.jpg,고양이\n')
    assert rows(read(path, tmp_path)) == [("a.jpg", "A dog, running"), ("b.jpg", "고양이")]
    prose = write(tmp_path / "prose.txt", "image,caption\nno, this, is prose\nso is this\n")
    assert read(prose, tmp_path).columns == ("column1",)


@pytest.mark.parametrize("suffix", ["tsv", "txt", "conll"])
def test_tagged_words_are_known_by_their_look(tmp_path: Path, suffix: str) -> None:
    text = "## 주석\n## klue-1\t<민지:PS> 씨\n민\tB-PS\n지\tI-PS\n \tO\n씨\tO\n\n## klue-2\t응\n응\tO\n"
    table = read(write(tmp_path / f"a.{suffix}", text), tmp_path)
    assert table.labels("tokens") == [("민", "지", " ", "씨"), ("응",)]
    assert table.labels("tags") == [("B-PS", "I-PS", "O", "O"), ("O",)]
    grades = write(tmp_path / f"b.{suffix.replace('conll', 'tsv')}", "민지\tO\n\n수진\tX\n")
    assert len(read(grades, tmp_path)) == 2


def test_folder_that_is_no_data_set_lists_what_is_there(tmp_path: Path) -> None:
    write(tmp_path / "set" / "a.mp4", "x")
    write(tmp_path / "set" / "b.mp4", "x")
    with pytest.raises(DataError, match=r"found a\.mp4, b\.mp4; name one file"):
        read(tmp_path / "set", tmp_path)


@pytest.mark.parametrize("name", ["sunspots", "co2", "digits"])
def test_builtin_set(tmp_path: Path, name: str) -> None:
    table = read(name, tmp_path)
    assert name in builtin_names()
    if name == "sunspots":
        assert table.numbers("YEAR")[[0, -1]].tolist() == [1700, 2008]
        assert table.numbers("SUNACTIVITY")[1] == 11
    elif name == "co2":
        assert np.isnan(table.numbers("co2")).sum() == 59
        assert table.kinds["date"] is Kind.TIME
        assert table.times("date")[0] == np.datetime64("1958-03-29")
    else:
        from sklearn.datasets import load_digits

        expected = load_digits()
        assert len(table) == 1797
        assert all((table.series("image", row) * 16 == expected.images[row]).all() for row in range(0, 1797, 97))
        np.testing.assert_array_equal(table.numbers("label"), expected.target)


def test_builtin_hangul(tmp_path: Path) -> None:
    table = read("hangul", tmp_path)
    assert len(table) == 11_172
    assert [list(table.texts(name, np.array([0, 1, 11_171]))) for name in ("source", "target")] == [
        ["가", "각", "힣"],
        ["GA", "GAG", "HIH"],
    ]


def test_builtin_cldr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = read("cldr", tmp_path)
    pairs = dict(zip(table.texts("source"), table.texts("target"), strict=True))
    assert len(table) > 1000
    assert (pairs["South Korea"], pairs["Welsh"], pairs["Swiss Franc"]) == ("대한민국", "웨일스어", "스위스 프랑")
    monkeypatch.setitem(sys.modules, "babel", None)
    with pytest.raises(MissingExtraError, match=r"this built-in data set needs babel, .*\[names\]"):
        read("cldr", tmp_path / "again")


def test_builtin_pydocs(tmp_path: Path) -> None:
    table = read("pydocs", tmp_path)
    labels, counts = np.unique(list(table.texts("label")), return_counts=True)
    assert len(labels) >= 8
    assert counts.min() >= 100
    assert len(set(table.texts("text"))) == len(table)
    path, line = table.place(len(table) - 1)
    beginning = " ".join(table.texts("text")[len(table) - 1].split()[:2])
    assert beginning in " ".join(" ".join(path.read_text(encoding="utf-8").splitlines()[line - 1 :]).split())


def test_a_file_of_the_name_of_a_builtin_set_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "digits", "1\tb c\n")
    monkeypatch.chdir(tmp_path)
    assert rows(read("digits", tmp_path)) == [("1", "b c")]


def test_hub_reads_what_the_datasets_library_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["neg", "pos"]),
            "x": datasets.List(datasets.Value("float32")),
        }
    )
    folder = tmp_path / "hub"
    for split, texts in (("train", ["좋아요", "싫어요"]), ("test", ["음"])):
        content = {"text": texts, "label": [1, 0][: len(texts)], "x": [[1.0, 2.0]] * len(texts)}
        (folder / "data").mkdir(parents=True, exist_ok=True)
        datasets.Dataset.from_dict(content, features=features).to_parquet(
            folder / "data" / f"{split}-00000-of-00001.parquet"
        )
    table = read(f"hub:{folder}", tmp_path)
    assert table.parts is not None
    assert table.parts.tolist() == [0, 0, 2]
    assert list(table.texts("text")) == ["좋아요", "싫어요", "음"]
    assert list(table.texts("label")) == ["pos", "neg", "pos"]
    np.testing.assert_array_equal(table.series("x", 2), [[1], [2]])


def test_hub_set_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    with pytest.raises(DataError, match=r"hub:.*: cannot be loaded"):
        read(f"hub:{tmp_path}/nothing", tmp_path)


def test_unknown_format_and_names(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "a,b\n1,2\n")
    with pytest.raises(ConfigError, match=r"unknown data format 'parket' \(did you mean 'parquet'\?\)"):
        read(path, tmp_path, format="parket")
    with pytest.raises(DataError, match=r"did you mean 'sunspots'"):
        read("sunspot", tmp_path)
    with pytest.raises(ConfigError, match="brings its own parts"):
        read("digits", tmp_path, test=path)


def test_every_process_opens_the_same_table(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.csv", "x,y\n" + "".join(f"{i},t{i}\n" for i in range(100))), tmp_path)
    shard = np.arange(len(table))[1::2]
    other = Table.open(tmp_path / "store")
    assert list(other.texts("y", shard)) == [f"t{i}" for i in shard]
    whole = (tmp_path / "store" / "table.json").read_bytes()
    read(write(tmp_path / "a.csv", "x,y\n5,6\n"), tmp_path)
    (tmp_path / "store" / "table.json").write_bytes(whole)
    with pytest.raises(DataError, match="no complete stored table"):
        Table.open(tmp_path / "store")
    (tmp_path / "store" / "table.arrow").unlink()
    with pytest.raises(DataError, match="no complete stored table"):
        Table.open(tmp_path / "store")


def test_a_manifest_of_windows_finds_its_recordings(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "a.wav").write_bytes(b"")
    assert sound_path("audio\\a.wav", tmp_path) == tmp_path / "audio" / "a.wav"
