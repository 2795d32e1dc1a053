"""Where the pictures stand that a table names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unroll.data import Table
from unroll.data.images.pictures import SUFFIXES
from unroll.data.images.places import FOLDERS, is_address, picture_files
from unroll.errors import DataError

#: Rows by which it is told where pictures stand.
_LOOKED_AT = 200


class Named(NamedTuple):
    """A picture as a table names it.

    Attributes:
        start: the folder of the file that names it, or the one in which the user says that pictures are.
        name: as the cell has it.
    """

    start: Path
    name: str


def named_pictures(table: Table, column: str, images: str | None) -> list[Named]:
    """The picture of every row; files in folders of their own may each have a 1.jpg."""
    starts = [path.parent if images is None else Path(images) for path in table.paths]
    cells = zip(table.files().tolist(), table.texts(column), strict=True)
    return [Named(starts[file], name.strip()) for file, name in cells]


def rows_of_pictures(table: Table, column: str, images: str | None) -> Mapping[Named, list[int]]:
    """The rows of every picture, in the order of the table."""
    rows: dict[Named, list[int]] = {}
    for row, named in enumerate(named_pictures(table, column, images)):
        if named.name:
            rows.setdefault(named, []).append(row)
    return rows


class Places:
    """The pictures of a table, and the folders in which they are.

    Args:
        table: that names them.
        column: the column of their names.
        images: their folder, where the user names it.

    Attributes:
        rows: of every picture, as `rows_of_pictures` gives them.

    Raises:
        DataError: none of the first pictures is found.
    """

    def __init__(self, table: Table, column: str, images: str | None) -> None:
        self.rows = rows_of_pictures(table, column, images)
        names: dict[Path, list[str]] = {}
        for start, name in self.rows:
            own = names.setdefault(start, [])
            if len(own) < _LOOKED_AT:
                own.append(name)
        found = {start: Path(images) if images is not None else _folder(start, own) for start, own in names.items()}
        if not any(found.values()):
            raise _not_found(table, next(iter(names.values()), [""])[0])
        self._folders = {start: folder or start for start, folder in found.items()}

    @property
    def folders(self) -> list[Path]:
        """All of them."""
        return list(dict.fromkeys(self._folders.values()))

    def path(self, named: Named) -> Path:
        """The file of a picture; where there is none, where it would be."""
        folder = self._folders[named.start]
        return next(picture_files(folder, named.name), folder / named.name)

    def paths(self) -> list[Path]:
        """The files of all pictures."""
        return [self.path(named) for named in self.rows]


def are_pictures(table: Table, column: str) -> bool:
    """Whether the first cells of a column name pictures: by their endings, or because such files are there."""
    names = [name.strip() for name in table.texts(column, np.arange(min(len(table), _LOOKED_AT)))]
    ended = sum(Path(name).suffix.lower() in SUFFIXES for name in names)
    if 2 * ended > len(names):
        return True
    plain = [name for name in names if name and len(name.split()) == 1]
    return not table.in_memory and 2 * len(plain) > len(names) and _folder(table.paths[0].parent, plain) is not None


def _folder(start: Path, names: Iterable[str]) -> Path | None:
    """The folder at, below or beside one in which a picture of some names is; None if there is none."""
    below = [path for path in sorted(start.iterdir()) if path.is_dir()] if start.is_dir() else []
    # COCO's annotations stand in a folder beside those of the pictures.
    apart = start.is_dir() and start.name.lower() == "annotations"
    beside = [path for path in sorted(start.parent.iterdir()) if path.is_dir()] if apart else []
    above = (start.parent, *(start.parent / name for name in FOLDERS), *beside)
    wanted = [name for name in names if name]
    for folder in (*(start / name for name in FOLDERS), *below, *above):
        if any(next(picture_files(folder, name), None) is not None for name in wanted):
            return folder
    return None


def _not_found(table: Table, name: str) -> DataError:
    if is_address(name):
        what = f"the pictures are addresses ({name[:60]!r}), which are not fetched; download them, and write the names"
        return DataError(f"{what} of the files into the column", *table.place(0))
    where = "name their folder with --set model.images=DIR"
    if table.in_memory:
        where = "write whole paths, or name their folder with settings={'model.images': DIR}"
    return DataError(f"the pictures are not found, such as {name[:60]!r}; {where}", *table.place(0))
