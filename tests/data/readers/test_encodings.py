"""What a file in another encoding is told of: the encoding it is likely in, and the option that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.helpers import read, write
from unroll.errors import DataError

SAID = {
    "Korean": "문장,분류\n정말 재미있는 영화였어요,긍정\n배송이 너무 늦었습니다,부정\n",
    "Japanese": "text,label\nとても面白い映画でした,a\n配達が遅すぎます,b\n",
    "simplified Chinese": "text,label\n这是一个非常好看的电影,a\n他们来的时候我不在家,b\n",
    "traditional Chinese": "text,label\n這是一個非常好看的電影,a\n他們來的時候我不在家,b\n",
    "Russian": "text,label\nочень хороший фильм,a\nдоставка слишком долгая,b\n",
    "Greek": "text,label\nπολύ καλή ταινία,a\nη παράδοση άργησε,b\n",
    "a Western European language": "text,label\ntrès bien,a\ndéçu par le café,b\n",
}


@pytest.mark.parametrize(
    ("language", "encoding", "named"),
    [
        ("Korean", "cp949", "cp949"),
        ("Korean", "euc-kr", "cp949"),
        ("Japanese", "shift_jis", "shift_jis"),
        ("Japanese", "euc-jp", "euc_jp"),
        ("simplified Chinese", "gb18030", "gb18030"),
        ("traditional Chinese", "big5", "big5"),
        ("Russian", "cp1251", "cp1251"),
        ("Russian", "koi8-r", "koi8_r"),
        ("Greek", "cp1253", "cp1253"),
        ("a Western European language", "latin-1", "latin-1"),
    ],
)
def test_an_encoding_is_named_and_reads_the_file(tmp_path: Path, language: str, encoding: str, named: str) -> None:
    path = write(tmp_path / "a.csv", SAID[language], encoding)
    with pytest.raises(DataError, match=r"a\.csv:\d: byte \d+") as caught:
        read(path, tmp_path)
    assert str(caught.value).endswith(f"is not utf-8; it looks like {language}, so read it with --encoding {named}")
    again = read(path, tmp_path, encoding=named)
    expected = SAID[language].splitlines()[1].split(",")[0]
    assert again.texts(again.columns[0])[0] == expected


def test_quotation_marks_of_windows_are_told_from_latin_1(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label\nit’s “great”,a\ndon’t,b\n", "cp1252")
    with pytest.raises(DataError, match="--encoding cp1252"):
        read(path, tmp_path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_named(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "a.csv", SAID["Korean"], encoding)
    with pytest.raises(DataError, match=f"it looks like {encoding}, so read it with --encoding {encoding}"):
        read(path, tmp_path)
    assert list(read(path, tmp_path, encoding=encoding).texts("분류")) == ["긍정", "부정"]


def test_one_damaged_character_of_utf_8_is_no_other_encoding(tmp_path: Path) -> None:
    data = SAID["Korean"].encode()
    (tmp_path / "a.csv").write_bytes(data + b"\xb9x,a\n")
    with pytest.raises(DataError, match="but the rest is; write the character on this line again"):
        read(tmp_path / "a.csv", tmp_path)


def test_bytes_of_no_script_name_no_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(bytes(range(128, 256)) * 20)
    with pytest.raises(DataError, match="name the encoding, such as --encoding cp949"):
        read(tmp_path / "a.csv", tmp_path)


@pytest.mark.parametrize(("encoding", "said"), [("utf-16", "UTF-16"), ("utf-8-sig", "UTF-8"), ("utf-32", "UTF-32")])
def test_the_note_says_the_encoding_of_the_mark(tmp_path: Path, encoding: str, said: str) -> None:
    for name, text in (("a.csv", SAID["Korean"]), ("b.jsonl", '{"text": "가"}\n'), ("c.ft", "__label__a 가\n")):
        assert read(write(tmp_path / name, text, encoding), tmp_path).notes[0].endswith(f", {said}")
