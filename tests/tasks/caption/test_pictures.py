"""Where the pictures of a set stand, as the sets that people download lie on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unroll.bundle import DataConfig
from unroll.data import ReadOptions, read_table
from unroll.tasks.caption.pictures import find_columns, picture_folder


@pytest.mark.parametrize("kind", ["coco", "flickr30k"])
def test_pictures_are_found(tmp_path: Path, kind: str) -> None:
    if kind == "coco":
        file, pictures = tmp_path / "annotations" / "captions_val2017.json", tmp_path / "val2017"
        held = {
            "images": [{"id": n, "file_name": f"{n:012d}.jpg"} for n in range(3)],
            "annotations": [{"id": n, "image_id": n, "caption": "a square"} for n in range(3)],
        }
        names, text = [f"{n:012d}.jpg" for n in range(3)], json.dumps(held)
    else:
        file, pictures = tmp_path / "results.csv", tmp_path / "flickr30k_images"
        names = [f"{n}.jpg" for n in range(3)]
        text = "image_name| comment_number| comment\n" + "".join(f"{name}| 0| A square .\n" for name in names)
    pictures.mkdir()
    file.parent.mkdir(exist_ok=True)
    for name in names:
        (pictures / name).write_bytes(b"")
    file.write_text(text)
    table = read_table(file, ReadOptions(), tmp_path / "store")
    columns = find_columns(table, DataConfig(path=str(file)))
    assert columns is not None
    assert picture_folder(table, columns, None) == pictures
