"""Pictures that data holds itself, as frames and Parquet do: put into files, so that they are read as any others."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

#: What the contents of pictures begin with, and the endings of their files.
_BEGINNINGS = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"RIFF", ".webp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)
#: The fields of a picture as the `datasets` library keeps it.
_FIELDS = {"bytes", "path"}
#: Values of a point of a picture that is an array: grey, three colours, and with opacity.
_CHANNELS = (1, 3, 4)
#: Cells by which a column of pictures is known, and digits of the checksum that names a file.
_LOOKED_AT, _DIGITS = 50, 24


def is_picture(value: object) -> bool:
    """Whether it is a picture of Pillow's, or an array as torchvision, OpenCV and Keras hold one: bytes, (H, W, 1), of
    three colours or with opacity."""
    if isinstance(value, np.ndarray):
        return value.dtype == np.uint8 and value.ndim == 3 and value.shape[2] in _CHANNELS
    return any(kind.__module__ == "PIL.Image" and kind.__name__ == "Image" for kind in type(value).__mro__)


def is_held_picture(value: object) -> bool:
    """Whether it is a picture in any form in which data may hold it."""
    return is_picture(value) or is_record_of_picture(value) or (isinstance(value, bytes) and bool(_suffix(value)))


def is_record_of_picture(value: object) -> bool:
    """Whether it is `{"bytes": ..., "path": ...}`."""
    return isinstance(value, Mapping) and value.keys() == _FIELDS


def picture_bytes(value: Any) -> bytes | None:
    """The content of a file for a picture in memory: of Pillow, an array, its bytes, or `{"bytes": ..., "path": ...}`;
    None if it is none of these."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, Mapping):
        return picture_bytes(value.get("bytes"))
    if not is_picture(value):
        return None
    if isinstance(value, np.ndarray):
        from PIL import Image

        value = Image.fromarray(value[:, :, 0] if value.shape[2] == 1 else value)
    content = io.BytesIO()
    # What PNG has no mode for, such as CMYK, is written as it is shown.
    kept = value if value.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else value.convert("RGB")
    kept.save(content, "PNG")
    return content.getvalue()


def with_files(table: pa.Table, folder: Path, names: Collection[str] | None = None) -> pa.Table:
    """A table whose pictures are names of files; the same picture is the same file, however often it comes.

    Args:
        table: its columns may hold the bytes of pictures, or objects of bytes and a path.
        folder: for the files; it may not exist yet.
        names: the columns of pictures; None: those whose first cells are.
    """
    for at, field in enumerate(table.schema):
        if holds_pictures(table.column(at)) if names is None else field.name in names:
            cells = table.column(at).to_pylist()
            paths = [_written(cell, folder) for cell in cells]
            table = table.set_column(at, field.name, pa.array(paths, pa.large_string()))
    return table


def holds_pictures(column: pa.ChunkedArray) -> bool:
    """Whether the first cells of a column are pictures."""
    if not may_hold_pictures(column.type):
        return False
    cells = [cell for cell in column.slice(0, _LOOKED_AT).to_pylist() if cell is not None]
    found = [_suffix(content) if (content := picture_bytes(cell)) is not None else _ending(cell) for cell in cells]
    # Of pictures some may be damaged; what is no picture at all is bytes of something else.
    return any(found)


def may_hold_pictures(kind: pa.DataType) -> bool:
    """Whether cells of this type are bytes, or objects of bytes and a path."""
    held = pa.types.is_struct(kind) and {kind.field(i).name for i in range(kind.num_fields)} == _FIELDS
    return bool(held or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _suffix(content: bytes) -> str:
    return next((suffix for beginning, suffix in _BEGINNINGS if content.startswith(beginning)), "")


def _ending(cell: Any) -> str:
    return Path(str(cell.get("path") or "")).suffix if isinstance(cell, Mapping) else ""


def _written(cell: Any, folder: Path) -> str | None:
    content = picture_bytes(cell)
    if content is None:
        return str(cell.get("path") or "") if isinstance(cell, Mapping) else None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (hashlib.sha256(content).hexdigest()[:_DIGITS] + (_suffix(content) or ".png"))
    if not path.exists():
        path.write_bytes(content)
    return str(path)
