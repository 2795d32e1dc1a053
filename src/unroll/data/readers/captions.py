"""Pictures with captions: the text files and the JSON that such sets come as; a row per caption.

Where the pictures stand is not looked at here: a row holds the name that the file has.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unroll.data.readers.jsonparse import JsonDocument
from unroll.data.readers.lines import encoding_of
from unroll.data.readers.linewise import LineSource
from unroll.data.readers.reader import Input, Source
from unroll.data.table.kinds import Problem
from unroll.data.table.splits import part_of
from unroll.data.table.writer import Field, Row
from unroll.errors import DataError

_FIELDS = (Field("image"), Field("caption"))
#: The first line of the file of Flickr8k and its like.
_HEADS = ("image,caption", "image_name,comment", "file_name,caption", "filename,caption")
#: A line of the older form: the name of a picture, the number of a caption, the caption.
_NUMBERED = re.compile(r"(\S+\.(?:jpe?g|png|gif|bmp|webp))#\d+\t(.+)", re.IGNORECASE)
#: The head and the lines of Flickr30k's `results.csv`, one of which lacks a bar between number and caption.
_BARRED_HEAD = re.compile(r"image_name\| ?comment_number\| ?comment$")
_BARRED = re.compile(r"([^|]+\.(?:jpe?g|png))\| ?\d+ ?(?:\| ?|  +)(.*)", re.IGNORECASE)
#: What begins with the name of a picture.
_NAMED = re.compile(r"[^,]+\.(?:jpe?g|png|gif|bmp|webp)\s*,", re.IGNORECASE)
#: What Karpathy's files call the rest of the training part.
_REST = "restval"


class CaptionsReader:
    """Reads the text files of Flickr8k and Flickr30k."""

    name = "captions"
    suffixes: tuple[str, ...] = ()
    summary = (
        "pictures with captions: `image,caption` as the first line, or Flickr30k's head, or "
        "`NAME.jpg#0`, a tab and the caption on every line; a row per caption"
    )

    def recognises(self, file: Input) -> bool:
        """The first line says so and most of the others name pictures, or every line has such a name with a number."""
        lines = [line.removesuffix("\r") for _, line in file.lines if line.strip()][:200]
        if not lines:
            return False
        if lines[0].strip().lower() in _HEADS:
            return 2 * sum(_NAMED.match(line) is not None for line in lines[1:]) >= len(lines) - 1
        if _BARRED_HEAD.match(lines[0].strip()):
            return True
        return all(_NUMBERED.fullmatch(line) for line in lines)

    def open(self, file: Input, first: Source | None) -> LineSource:
        """The columns are always the same."""
        return LineSource(file, _FIELDS, "pictures with captions", _Cells())


class _Cells:
    """From a line to its cells; the head of the file is told by being the first line."""

    def __init__(self) -> None:
        self._first = True

    def __call__(self, line: str) -> list[str]:
        first, self._first = self._first, False
        if first and (line.strip().lower() in _HEADS or _BARRED_HEAD.match(line.strip())):
            return []
        barred = _BARRED.fullmatch(line)
        if barred is not None:
            return [barred[1].strip(), barred[2].strip()]
        numbered = _NUMBERED.fullmatch(line)
        if numbered is not None:
            return [numbered[1], numbered[2].strip()]
        image, comma, caption = line.partition(",")
        if not comma or not image.strip():
            raise ValueError(f"expected the name of a picture, a comma and a caption, got {line[:40]!r}")
        if caption.startswith('"'):
            try:
                caption = ",".join(next(csv.reader((caption,), strict=True)))
            except csv.Error as error:
                raise ValueError(f"a quoted caption that does not end on its line, got {line[:40]!r}") from error
        return [image.strip(), caption.strip()]


class CaptionJsonSource:
    """A JSON file of captions ready to be read.

    Args:
        path: the file.
        encoding: its encoding.
        karpathy: whether the sentences stand in their images, as in Karpathy's files; else as in COCO's.
    """

    fields = _FIELDS
    marked = True
    empty = "no captions"

    def __init__(self, path: Path, encoding: str, *, karpathy: bool) -> None:
        self.said = (
            f"{path.name}: pictures with captions ({'Karpathy' if karpathy else 'COCO'}), {encoding_of(path, encoding)}"
        )
        self._path = path
        self._encoding = encoding
        self._karpathy = karpathy
        self._silent = 0

    def rows(self) -> Iterator[Row]:
        """Every caption in order.

        Raises:
            DataError: no JSON, or not in that form, with its line.
        """
        whole = JsonDocument(self._path, self._encoding)
        value = whole.value if isinstance(whole.value, dict) else {}
        self._silent = 0
        images = self._list(value.get("images"), "images")
        yield from self._sentences(whole, images) if self._karpathy else self._annotations(whole, value, images)

    def _list(self, value: Any, key: str) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise DataError(f"expected a list of objects under {key!r}", self._path)
        return value

    def _sentences(self, whole: JsonDocument, images: list[dict[str, Any]]) -> Iterator[Row]:
        for image in images:
            name = str(image.get("filename", ""))
            line = whole.line(image.get("filename"))
            folder = image.get("filepath")
            split = str(image.get("split", ""))
            part = 0 if split == _REST else part_of(split)
            sentences = self._list(image.get("sentences", []), "sentences")
            self._silent += not sentences
            for sentence in sentences:
                text = sentence.get("raw", " ".join(map(str, sentence.get("tokens") or ())))
                yield _row(f"{folder}/{name}" if folder else name, text, whole.line(text) or line, part)

    def _annotations(self, whole: JsonDocument, value: dict[str, Any], images: list[dict[str, Any]]) -> Iterator[Row]:
        names = {image.get("id"): str(image.get("file_name", "")) for image in images}
        told = set()
        for annotation in self._list(value.get("annotations"), "annotations"):
            number, text = annotation.get("image_id"), annotation.get("caption")
            told.add(number)
            line = whole.line(text)
            row = _row(names.get(number, ""), text, line, None)
            if number not in names:
                missing = Problem("image", line, f"a caption of the image {number}, which is not listed")
                row = row._replace(problems=[missing])
            yield row
        self._silent = len(names.keys() - told)

    def left(self) -> list[str]:
        """Pictures without captions."""
        return [f"{self._silent:,} pictures without a caption left out"] if self._silent else []


def _row(image: str, caption: Any, line: int, part: int | None) -> Row:
    text = caption.strip() if isinstance(caption, str) else ""
    problems = [] if image else [Problem("image", line, "a caption without the name of a picture")]
    if not text:
        problems.append(Problem("caption", line, "an empty caption"))
    return Row([image, text], line, part, problems=problems)


class CocoReader:
    """Reads COCO's captions."""

    name = "coco"
    suffixes: tuple[str, ...] = ()
    summary = 'COCO: `{"images": [...], "annotations": [{"image_id": ..., "caption": ...}]}`; a row per caption'

    def recognises(self, file: Input) -> bool:
        """An object with images, and annotations that have captions."""
        keys = (b'"images"', b'"annotations"', b'"file_name"')
        held = _holds(file, keys)
        captions = held and (b'"caption"' in file.head or b"captions" in file.path.name.encode())
        if held and not captions and b'"bbox"' in file.head:
            raise DataError(
                "these are places of things in pictures (COCO), and no captions; give captions_*.json of the same set",
                file.path,
            )
        return captions

    def open(self, file: Input, first: Source | None) -> CaptionJsonSource:
        """The columns are always the same."""
        return CaptionJsonSource(file.path, file.options.encoding, karpathy=False)


class KarpathyReader:
    """Reads Karpathy's splits of Flickr8k, Flickr30k and COCO."""

    name = "karpathy"
    suffixes: tuple[str, ...] = ()
    summary = (
        'Karpathy\'s splits: `{"images": [{"filename": ..., "split": ..., "sentences": [{"raw": ...}]}]}`; a row per '
        "caption"
    )

    def recognises(self, file: Input) -> bool:
        """An object with images that have sentences."""
        return _holds(file, (b'"images"', b'"sentences"', b'"filename"'))

    def open(self, file: Input, first: Source | None) -> CaptionJsonSource:
        """The columns are always the same."""
        return CaptionJsonSource(file.path, file.options.encoding, karpathy=True)


def _holds(file: Input, keys: tuple[bytes, ...]) -> bool:
    return file.opening.startswith(b"{") and all(key in file.head for key in keys)
