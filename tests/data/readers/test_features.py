"""Names of classes that stand beside their numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.helpers import read, write
from unroll.errors import DataError

FEATURES = {
    "label": {"names": ["neg", "pos"], "_type": "ClassLabel"},
    "tags": {"feature": {"names": ["O", "B-PER"], "_type": "ClassLabel"}, "_type": "Sequence"},
    "text": {"dtype": "string", "_type": "Value"},
}


@pytest.mark.parametrize("name", ["dataset_info.json", "dataset_infos.json"])
def test_json_lines_with_names_beside_them(tmp_path: Path, name: str) -> None:
    described = {"features": FEATURES} if name == "dataset_info.json" else {"default": {"features": FEATURES}}
    write(tmp_path / name, json.dumps(described))
    rows = [{"text": "a", "label": 1, "tags": [1, 0]}, {"text": "b", "label": -1, "tags": []}]
    table = read(write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows)), tmp_path)
    assert list(table.texts("label")) == ["pos", ""]
    assert table.labels("tags") == [("B-PER", "O"), ()]
    with pytest.raises(DataError, match=r"b\.jsonl:1: column 'label': 2 is none of its 2 classes"):
        read(write(tmp_path / "b.jsonl", '{"label": 2}\n{"label": 1}\n'), tmp_path)


def test_parquet_with_names_in_its_metadata(tmp_path: Path) -> None:
    table = pa.table({"label": [0, 1, None], "tags": [[0, 1], [], [1]]})
    metadata = {b"huggingface": json.dumps({"info": {"features": FEATURES}}).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet", tmp_path)
    assert list(found.texts("label")) == ["neg", "pos", ""]
    assert found.labels("tags") == [("O", "B-PER"), (), ("B-PER",)]


def test_parquet_with_broken_metadata_is_an_error_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"some_name": [1, 2]}), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"some_name", b"\xff\xfe\xfd_name"))
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read(path, tmp_path)
