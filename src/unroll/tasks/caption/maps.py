"""Where each word of a caption looked, drawn over its picture.

Shapes: T words.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unroll.data.images.pictures import file_content, open_picture
from unroll.errors import DataError
from unroll.report.charts import Picture

if TYPE_CHECKING:
    from PIL import Image

#: Pixels of the longer side of a map in the report, and of one in a file.
_SMALL, _LARGE = 160, 240
#: Maps that stand beside each other in a file, and pixels of the strip under each for its word.
_ACROSS, _STRIP = 5, 18
#: How dark the picture is where nothing looked.
_DIM = 0.25


def map_over(picture: Image.Image, looked: np.ndarray) -> Image.Image:
    """A picture that is bright where a word looked.

    Args:
        picture: in RGB.
        looked: (rows, columns) weights.
    """
    from PIL import Image

    scaled = np.asarray(255 * looked / max(float(looked.max()), 1e-12), dtype=np.uint8)
    mask = Image.fromarray(scaled).resize(picture.size, Image.Resampling.BICUBIC)
    light = _DIM + (1 - _DIM) * np.asarray(mask, dtype=np.float32)[..., None] / 255
    return Image.fromarray((np.asarray(picture, dtype=np.float32) * light).astype(np.uint8))


def shrunk(picture: Image.Image, side: int) -> Image.Image:
    """A copy whose longer side has so many pixels; of a small picture a larger one."""
    from PIL import Image

    scale = side / max(picture.size)
    width, height = (max(1, round(length * scale)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.BICUBIC)


def report_maps(path: Path, words: Sequence[str], maps: np.ndarray) -> list[Picture]:
    """The picture and its maps for the report; nothing if its file is gone."""
    try:
        picture = shrunk(open_picture(file_content(path), path), _SMALL)
    except DataError:
        return []
    drawn = [("", picture), *((word, map_over(picture, own)) for word, own in zip(words, maps, strict=True))]
    return [Picture(name, _jpeg(image)) for name, image in drawn]


def draw_maps(content: bytes, path: Path, words: Sequence[str], maps: np.ndarray, folder: Path) -> Path:
    """Write one picture with all maps of a caption into a folder, and return its path.

    Args:
        content: of the picture's file.
        path: of that file, for the name.
        words: of the caption.
        maps: (T, rows, columns).
        folder: made if it is missing.

    Raises:
        DataError: the folder cannot be written to.
    """
    from PIL import Image, ImageDraw, ImageFont

    picture = shrunk(open_picture(content, path), _LARGE)
    drawn = [("", picture), *((word, map_over(picture, own)) for word, own in zip(words, maps, strict=True))]
    width, height = picture.width, picture.height + _STRIP
    across = min(_ACROSS, len(drawn))
    whole = Image.new("RGB", (across * width, -(-len(drawn) // across) * height), "white")
    pen = ImageDraw.Draw(whole)
    font = ImageFont.load_default()
    for number, (word, image) in enumerate(drawn):
        left, top = number % across * width, number // across * height
        whole.paste(image, (left, top))
        # The font that comes with Pillow knows Latin letters only.
        shown = word if word.isascii() else word.encode("ascii", "backslashreplace").decode()
        pen.text((left + 4, top + picture.height + 2), shown, fill="black", font=font)
    target = folder / f"{path.stem}-maps.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        whole.save(target)
    except OSError as error:
        raise DataError(f"the maps cannot be written: {error.strerror or error}", target) from error
    return target


def _jpeg(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=70)
    return stream.getvalue()
