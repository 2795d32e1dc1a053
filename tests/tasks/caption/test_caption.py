"""The caption task from pictures to texts, on coloured squares drawn here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import unroll
from data.helpers import write
from tasks.caption.squares import COLOURS, draw_squares
from unroll.baselines.captions import most_frequent_caption, nearest_pictures
from unroll.bundle import DataConfig, RunFolder
from unroll.data import ReadOptions, read_table
from unroll.errors import ConfigError, DataError
from unroll.models.efficientnet import EfficientNetLite0
from unroll.tasks.caption.pictures import find_columns, tidied
from unroll.tasks.caption.task import CaptionTask
from unroll.tasks.pipeline import Plan, evaluate_run, plan_run, predict_run, train_run
from unroll.tasks.recognition import recognise

TASKS = {"caption": CaptionTask()}
SMALL = ["model.hidden_size=24", "model.embedding_size=24", "model.dropout=0", "training.epochs=1"]


def plan(path: Path, store: Path, *overrides: str, **data: Any) -> Plan:
    values = {"data": {"path": str(path), **data}}
    return plan_run(values, [*SMALL, *overrides], TASKS, store, say=lambda _: None)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    where = tmp_path_factory.mktemp("squares")
    draw_squares(where / "set", 110)
    more = ["training.epochs=12", "training.learning_rate=0.01", "training.batch_size=16", "model.best=2"]
    return train_run(plan(where / "set", where / "store", *more), where / "run", say=lambda _: None)


@pytest.fixture
def backbone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    torch.manual_seed(0)
    weights = {name: t for name, t in EfficientNetLite0().state_dict().items() if "num_batches" not in name}
    save_file(weights, tmp_path / "weights.safetensors")
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "weights.safetensors"


def test_captions_are_written_better_than_without_a_model(run: RunFolder) -> None:
    metrics = run.read_json("metrics.json")
    test, baselines = metrics["test"], metrics["baselines"]
    assert {"cider_d", "bleu_1", "bleu_4", "exact_match"} <= set(test)
    assert list(baselines) == ["most frequent caption", "nearest image"]
    assert test["cider_d"]["value"] > baselines["most frequent caption"]["test"]["cider_d"]["value"] + 1
    page = run.read_text("report.html")
    assert "Where each word looked (1)" in page
    assert 'src="data:image/jpeg;base64,' in page


def test_a_picture_is_captioned_and_its_maps_are_drawn(run: RunFolder, tmp_path: Path) -> None:
    path = tmp_path / "new.png"
    pixels = np.full((12, 24, 3), 240, dtype=np.uint8)
    pixels[3:10, 14:21] = COLOURS["blue"]
    Image.fromarray(pixels).save(path)
    said = list(predict_run(run, TASKS, [str(path), {"text": str(path), "maps": str(tmp_path / "maps")}]))
    assert "blue" in said[0]["caption"]
    assert "red" not in said[0]["caption"]
    assert len(said[0]["captions"]) == 2
    assert said[0]["captions"][said[0]["caption"]] == max(said[0]["captions"].values())
    for looked in said[0]["looked_at"]:
        assert np.array(looked["weights"]).shape == (2, 3)
        assert np.sum(looked["weights"]) == pytest.approx(1.0, abs=0.01)
    assert " ".join(looked["word"] for looked in said[0]["looked_at"]).startswith(said[0]["caption"][:6])
    with Image.open(said[1].pop("maps")) as drawn:
        assert drawn.size[0] >= 240
    assert said[1] == said[0]
    assert json.loads(json.dumps(said)) == said


def test_strange_pictures_have_a_caption_or_an_error(run: RunFolder, tmp_path: Path) -> None:
    for name, size in (("one.png", (1, 1)), ("long.png", (2000, 1))):
        Image.new("L", size).save(tmp_path / name)
        assert next(iter(predict_run(run, TASKS, [str(tmp_path / name)])))["caption"]
    write(tmp_path / "text.png", "no picture")
    for record, message in (
        (str(tmp_path / "text.png"), "cannot be read as a picture"),
        (str(tmp_path / "none.png"), "the picture cannot be read"),
        ({"file": "x"}, r"a record needs the path of a picture in 'image', or .*, got \['file'\]"),
        ("", "needs the path of a picture"),
    ):
        with pytest.raises(DataError, match=message):
            list(predict_run(run, TASKS, [record]))


def test_other_files_are_scored(run: RunFolder, tmp_path: Path) -> None:
    path = draw_squares(tmp_path / "other", 20)
    assert evaluate_run(run, TASKS, tmp_path / "store", str(path)).metrics["cider_d"].value > 1
    write(tmp_path / "a.csv", "a,b\n1,2\n")
    with pytest.raises(DataError, match="the model needs names of pictures in 'image' and captions in 'caption'"):
        evaluate_run(run, TASKS, tmp_path / "none", str(tmp_path / "a.csv"))


def test_the_captions_of_a_picture_are_in_one_part(tmp_path: Path) -> None:
    job = plan(draw_squares(tmp_path / "set", 40), tmp_path / "store").job
    numbers = [set(job.data.pictures(split).tolist()) for split in ("train", "validation", "test")]
    assert len(set.union(*numbers)) == sum(map(len, numbers)) == 40
    assert all(len(own) == 2 for own in job.data.references("test"))
    # Marks of tokenised captions stand where they belong.
    assert any(text.endswith("left.") for own in job.data.references("train") for text in own)
    assert tidied("A dog , two  cats .") == "A dog, two cats."


def test_what_is_wrong_stops_the_training_or_is_dropped_with_a_count(tmp_path: Path) -> None:
    path = draw_squares(tmp_path / "set", 30)
    write(tmp_path / "set/images/3.png", "no picture")
    (tmp_path / "set/images/5.png").unlink()
    Image.new("L", (4, 4)).save(tmp_path / "set/images/silent.png")
    with path.open("a", encoding="utf-8") as file:
        file.write("7.png,\n")
    table = read_table(path, ReadOptions(), tmp_path / "t")
    findings = list(TASKS["caption"].findings(table, DataConfig(path=str(path))))
    assert sorted(f.line for f in findings if f.level == "error" and f.line) == [8, 12, 62]
    assert [f.path.name for f in findings if f.level == "warning" and f.path] == ["silent.png"]
    with pytest.raises(DataError, match=r"captions.csv:62: an empty caption; 1 such"):
        plan(path, tmp_path / "a")
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:-1]) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"captions.csv:8: .*3.png: cannot be read.* 2 such .*model.broken=drop"):
        plan(path, tmp_path / "b")
    notes = plan(path, tmp_path / "c", "model.broken=drop").job.notes
    assert any(note.startswith("4 captions left out") for note in notes)


def test_a_picture_whose_name_no_file_can_have_is_not_there(tmp_path: Path) -> None:
    path = draw_squares(tmp_path / "set", 6)
    line = path.read_text(encoding="utf-8").count("\n") + 1
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{'9' * 400}.png,a red square\n")
    table = read_table(path, ReadOptions(), tmp_path / "t")
    (found,) = [f for f in TASKS["caption"].findings(table, DataConfig(path=str(path))) if f.level == "error"]
    assert found.line == line
    assert "is not there" in found.text


def test_pictures_elsewhere_are_named(tmp_path: Path) -> None:
    path = draw_squares(tmp_path / "set", 20)
    moved = write(tmp_path / "tables/deep/captions.csv", path.read_text(encoding="utf-8"))
    with pytest.raises(DataError, match=r"the pictures are not found, such as '0.png'; .*model.images=DIR"):
        plan(moved, tmp_path / "a")
    assert plan(moved, tmp_path / "b", f"model.images={tmp_path / 'set/images'}").job.splits


def test_a_frozen_network_looks_once_and_is_part_of_the_run(tmp_path: Path, backbone: Path) -> None:
    path = draw_squares(tmp_path / "set", 20)
    settings = [f"model.backbone={backbone}", "model.side=64"]
    made = plan(path, tmp_path / "a", *settings)
    assert any("features of 20 pictures by a frozen EfficientNet-Lite0 at 64 x 64" in note for note in made.job.notes)
    # One for each different file.
    different = {file.read_bytes() for file in (tmp_path / "set/images").iterdir()}
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == len(different)
    trained = train_run(made, tmp_path / "run", say=lambda _: None, with_baselines=False)
    again = plan(path, tmp_path / "b", *settings)
    assert any("20 found computed before" in note for note in again.job.notes)
    np.testing.assert_array_equal(np.asarray(made.job.data.captions.seen), np.asarray(again.job.data.captions.seen))
    # What was computed is kept for these very weights: one byte more is another file.
    backbone.unlink()
    picture = str(tmp_path / "set/images/1.png")
    first = next(iter(predict_run(trained, TASKS, [picture])))
    for kept in (tmp_path / "cache").rglob("*.npy"):
        kept.write_bytes(b"damaged")
    assert next(iter(predict_run(trained, TASKS, [picture]))) == first


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file"), (b"{}", "not a safetensors file"), ("other", "no 'conv_stem.weight' in it")],
)
def test_what_is_no_backbone_is_an_error(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "weights.safetensors"
    if content == "other":
        save_file({"x": torch.zeros(1)}, path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        plan(draw_squares(tmp_path / "set", 12), tmp_path / "store", f"model.backbone={path}")


def test_tables_of_other_texts_are_not_guessed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "title,text\nwhat,that\n")
    table = read_table(path, ReadOptions(), tmp_path / "store")
    assert find_columns(table, DataConfig(path=str(path))) is None
    with pytest.raises(DataError, match="cannot serve the task 'caption'"):
        recognise(table, DataConfig(path=str(path)), TASKS, "caption")


def test_baselines() -> None:
    assert most_frequent_caption(["b", "a cat", "b"]) == "b"
    # Of captions that come once, the one whose words the others have.
    assert most_frequent_caption(["a dog runs", "a dog", "zebra"]) == "a dog"
    known = np.array([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]])
    assert nearest_pictures(known, np.array([[0.1, 3.0], [9.0, 8.0], [1.0, 0.0]])).tolist() == [1, 2, 0]


def test_from_python_with_typed_results(tmp_path: Path) -> None:
    path = draw_squares(tmp_path / "set", 30)
    settings = {"model.embedding_size": 8, "training.batch_size": 16}
    model = unroll.train(path, epochs=1, hidden_size=8, settings=settings, out=tmp_path / "run")
    said = model.predict(str(tmp_path / "set/images/0.png"))[0]
    assert isinstance(said.caption, str)
    assert "cider_d" in model.evaluate()


def test_a_picture_comes_as_its_path_its_bytes_or_an_image(run: RunFolder, tmp_path: Path) -> None:
    model = unroll.load(run.path)
    path = draw_squares(tmp_path / "set", 1).parent / "images/0.png"
    picture, content = Image.open(path), path.read_bytes()
    asked = [path, str(path), [path], content, picture, [picture], {"image": picture}]
    asked += [{"image": {"bytes": content, "path": None}}, pandas.DataFrame({"image": [picture]}), {"image": [content]}]
    assert {model.predict(data)[0].caption for data in asked} == {model.predict(str(path))[0].caption}
    assert len(model.predict(tmp_path / "set/captions.csv")) == 2
    with pytest.raises(DataError, match=r"addresses are not fetched; download https://a.org/b.jpg"):
        model.predict("https://a.org/b.jpg")


def test_lists_of_captions_train_as_rows_of_them_do(tmp_path: Path) -> None:
    path = draw_squares(tmp_path / "set", 30)
    lines = path.read_text().splitlines()[1:]
    rows = {}
    for line in lines:
        name, _, caption = line.partition(",")
        rows.setdefault(name, []).append(caption)
    held = [{"image": str(tmp_path / "set/images" / name), "captions": own} for name, own in rows.items()]
    done = unroll.train(held, epochs=1, hidden_size=8, settings={"model.embedding_size": 8}, out=tmp_path / "run")
    assert "nearest image" in done.metrics["baselines"]
    assert done.evaluate(held)["cider_d"].value >= 0
