"""Pictures as arrays: what is in a file is looked at before any of it is decoded.

Shapes: H height, W width.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unroll.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from PIL import Image

#: Kinds of files that are decoded. Others (such as PostScript) are programs, or far more than pictures.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
#: Endings of files that hold pictures.
SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
#: Pixels of a picture, at most: a small file can say that it holds a picture of terabytes.
MAX_PIXELS = 64_000_000
#: Bytes of a file, at most.
MAX_BYTES = 256 * 2**20
#: What the brightest of 16 bits is of the brightest of 8, and kinds of files whose larger numbers have 16 bits.
_OF_SIXTEEN, _SIXTEEN_BITS = 257, ("PNG", "PPM")


def is_picture_name(name: str) -> bool:
    """Whether a name of a file promises a picture."""
    return name.lower().endswith(SUFFIXES)


def open_picture(content: bytes, path: Path | str) -> Image.Image:
    """A picture in RGB, upright, what is transparent in it on white.

    Args:
        content: of its file.
        path: of the file, for errors.

    Raises:
        DataError: it is no picture, damaged, or has more than `MAX_PIXELS`.
        MissingExtraError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingExtraError("pillow", "tasks", "reading pictures") from error
    with warnings.catch_warnings():
        # The library warns of large pictures below its own bound; ours is checked here, and it is lower.
        warnings.simplefilter("ignore")
        try:
            picture = Image.open(io.BytesIO(content), formats=FORMATS)
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise DataError(
                    f"a picture of {width} x {height} pixels; at most {MAX_PIXELS:,} are decoded, make it smaller", path
                )
            upright = _of_bytes(ImageOps.exif_transpose(picture), picture.format, path)
            if "A" in upright.getbands() or "transparency" in upright.info:
                upright = upright.convert("RGBA")
                ground = Image.new("RGBA", upright.size, "white")
                upright = Image.alpha_composite(ground, upright)
            return upright.convert("RGB")
        except DataError:
            raise
        # A damaged file raises whatever its decoder stumbles over.
        except (OSError, ValueError, SyntaxError, EOFError, OverflowError, IndexError, TypeError, KeyError) as error:
            kinds = ", ".join(FORMATS)
            raise DataError(f"cannot be read as a picture ({type(error).__name__}); expected {kinds}", path) from error
        except (Image.DecompressionBombError, MemoryError) as error:
            raise DataError(f"a picture too large to be decoded; at most {MAX_PIXELS:,} pixels", path) from error


def _of_bytes(picture: Image.Image, kind: str | None, path: Path | str) -> Image.Image:
    """A picture whose numbers are at most 255; the library cuts off what is brighter.

    Raises:
        DataError: it holds numbers of 32 bits, of which nothing says what white is.
    """
    from PIL import Image

    if picture.mode.startswith("I;16") or (picture.mode == "I" and kind in _SIXTEEN_BITS):
        return Image.fromarray((np.asarray(picture, dtype=np.uint32) // _OF_SIXTEEN).clip(0, 255).astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise DataError("a picture of 32-bit numbers, of which nothing says what white is; save it with 8 or 16", path)
    return picture


def file_content(path: Path) -> bytes:
    """The bytes of a picture's file.

    Raises:
        DataError: it is not there, is no file, or is too large.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"a picture of more than {MAX_BYTES:,} bytes", path)
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"the picture cannot be read: {error.strerror or error}", path) from error


def picture_size(path: Path) -> tuple[int, int]:
    """(H, W) of a picture as it is seen, without decoding it.

    Raises:
        DataError: it is no picture, or not there.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=FORMATS) as picture:
                width, height = picture.size
                turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(f"cannot be read as a picture ({type(error).__name__})", path) from error
    return (width, height) if turned else (height, width)


def as_array(picture: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8: the whole picture, stretched to the size.

    Args:
        picture: in RGB.
        size: H and W.
    """
    from PIL import Image

    resized = picture.resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return np.asarray(resized, dtype=np.uint8)
