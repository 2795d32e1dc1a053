"""Lines of files: encodings, damage and size."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from data.helpers import read, rows, write
from unroll.data.readers.lines import numbered_lines
from unroll.errors import DataError

KOREAN = "text\tlabel\n배송이 빨라요\tgood\n별로예요, 다시는\tbad\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "euc-kr", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_lines_are_the_same_in_every_encoding(tmp_path: Path, encoding: str, ending: str, suffix: str) -> None:
    path = write(tmp_path / f"a.tsv{suffix}", KOREAN.replace("\n", ending), encoding)
    asked = "utf-8" if encoding == "utf-8-sig" else encoding
    table = read(path, tmp_path, encoding=asked)
    assert table.columns == ("text", "label")
    assert rows(table) == [("배송이 빨라요", "good"), ("별로예요, 다시는", "bad")]
    assert table.place(1) == (path, 3)


def test_utf_16_is_believed_by_its_mark(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.tsv", KOREAN, "utf-16"), tmp_path)
    assert table.texts("label")[0] == "good"


def test_wrong_encoding_names_line_and_byte(tmp_path: Path) -> None:
    good = "text\tlabel\n" + "plain\tyes\n" * 3
    path = write(tmp_path / "a.tsv", good + "한글\tno\n", "cp949")
    with pytest.raises(DataError, match=rf"a\.tsv:5: byte {len(good)} \(0xc7\) is not utf-8") as caught:
        read(path, tmp_path)
    assert caught.value.line == 5
    assert not list((tmp_path / "store").glob("*")), "nothing may be left behind"


def test_wrong_encoding_far_into_the_file_names_line_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    start = b"0123456789\n" * 300_000
    path.write_bytes(start + b"ab\xffcd\n")
    with pytest.raises(DataError, match=f":300001: byte {len(start) + 2} "):
        list(numbered_lines(path))


def test_a_truncated_character_at_the_end_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("안녕".encode()[:-1])
    with pytest.raises(DataError, match="byte 3"):
        list(numbered_lines(path))
    path.write_bytes("안녕\n".encode("utf-16")[:-1])
    with pytest.raises(DataError, match="is not utf-16"):
        list(numbered_lines(path, "utf-16"))


@pytest.mark.parametrize("encoding", ["utf-9", "base64", "rot13"])
def test_unknown_encoding_is_an_error(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(DataError, match=f"unknown encoding '{encoding}'"):
        read(write(tmp_path / "a.tsv", KOREAN), tmp_path, encoding=encoding)


def test_nul_names_line_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,2\n3,\x004\n")
    with pytest.raises(DataError, match=r"a\.csv:3: NUL byte at byte 10"):
        read(path, tmp_path)


def test_blocks_meet_at_any_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.txt", "가나다\n\n라마\r\n바")
    whole = list(numbered_lines(path))
    for size in range(1, 12):
        monkeypatch.setattr("unroll.data.readers.lines._BLOCK", size)
        assert list(numbered_lines(path)) == whole == [(1, "가나다"), (2, ""), (3, "라마\r"), (4, "바")]


def test_blocks_meet_at_any_byte_in_utf_16(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.txt", "가😀다\n\n라\r\n바", "utf-16")
    for size in range(2, 12):
        monkeypatch.setattr("unroll.data.readers.lines._BLOCK", size)
        assert list(numbered_lines(path)) == [(1, "가😀다"), (2, ""), (3, "라\r"), (4, "바")]


def test_one_line_of_a_megabyte_is_fine(tmp_path: Path) -> None:
    long = "가" * 400_000
    table = read(write(tmp_path / "a.tsv", f"text\tlabel\nkurz\tx\n{long}\ty\n"), tmp_path)
    assert table.texts("text")[1] == long
    assert table.lengths("text").tolist() == [4, 400_000]


def test_a_line_over_the_limit_is_refused_before_it_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unroll.data.readers.lines.MAX_LINE_BYTES", 2**21)
    path = tmp_path / "bomb.txt.gz"
    path.write_bytes(gzip.compress(b"a" * (64 * 2**20)))
    with pytest.raises(DataError, match=r"bomb\.txt\.gz:1: a line of more than 2097152 bytes"):
        read(path, tmp_path)


def test_damaged_gzip_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv.gz", "a,b\n" + "1,2\n" * 1000)
    whole = path.read_bytes()
    path.write_bytes(whole[:-6])
    with pytest.raises(DataError, match="gzip stream is damaged or cut off"):
        read(path, tmp_path)
    path.write_bytes(whole[:20] + b"\xff\xff\xff" + whole[23:])
    with pytest.raises(DataError, match="gzip stream is damaged or cut off"):
        read(path, tmp_path)


def test_missing_file_and_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        read(tmp_path / "none.csv", tmp_path)
    with pytest.raises(DataError, match=r"expected a folder with .* found nothing"):
        read(tmp_path / "store", (tmp_path / "store").mkdir() or tmp_path)
