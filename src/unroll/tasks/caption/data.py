"""Pictures with captions in splits, what the eye sees of them, and the words of training."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unroll.bundle import RunConfig
from unroll.data import Split, Table, WordTokenizer, split_rows
from unroll.data.images.pictures import file_content, picture_size
from unroll.data.table.kinds import Problem
from unroll.errors import DataError
from unroll.models.efficientnet import SIDE
from unroll.report.words import model_name
from unroll.tasks.caption.eyes import BackboneEye, Eye, PixelEye, cache_folder, read_backbone
from unroll.tasks.caption.pictures import (
    Captions,
    Columns,
    by_kind,
    captions_of,
    is_held,
    picture_problem,
    row_problems,
    stop_at,
)
from unroll.tasks.caption.places import Named, Places, named_pictures
from unroll.tasks.caption.settings import CaptionSettings, Saved

#: The longer side of a picture for the small network, and the pictures by which its shape is told.
_SMALL, _MEASURED = 128, 200


@dataclass(frozen=True)
class CaptionData:
    """Checked captions in splits.

    Attributes:
        captions: with what the eye saw.
        rows: the numbers of the captions of "train", "validation" and "test".
        eye: that looked.
        tokenizer: of the words of training.
        saved: columns and sizes.
        training: settings that suit it.
        notes: what was decided, in words.
    """

    captions: Captions
    rows: Mapping[str, np.ndarray]
    eye: Eye
    tokenizer: WordTokenizer
    saved: Saved
    training: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        """Which of "validation" and "test" have pictures."""
        return tuple(name for name in ("validation", "test") if len(self.rows[name]))

    def pictures(self, split: str) -> np.ndarray:
        """The numbers of a split's pictures, rising."""
        return np.unique(self.captions.picture[self.rows[split]])

    def references(self, split: str) -> list[list[str]]:
        """The captions of each picture of a split."""
        rows = self.rows[split]
        own: dict[int, list[str]] = {number: [] for number in self.pictures(split).tolist()}
        for row in rows.tolist():
            own[int(self.captions.picture[row])].append(self.captions.captions[row])
        return list(own.values())


def draw_split(table: Table, config: RunConfig, columns: Columns) -> Split:
    """Whole pictures: the captions of one are in one part."""
    images = config.model.get("images")
    numbers: dict[Named, int] = {}
    named = named_pictures(table, columns.image, images if isinstance(images, str) else None)
    pictures = np.array([numbers.setdefault(one, len(numbers)) for one in named], dtype=np.int64)
    data = config.data
    return split_rows(
        table,
        seed=config.seed,
        validation_fraction=data.validation_fraction,
        test_fraction=data.test_fraction,
        column=data.split_column,
        groups=pictures,
    )


def open_eye(settings: CaptionSettings, paths: list[Path]) -> Eye:
    """What looks at the pictures: the backbone that was named, or the pixels at a size that suits them.

    Raises:
        ConfigError: the backbone cannot be read.
    """
    if settings.backbone is not None:
        backbone, digest = read_backbone(Path(settings.backbone))
        return BackboneEye(backbone, digest, settings.side or SIDE, cache_folder())
    sizes = []
    for path in paths[:_MEASURED]:
        try:
            sizes.append(picture_size(path))
        except DataError:
            continue
    height, width = np.median(np.array(sizes or [(1, 1)]), axis=0)
    # A picture that is smaller than the bound is not made larger.
    scale = min((settings.side or _SMALL) / max(height, width), 1.0)
    return PixelEye((max(8, round(height * scale)), max(8, round(width * scale))))


