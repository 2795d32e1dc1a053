"""Files that are one JSON value: parsed once, however long their lines are, and with the line of what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.helpers import read, write
from unroll.data.readers.jsonparse import json_text
from unroll.errors import DataError


def test_half_a_character_in_a_document_is_an_error_with_its_line(tmp_path: Path) -> None:
    row = '{"text": "Ana \\ud800 left", "entities": [{"start": 0, "end": 3, "label": "PER"}]}\n'
    good = row.replace(" \\ud800", "")
    with pytest.raises(DataError, match=r"a.jsonl:2: a text holds a lone surrogate"):
        read(write(tmp_path / "a.jsonl", good + row + good), tmp_path)


@pytest.mark.parametrize(
    "text", ['[{"text": "a", "n": 1}, {"text": "b", "m": 2}]', '{"rows": [{"text": "a", "n": 1}]}']
)
def test_a_file_of_json_is_read_once(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []

    def counted(path: Path, encoding: str) -> str:
        opened.append(1)
        return json_text(path, encoding)

    monkeypatch.setattr("unroll.data.readers.jsonparse.json_text", counted)
    table = read(write(tmp_path / "a.json", text), tmp_path)
    assert table.texts("text")[0] == "a"
    assert len(opened) == 1


def test_json_on_one_long_line_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unroll.data.readers.lines.MAX_LINE_BYTES", 2**21)
    text = json.dumps([{"text": f"{n} " + "river " * 300, "label": "ab"[n % 2]} for n in range(2000)])
    assert len(text) > 2**21
    assert len(read(write(tmp_path / "a.json", text), tmp_path)) == 2000
