"""Which file a name of a picture stands for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from unroll.data.images.pictures import SUFFIXES

#: Folders beside a table in which pictures stand.
FOLDERS = ("", "images", "Images", "image", "imgs", "pictures", "photos", "Flicker8k_Dataset", "Flickr8k_Dataset")


def is_address(name: str) -> bool:
    """Whether a name is an address of the web, which nothing here fetches."""
    return name.lower().startswith(("http://", "https://"))


def picture_beside(name: str, folder: Path) -> Path:
    """The file of a picture that a table in some folder names; its name as it is where there is none."""
    places = (folder / other for other in FOLDERS)
    return next((path for place in places for path in picture_files(place, name)), Path(name))


def picture_files(folder: Path, name: str) -> Iterator[Path]:
    """The files that a name may stand for.

    Itself; with the slashes of Windows; with the ending of a picture where it has none, or the file has it in capitals.
    """
    for plain in dict.fromkeys((name, name.replace("\\", "/"))):
        path = folder / plain
        suffix = path.suffix.lower()
        others = [path.with_suffix(s) for s in (suffix, suffix.upper())] if suffix in SUFFIXES else []
        bare = [folder / f"{plain}{s}" for s in SUFFIXES] if path.name and suffix not in SUFFIXES else []
        # Not `Path.is_file`, which raises where a name is longer than a file's may be.
        yield from (one for one in (path, *others, *bare) if os.path.isfile(one))