def look_at_all(table: Table, columns: Columns, settings: CaptionSettings, eye: Eye, places: Places) -> Captions:
    """Check the rows, and look at every picture once.

    What is seen stands in a file of the table's store, so that a large set does not fill the memory.

    Raises:
        DataError: a row or picture has something wrong and is not to be dropped, with file and line.
    """
    captions, owner = captions_of(table, columns)
    found = by_kind(row_problems(table, columns))
    if found and settings.broken == "stop":
        stop_at(table, next(iter(found.values())))
    bad = {row for cases in found.values() for row, _ in cases}
    picture = np.full(len(table), -1, dtype=np.int64)
    paths: list[Path] = []
    table.store.mkdir(parents=True, exist_ok=True)
    shape = (max(len(places.rows), 1), *eye.shape)
    seen = np.lib.format.open_memmap(table.store / "pictures.npy", mode="w+", dtype=eye.dtype, shape=shape)
    lost: list[tuple[int, Problem]] = []
    for named, own in places.rows.items():
        kept = [row for row in own if row not in bad]
        if not kept:
            continue
        path = places.path(named)
        try:
            seen[len(paths)] = eye.look(file_content(path), path)
        except DataError as error:
            wrong = [
                (row, picture_problem(path, table.place(row)[1], error, held=is_held(table, path))) for row in kept
            ]
            lost += [(row, problem) for row, problem in wrong if problem is not None]
            continue
        picture[kept] = len(paths)
        paths.append(path)
    if lost and settings.broken == "stop":
        stop_at(table, next(iter(by_kind(lost).values())))
    of_caption = picture[owner]
    dropped = int((picture < 0).sum())
    if not (of_caption >= 0).any():
        raise DataError("no caption is left after dropping those with something wrong", table.paths[0])
    notes = [f"{dropped:,} captions left out, of {len({p for _, p in lost})} pictures or empty"] if dropped else []
    return Captions(paths, of_caption, captions, owner, seen[: len(paths)], notes)


def prepare(table: Table, config: RunConfig, settings: CaptionSettings, columns: Columns) -> CaptionData:
    """Look at the pictures, split them, learn the words of training.

    Raises:
        DataError: a caption or picture has something wrong, with file and line.
        ConfigError: the backbone cannot be read.
    """
    places = Places(table, columns.image, settings.images)
    eye = open_eye(settings, places.paths())
    began = time.monotonic()
    captions = look_at_all(table, columns, settings, eye, places)
    seconds = time.monotonic() - began
    split = draw_split(table, config, columns)
    kept = np.flatnonzero(captions.picture >= 0)
    rows = {name: kept[np.isin(captions.owner[kept], own)] for name, own in split._asdict().items()}
    train = [captions.captions[row] for row in rows["train"].tolist()]
    tokenizer = WordTokenizer.train(train, min_count=settings.min_count, lower=True)
    height, width = eye.size
    saved = Saved(image=columns.image, caption=columns.caption, height=height, width=width, backbone=eye.digest)
    notes = [
        *captions.notes,
        _eye_note(eye, len(captions.paths), seconds),
        f"{len(train):,} captions of {len(np.unique(captions.picture[rows['train']])):,} pictures to train on,"
        f" {tokenizer.size:,} words that come at least {settings.min_count} times",
        f"{settings.num_layers} {model_name(settings.encoder)} layer(s) of {settings.hidden_size} that write",
    ]
    # Scores of few pictures jump about, so the schedule runs to its end, on the mean of the weights.
    training = {
        "learning_rate": 1e-3,
        "epochs": 20,
        "batch_size": 32,
        "weight_decay": 0.01,
        "patience": 0,
        "average": 0.99,
    }
    return CaptionData(captions, rows, eye, tokenizer, saved, training, tuple(notes))


def _eye_note(eye: Eye, pictures: int, seconds: float) -> str:
    height, width = eye.size
    if isinstance(eye, BackboneEye):
        found = pictures - eye.computed
        kept = f", {found:,} found computed before" if found else ""
        return (
            f"features of {pictures:,} pictures by a frozen EfficientNet-Lite0 at {height} x {width} pixels:"
            f" {seconds:.0f} s{kept}"
        )
    return f"{pictures:,} pictures at {height} x {width} pixels read in {seconds:.0f} s"
