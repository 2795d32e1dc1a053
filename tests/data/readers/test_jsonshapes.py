"""JSON as programs write it: rows under a key, columns, objects in cells. All of them give the same table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.helpers import read, write
from unroll.data.frames import frames_of, table_of

ROWS = [{"text": f"good {n}" if n % 2 else f"bad {n}", "label": "pos" if n % 2 else "neg"} for n in range(6)]
COLUMNS = {name: [row[name] for row in ROWS] for name in ("text", "label")}


@pytest.mark.parametrize(
    "value",
    [
        ROWS,
        COLUMNS,
        {"version": "1.0", "data": ROWS},
        {"data": ROWS, "count": 6, "classes": ["neg", "pos"]},
        {"examples": ROWS},
        {name: {str(n): cell for n, cell in enumerate(cells)} for name, cells in COLUMNS.items()},
        {f"row{n}": row for n, row in enumerate(ROWS)},
        {"0": ROWS[0], **{str(n): row for n, row in enumerate(ROWS) if n}},
        {"schema": {"fields": [{"name": "text"}], "pandas_version": "1.4.0"}, "data": ROWS},
        {"columns": ["text", "label"], "index": list(range(6)), "data": [list(row.values()) for row in ROWS]},
        {
            "index": [0],
            "columns": ["text", "label"],
            "data": [list(row.values()) for row in ROWS],
            "index_names": [None],
        },
        {
            "features": [{"name": "text"}],
            "rows": [{"row_idx": n, "row": row} for n, row in enumerate(ROWS)],
            "total": 6,
        },
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_rows_however_they_are_wrapped(tmp_path: Path, value: Any, indent: int | None) -> None:
    table = read(write(tmp_path / "a.json", json.dumps(value, indent=indent)), tmp_path)
    assert {name: list(table.texts(name)) for name in table.columns} == COLUMNS
    assert len(table.columns) == 2


def test_the_columns_beside_rows_name_their_classes(tmp_path: Path) -> None:
    kind = {"names": ["neg", "pos"], "_type": "ClassLabel"}
    rows = [{"row_idx": n, "row": {"text": f"so {n}", "label": n % 2}} for n in range(4)]
    value = {"features": [{"name": "text"}, {"name": "label", "type": kind}], "rows": rows, "num_rows_total": 4}
    table = read(write(tmp_path / "a.json", json.dumps(value)), tmp_path)
    assert list(table.texts("label")) == ["neg", "pos", "neg", "pos"]


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ({"good": ["a", "b"], "bad": ["c", "d"]}, ["good", "good", "bad", "bad"]),
        ({"topic": ["a"], "bad": ["c"]}, ["topic", "bad"]),
    ],
)
def test_keys_that_are_no_columns_are_labels(tmp_path: Path, value: Any, label: list[str]) -> None:
    assert list(read(write(tmp_path / "a.json", json.dumps(value)), tmp_path).texts("label")) == label


def test_parts_stay_parts(tmp_path: Path) -> None:
    table = read(write(tmp_path / "a.json", json.dumps({"train": ROWS, "test": ROWS})), tmp_path)
    assert len(table) == 12
    assert "parts by the keys of the file" in table.notes[0]


NESTED = [
    {"id": 1, "data": {"text": "fine", "by": {"name": "Ana"}}, "label": {"name": "pos"}},
    {"id": 2, "data": {"text": "dull"}, "label": None},
]


@pytest.mark.parametrize("kind", ["jsonl", "json", "memory"])
def test_objects_in_cells_are_columns_of_their_own(tmp_path: Path, kind: str) -> None:
    if kind == "memory":
        table = table_of(frames_of(NESTED), tmp_path / "store")
    else:
        text = json.dumps(NESTED) if kind == "json" else "\n".join(map(json.dumps, NESTED))
        table = read(write(tmp_path / f"a.{kind}", text), tmp_path)
    assert {name: list(table.texts(name)) for name in table.columns} == {
        "id": ["1", "2"],
        "data.text": ["fine", "dull"],
        "data.by.name": ["Ana", ""],
        "label.name": ["pos", ""],
    }


def test_dictionaries_are_no_columns(tmp_path: Path) -> None:
    lines = [{"text": f"t{n}", "counts": {f"word{n}": n, "the": 1}} for n in range(40)]
    table = read(write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines))), tmp_path)
    assert table.columns == ("text", "counts")
    assert json.loads(table.texts("counts")[3]) == {"word3": 3, "the": 1}
