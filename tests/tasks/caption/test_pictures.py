"""Where the pictures of a set stand, as the sets that people download lie on disk."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

import unroll
from unroll.bundle import DataConfig
from unroll.data import ReadOptions, read_table
from unroll.data.frames import frames_of
from unroll.errors import DataError
from unroll.tasks import TASKS
from unroll.tasks.caption.pictures import captions_of, find_columns
from unroll.tasks.caption.places import Places, rows_of_pictures
from unroll.tasks.pipeline import open_table
from unroll.tasks.recognition import recognise
from unroll.tasks.records import single_records


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
    assert Places(table, columns.image, None).folders == [pictures]


def paint(folder: Path, names: list[str], colour: str = "red") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (4, 3), colour).save(folder / name)


def found_in(data: DataConfig, store: Path) -> tuple[list[Path], list[str]]:
    """The pictures that the captions of some data are taken for, and the captions."""
    table = open_table(data, store)
    task, guess = recognise(table, data, TASKS, None)
    assert task.name == "caption", guess.reason
    assert [f for f in task.findings(table, guess.data) if f.level == "error"] == []
    columns = find_columns(table, guess.data)
    assert columns is not None
    places = Places(table, columns.image, None)
    rows = rows_of_pictures(table, columns.image, None)
    return [places.path(named) for named in rows], captions_of(table, columns).captions


NAMES = ["1.jpg", "2.jpg", "3.jpg"]
LAYOUTS = {
    "names in capitals": (["1.JPG", "2.JPG", "3.JPG"], "captions.csv", "image,caption\n1.jpg,a\n2.jpg,b\n3.jpg,c\n"),
    "names without endings": (NAMES, "captions.csv", "image,caption\n1,a\n2,b\n3,c\n"),
    "slashes of Windows": (
        NAMES,
        "captions.csv",
        "image,caption\nimages\\1.jpg,a\nimages\\2.jpg,b\nimages\\3.jpg,c\n",
    ),
    "Korean names": (NAMES, "captions.csv", "이미지,캡션\n1.jpg,a\n2.jpg,b\n3.jpg,c\n"),
    "other Korean names": (NAMES, "captions.csv", "파일명,설명\n1.jpg,a\n2.jpg,b\n3.jpg,c\n"),
    "no names": (NAMES, "train.tsv", "a red\timages/1.jpg\na blue\timages/2.jpg\na green\timages/3.jpg\n"),
    "pictures as keys": (NAMES, "captions.json", json.dumps({f"{n}.jpg": [text] for n, text in enumerate("abc", 1)})),
    "a broken row of Flickr30k": (
        NAMES,
        "results.csv",
        "image_name| comment_number| comment\n1.jpg| 0| a\n2.jpg| 4   b\n3.jpg| 1| c\n",
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pictures_are_found_however_they_are_named(tmp_path: Path, layout: str) -> None:
    files, name, text = LAYOUTS[layout]
    paint(tmp_path / "images", files)
    (tmp_path / name).write_text(text, encoding="utf-8")
    paths, captions = found_in(DataConfig(path=str(tmp_path / name)), tmp_path / "store")
    assert paths == [tmp_path / "images" / file for file in files]
    assert captions == ["a red", "a blue", "a green"] if layout == "no names" else ["a", "b", "c"]


def test_files_of_several_folders_name_pictures_of_their_own(tmp_path: Path) -> None:
    for part, colour in (("train", "red"), ("test", "blue")):
        paint(tmp_path / "set" / part, ["1.png", "2.png"], colour)
        lines = [json.dumps({"file_name": f"{n}.png", "text": f"{part} {n}"}) for n in (1, 2)]
        (tmp_path / "set" / part / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    paths, captions = found_in(DataConfig(path=str(tmp_path / "set")), tmp_path / "store")
    assert paths == [tmp_path / "set" / part / f"{n}.png" for part in ("train", "test") for n in (1, 2)]
    assert captions == ["train 1", "train 2", "test 1", "test 2"]


def test_captions_stand_in_texts_of_the_names_of_their_pictures(tmp_path: Path) -> None:
    paint(tmp_path / "set", ["one.png", "two.png"])
    (tmp_path / "set" / "one.txt").write_text("a red one\n")
    (tmp_path / "set" / "two.txt").write_text("a red two\nanother two\n")
    paths, captions = found_in(DataConfig(path=str(tmp_path / "set")), tmp_path / "store")
    assert paths == [tmp_path / "set" / "one.png", tmp_path / "set" / "two.png"]
    assert captions == ["a red one", "a red two", "another two"]


def test_a_list_of_captions_is_as_many_captions(tmp_path: Path) -> None:
    paint(tmp_path / "images", NAMES)
    rows = [{"file_path": f"images/{name}", "captions": [f"a {name}", f"the {name}"]} for name in NAMES]
    (tmp_path / "captions.json").write_text(json.dumps(rows))
    _, captions = found_in(DataConfig(path=str(tmp_path / "captions.json")), tmp_path / "store")
    assert captions == [f"{word} {name}" for name in NAMES for word in ("a", "the")]


def content(colour: str) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (12, 9), colour).save(held, "PNG")
    return held.getvalue()


COLOURS = ["red", "green", "blue"] * 6
HELD = {
    "bytes": [content(colour) for colour in COLOURS],
    "pictures": [Image.new("RGB", (12, 9), colour) for colour in COLOURS],
    "arrays": [np.array(Image.new("RGB", (12, 9), colour)) for colour in COLOURS],
    "grey arrays": [np.full((9, 12, 1), 40 * COLOURS.index(colour), np.uint8) for colour in COLOURS],
    "objects": [{"bytes": content(colour), "path": None} for colour in COLOURS],
}


@pytest.mark.parametrize("kind", HELD)
@pytest.mark.parametrize("whole", [dict, "frame", "rows", "pair", "parquet"])
def test_pictures_may_be_held_by_the_data(tmp_path: Path, kind: str, whole: object) -> None:
    columns: dict[str, list[object]] = {"image": list(HELD[kind]), "caption": [f"a {colour}" for colour in COLOURS]}
    data: object = columns
    if whole == "frame":
        data = pandas.DataFrame(columns)
    elif whole == "rows":
        data = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    elif whole == "pair":
        data = (columns["image"], columns["caption"])
    elif whole == "parquet":
        if kind not in ("bytes", "objects"):
            pytest.skip("Parquet holds bytes")
        pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
        data = str(tmp_path / "a.parquet")
    found = unroll.check(data)
    assert found.reason == "task caption: the 'caption' of the pictures in 'image'"
    # Of eighteen rows three pictures are different.
    assert any(f.text.startswith("18 captions of 3 pictures") for f in found.findings)


def test_arrays_of_pictures_are_told_from_series() -> None:
    stacked, captions = np.stack(HELD["arrays"]), [f"a {colour}" for colour in COLOURS]
    assert unroll.check((stacked, captions)).reason.startswith("task caption")
    for wrong in (stacked / 255, stacked.transpose(0, 3, 1, 2).astype(float)):
        for data in ((wrong, captions), {"image": list(wrong), "caption": captions}):
            with pytest.raises(DataError, match=r"pictures are arrays \(H, W, 3\) of uint8"):
                unroll.check(data)
    # Bytes of three channels over time are no pictures.
    assert next(iter(frames_of(stacked[0]))).columns.column_names == ["series"]
    alone = {"image": stacked[0]}
    assert list(single_records(alone) or ()) == [alone]


def test_a_held_picture_that_is_broken_is_told_of_by_its_row() -> None:
    held = [*HELD["bytes"][:4], content("red")[:40]]
    found = unroll.check({"image": held, "caption": ["a"] * 5})
    (error,) = [f for f in found.findings if f.level == "error"]
    assert error.line == 5
    assert error.text.startswith("cannot be read as a picture")


def test_addresses_are_not_fetched() -> None:
    found = unroll.check({"image": [f"https://a.org/{n}.jpg" for n in range(4)], "caption": ["a", "b", "c", "d"]})
    assert any("are not fetched; download them" in f.text for f in found.findings)


def test_what_is_set_of_the_model_is_set_for_check_too(tmp_path: Path) -> None:
    paint(tmp_path / "elsewhere", ["1.jpg"])
    data = {"image": ["1.jpg"], "caption": ["a"]}
    assert any(f.level == "error" for f in unroll.check(data).findings)
    found = unroll.check(data, settings={"model.images": str(tmp_path / "elsewhere")})
    assert [f.text for f in found.findings if f.level == "error"] == []
