"""Pictures are looked at before they are decoded, and come upright in RGB."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unroll.data.images.pictures import MAX_PIXELS, as_array, file_content, open_picture, picture_size
from unroll.errors import DataError


def saved(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)
    return path


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is of this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_picture_of_one_pixel_is_a_picture(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("L", (1, 1), 200))
    array = as_array(open_picture(file_content(path), path), (4, 6))
    assert array.shape == (4, 6, 3)
    assert (array == 200).all()


def test_what_is_transparent_stands_on_white(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGBA", (2, 2), (10, 20, 30, 0)))
    assert np.asarray(open_picture(file_content(path), path)).tolist() == [[[255] * 3] * 2] * 2


def test_a_turned_photograph_comes_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (40, 20))
    picture.paste((255, 255, 255), (0, 0, 20, 20))
    turned = Image.Exif()
    # 6: what is seen first must be turned a quarter to the right.
    turned[0x0112] = 6
    path = saved(tmp_path / "a.jpg", picture, exif=turned)
    upright = np.asarray(open_picture(file_content(path), path))
    assert upright.shape == (40, 20, 3)
    assert picture_size(path) == (40, 20)
    assert upright[:15].min() > 200
    assert upright[25:].max() < 50


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    side = int(MAX_PIXELS**0.5) + 1
    with pytest.raises(DataError, match=f"{side} x {side} pixels; at most"):
        open_picture(bomb(side, side), "a.png")
    with pytest.raises(DataError, match=r"too large|at most|cannot be read"):
        open_picture(bomb(2**30, 2**30), "a.png")


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe", b"\xff\xd8\xff\xe0" + b"\0" * 40]
)
def test_what_is_no_picture_is_an_error_with_its_file(content: bytes) -> None:
    with pytest.raises(DataError, match=r"b.jpg: cannot be read as a picture"):
        open_picture(content, "b.jpg")


def test_a_picture_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    path = saved(tmp_path / "a.jpg", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="cannot be read as a picture"):
        open_picture(file_content(path), path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(DataError, match="the picture cannot be read"):
            file_content(path)
    with pytest.raises(DataError, match="cannot be read as a picture"):
        picture_size(tmp_path / "none.png")


@pytest.mark.parametrize("kind", ["png", "tif", "pgm"])
def test_a_picture_of_sixteen_bits_is_as_bright_as_with_eight(tmp_path: Path, kind: str) -> None:
    grey = np.arange(0, 250, 10, dtype=np.uint8).reshape(5, 5)
    path = tmp_path / f"a.{kind}"
    if kind == "pgm":
        path.write_bytes(b"P5 5 5 65535\n" + (grey.astype(">u2") * 257).tobytes())
    else:
        saved(path, Image.fromarray(grey.astype(np.uint16) * 257))
    assert np.asarray(open_picture(file_content(path), path))[:, :, 1].tolist() == grey.tolist()


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_a_picture_of_numbers_whose_white_is_unknown_is_an_error(tmp_path: Path, dtype: type) -> None:
    path = saved(tmp_path / "a.tif", Image.fromarray(np.full((4, 4), 1, dtype)))
    with pytest.raises(DataError, match="32-bit numbers, of which nothing says what white is"):
        open_picture(file_content(path), path)
