"""The pictures and captions of a table: which columns, and what is wrong with them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unroll.bundle import DataConfig
from unroll.data import Finding, Kind, Table
from unroll.data.images.pictures import SUFFIXES, file_content, open_picture
from unroll.data.table.kinds import Problem
from unroll.errors import DataError
from unroll.tasks.caption.places import Places, are_pictures

#: Usual names of columns, most usual first.
_IMAGES = (
    *("image", "image_path", "image_name", "img", "file_name", "filename", "image_file", "img_path", "file_path"),
    *("path", "file", "picture", "photo", "이미지", "사진", "그림", "파일명", "파일"),
)
_CAPTIONS = (
    *("caption", "captions", "text", "description", "comment", "sentence", "sentences", "title"),
    *("캡션", "설명", "문장", "텍스트"),
)
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
        picture: the number of each caption's picture; -1 for captions that are left out.
        captions: all of them, tidied.
        owner: the row of each.
        seen: what the eye made of every picture.
        notes: what was left out, with counts.
    """

    paths: list[Path]
    picture: np.ndarray
    captions: list[str]
    owner: np.ndarray
    seen: np.ndarray
    notes: list[str]


def find_columns(table: Table, data: DataConfig) -> Columns | None:
    """The columns that were named, or those with usual names that hold names of pictures; None if there are none."""
    named = {name.strip().lower(): name for name in reversed(table.columns)}
    cells = [name for name in table.columns if table.kinds[name] is not Kind.SERIES]
    image = data.inputs[0] if data.inputs else next((named[name] for name in _IMAGES if name in named), None)
    if image is None or image not in cells:
        # Without usual names, the only column whose cells name files tells.
        found = [name for name in cells if table.kinds[name] is Kind.TEXT and are_pictures(table, name)]
        image = found[0] if len(found) == 1 and not data.inputs else None
    rest = [name for name in cells if name != image and table.kinds[name] in (Kind.TEXT, Kind.LABELS)]
    usual = next((named[name] for name in _CAPTIONS if named.get(name) in rest), None)
    caption = data.target or usual or (rest[0] if len(rest) == 1 and len(table.columns) == 2 else None)
    if image is None or caption is None or image == caption or caption not in cells:
        return None
    return Columns(image, caption) if are_pictures(table, image) else None


class Texts(NamedTuple):
    """All captions of a table, one after the other.

    Attributes:
        captions: tidied.
        owner: the row of each.
    """

    captions: list[str]
    owner: np.ndarray


def captions_of(table: Table, columns: Columns) -> Texts:
    """Every caption; a cell may hold a list of them."""
    if not table.details(columns.caption).is_list:
        return Texts([tidied(text) for text in table.texts(columns.caption)], np.arange(len(table)))
    lists = table.labels(columns.caption)
    owner = np.repeat(np.arange(len(table)), [len(own) for own in lists])
    return Texts([tidied(text) for own in lists for text in own], owner)


def tidied(caption: str) -> str:
    """A caption without spaces before its marks, which some sets have."""
    return _SPACED_MARK.sub(r"\1", " ".join(caption.split()))


def row_problems(table: Table, columns: Columns) -> Iterator[tuple[int, Problem]]:
    """What is wrong with rows before any picture is opened: (row, problem), in order."""
    if table.details(columns.caption).is_list:
        filled = [bool(own) and all(text.strip() for text in own) for own in table.labels(columns.caption)]
    else:
        filled = [bool(text.strip()) for text in table.texts(columns.caption)]
    for row, image in enumerate(table.texts(columns.image)):
        if table.marked:
            yield from ((row, problem) for problem in table.problems(row))
            continue
        line = table.place(row)[1]
        if not image.strip():
            yield row, Problem("image", line, "a caption without the name of a picture")
        if not filled[row]:
            yield row, Problem("caption", line, "an empty caption")


def picture_problem(path: Path, line: int, error: DataError | None = None, *, held: bool = False) -> Problem | None:
    """What is wrong with a picture; None if it can be decoded.

    Args:
        path: its file.
        line: of the row.
        error: that came of opening it; None: it is opened here.
        held: whether the data held the picture itself, so that nobody knows its file.
    """
    # Not `Path.is_file`, which raises where a name is longer than a file's may be.
    if not os.path.isfile(path):
        return Problem("image", line, f"the picture {path.name!r} is not there")
    try:
        if error is not None:
            raise error
        open_picture(file_content(path), path)
    except DataError as wrong:
        said = str(wrong)
        return Problem("picture", line, said.removeprefix(f"{path}: ") if held else said)
    return None


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
        places = Places(table, columns.image, images)
    except DataError as error:
        yield Finding("error", str(error), None, None, "training would stop here")
        return
    rows, paths = places.rows, places.paths()
    for number, (path, own) in enumerate(zip(paths, rows.values(), strict=True)):
        line = table.place(own[0])[1]
        problem: Problem | None = None
        if number < _DECODED or not os.path.isfile(path):
            problem = picture_problem(path, line, held=is_held(table, path))
        if problem is not None:
            problems.append((own[0], problem))
    for kind, cases in by_kind(problems).items():
        for row, problem in cases[:_LISTED]:
            yield Finding("error", problem.text, table.place(row)[0], problem.line, _ADVICE)
        if len(cases) > _LISTED:
            yield Finding("error", f"{len(cases) - _LISTED:,} more: {KINDS[kind]}")
    named = {path.resolve() for path in paths}
    folders = [folder for folder in places.folders if folder.is_dir()]
    stand = sorted(path for folder in folders for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    silent = [path for path in stand if path.resolve() not in named and not table.in_memory]
    for path in silent[:_SILENT]:
        yield Finding("warning", "a picture without a caption; it is not used", path)
    if len(silent) > _SILENT:
        yield Finding("warning", f"{len(silent) - _SILENT:,} more pictures without a caption")
    count = len(captions_of(table, columns).captions)
    where = "" if table.in_memory else f" in {', '.join(str(folder) for folder in folders[:3])}"
    yield Finding("note", f"{count:,} captions of {len(rows):,} pictures{where}")


def is_held(table: Table, path: Path) -> bool:
    """Whether the data held this picture itself, so that it was put into a file of the table's store."""
    return path.is_relative_to(table.store)
