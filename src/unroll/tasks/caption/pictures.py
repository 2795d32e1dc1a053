"""The pictures and captions of a table: which columns, where the pictures stand, what is wrong with them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unroll.bundle import DataConfig
from unroll.data import Finding, Kind, Table
from unroll.data.images.pictures import SUFFIXES, file_content, open_picture
from unroll.data.table.kinds import Problem
from unroll.errors import DataError

#: Usual names of columns, most usual first.
_IMAGES = (
    *("image", "image_path", "image_name", "img", "file_name", "filename"),
    *("path", "file", "picture", "photo"),
)
_CAPTIONS = ("caption", "captions", "text", "description", "comment", "sentence", "title")
#: Folders beside a table in which pictures stand.
_FOLDERS = ("", "images", "Images", "image", "imgs", "pictures", "photos", "Flicker8k_Dataset", "Flickr8k_Dataset")
#: Rows by which it is told whether a column names pictures, and where those stand.
_LOOKED_AT = 200
#: Errors and pictures without a caption that are listed one by one, and pictures up to which all are decoded.
_LISTED, _SILENT, _DECODED = 200, 20, 5_000
_SPACED_MARK = re.compile(r"\s+([.,;:!?])")
KINDS = {
    "image": "captions of pictures that are not there",
    "picture": "pictures that cannot be read",
    "caption": "empty captions",
}
_ADVICE = "--set model.broken=drop leaves such captions out"


class Columns(NamedTuple):
    """The columns of pictures and captions."""

    image: str
    caption: str


class Captions(NamedTuple):
    """Checked pictures with their captions.

    Attributes:
        paths: of every picture that has a caption, in the order of the table.
        picture: (rows,) the number of each row's picture; -1 for rows that are left out.
        captions: of every row, tidied.
        seen: what the eye made of every picture.
        notes: what was left out, with counts.
    """

    paths: list[Path]
    picture: np.ndarray
    captions: list[str]
    seen: np.ndarray
    notes: list[str]


def find_columns(table: Table, data: DataConfig) -> Columns | None:
    """The columns that were named, or those with usual names that hold names of pictures; None if there are none."""
    named = {name.lower(): name for name in reversed(table.columns)}
    image = data.inputs[0] if data.inputs else next((named[name] for name in _IMAGES if name in named), None)
    caption = data.target or next((named[name] for name in _CAPTIONS if name in named), None)
    if image is None or caption is None or image == caption or {image, caption} - set(table.columns):
        return None
    if Kind.SERIES in (table.kinds[image], table.kinds[caption]):
        return None
    names = table.texts(image, np.arange(min(len(table), _LOOKED_AT)))
    pictures = sum(Path(name).suffix.lower() in SUFFIXES for name in names)
    return Columns(image, caption) if 2 * pictures > len(names) else None


def picture_folder(table: Table, columns: Columns, images: str | None) -> Path:
    """The folder that the names of pictures start from: the one that was named, or that in which the first are found.

    Raises:
        DataError: none of the first pictures is found.
    """
    place = table.paths[0].parent
    if images is not None:
        return Path(images)
    names = list(dict.fromkeys(table.texts(columns.image, np.arange(min(len(table), _LOOKED_AT)))))
    below = [path for path in sorted(place.iterdir()) if path.is_dir()] if place.is_dir() else []
    # COCO's annotations stand in a folder beside those of the pictures.
    apart = place.is_dir() and place.name.lower() == "annotations"
    beside = [path for path in sorted(place.parent.iterdir()) if path.is_dir()] if apart else []
    above = (place.parent, *(place.parent / name for name in _FOLDERS), *beside)
    for folder in (*(place / name for name in _FOLDERS), *below, *above):
        if any(os.path.isfile(folder / name) for name in names if name):
            return folder
    raise DataError(
        f"the pictures are not found, such as {names[0]!r}; name their folder with --set model.images=DIR",
        *table.place(0),
    )


def tidied(caption: str) -> str:
    """A caption without spaces before its marks, which some sets have."""
    return _SPACED_MARK.sub(r"\1", " ".join(caption.split()))


def row_problems(table: Table, columns: Columns) -> Iterator[tuple[int, Problem]]:
    """What is wrong with rows before any picture is opened: (row, problem), in order."""
    cells = zip(table.texts(columns.image), table.texts(columns.caption), strict=True)
    for row, (image, caption) in enumerate(cells):
        if table.marked:
            yield from ((row, problem) for problem in table.problems(row))
            continue
        line = table.place(row)[1]
        if not image.strip():
            yield row, Problem("image", line, "a caption without the name of a picture")
        if not caption.strip():
            yield row, Problem("caption", line, "an empty caption")


def picture_problem(path: Path, line: int) -> Problem | None:
    """What is wrong with a picture; None if it can be decoded."""
    # Not `Path.is_file`, which raises where a name is longer than a file's may be.
    if not os.path.isfile(path):
        return Problem("image", line, f"the picture {path.name!r} is not there")
    try:
        open_picture(file_content(path), path)
    except DataError as error:
        return Problem("picture", line, str(error))
    return None


def rows_of_pictures(table: Table, columns: Columns) -> Mapping[str, list[int]]:
    """The rows of every picture by its name, in the order of the table."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(table.texts(columns.image)):
        if name.strip():
            rows.setdefault(name, []).append(row)
    return rows


def stop_at(table: Table, found: Sequence[tuple[int, Problem]]) -> None:
    """Raise for the first of some problems of one kind.

    Raises:
        DataError: with file and line, and how many of its kind there are.
    """
    row, problem = found[0]
    raise DataError(
        f"{problem.text}; {len(found)} such ({KINDS[problem.kind]}), all listed by `unroll check`; {_ADVICE}",
        table.place(row)[0],
        problem.line,
    )


def by_kind(problems: Iterable[tuple[int, Problem]]) -> dict[str, list[tuple[int, Problem]]]:
    """Problems by their kind, in the order in which the kinds come."""
    found: dict[str, list[tuple[int, Problem]]] = {}
    for row, problem in problems:
        found.setdefault(problem.kind, []).append((row, problem))
    return found


def findings(table: Table, columns: Columns, images: str | None) -> Iterator[Finding]:
    """What `unroll check` says: every problem with file and line, and pictures that have no caption."""
    problems = list(row_problems(table, columns))
    try:
        folder = picture_folder(table, columns, images)
    except DataError as error:
        yield Finding("error", str(error), None, None, "--set model.images=DIR names the folder of the pictures")
        return
    rows = rows_of_pictures(table, columns)
    for number, (name, own) in enumerate(rows.items()):
        line = table.place(own[0])[1]
        if number < _DECODED:
            problem = picture_problem(folder / name, line)
        else:
            missing = not os.path.isfile(folder / name)
            problem = Problem("image", line, f"the picture {name!r} is not there") if missing else None
        if problem is not None:
            problems.append((own[0], problem))
    for kind, cases in by_kind(problems).items():
        for row, problem in cases[:_LISTED]:
            yield Finding("error", problem.text, table.place(row)[0], problem.line, _ADVICE)
        if len(cases) > _LISTED:
            yield Finding("error", f"{len(cases) - _LISTED:,} more: {KINDS[kind]}")
    named = {(folder / name).resolve() for name in rows}
    stand = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    silent = [path for path in stand if path.resolve() not in named]
    for path in silent[:_SILENT]:
        yield Finding("warning", "a picture without a caption; it is not used", path)
    if len(silent) > _SILENT:
        yield Finding("warning", f"{len(silent) - _SILENT:,} more pictures without a caption")
    yield Finding("note", f"{len(table):,} captions of {len(rows):,} pictures in {folder}")
