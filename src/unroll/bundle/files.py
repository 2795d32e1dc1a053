"""Files that are either whole or absent: atomic writes, bounded reads, checksums, safetensors without surprises."""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from unroll.errors import BundleError

#: Bytes of a JSON file that are read at most, unless the caller says otherwise.
JSON_LIMIT = 64 * 2**20
#: Bytes of a safetensors header that are read at most; a header holds about 100 bytes per tensor.
HEADER_LIMIT = 16 * 2**20


def sync_folder(folder: Path) -> None:
    """Make renames in this folder durable. A no-op where folders cannot be opened (Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, content: bytes) -> None:
    """Replace a file so that, whatever happens, either the old or the new content is there, never a mixture.

    The bytes go to a temporary file beside the target, which is synced and then renamed onto it; the folder is synced
    last.

    Raises:
        BundleError: the disk is full, or writing is not allowed.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises:
        BundleError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> BundleError:
    """The error for a file that cannot be written."""
    return BundleError(f"{path}: cannot be written: {error.strerror}; what was written before is intact")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal digits, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_bounded(path: Path, limit: int = JSON_LIMIT) -> bytes:
    """Read a whole file of at most `limit` bytes.

    Raises:
        BundleError: the file is missing, cannot be read, or is larger.
    """
    if path.exists() and not path.is_file():
        raise BundleError(f"{path}: expected a file, this is a folder or a device")
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit:
                raise BundleError(
                    f"{path}: expected at most {limit} bytes, got {size}; the file is damaged or not unroll's"
                )
            return file.read(limit)
    except FileNotFoundError:
        raise BundleError(f"{path}: the file is missing; this is not a complete run folder") from None
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error


def encode_json(value: object) -> bytes:
    """Standard JSON, UTF-8, one trailing newline. NaN and infinities become null, for JSON has no word for them."""
    return (json.dumps(_plain(value), ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


def decode_json(content: bytes, path: Path) -> Any:
    """Parse JSON read from `path`.

    Raises:
        BundleError: it is not UTF-8 or not JSON; the text names the file and, where known, the line.
    """
    try:
        return json.loads(content.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise BundleError(f"{path}:{error.lineno}: not valid JSON ({error.msg}); the file is damaged") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BundleError(f"{path}: not valid JSON ({type(error).__name__}); the file is damaged") from None


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Path):
        return str(value)
    return value


def encode_tensors(tensors: Mapping[str, Tensor]) -> bytes:
    """Tensors as safetensors; tensors that share memory are stored once per name."""
    return safetensors.torch.save(
        {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    )


def decode_tensors(content: bytes, path: Path) -> dict[str, Tensor]:
    """Parse safetensors bytes read from `path`; every tensor gets memory of its own.

    Raises:
        BundleError: the bytes are a pickle, are truncated, or hold a header that cannot be true.
    """
    check_header(content[:9], len(content), path)
    try:
        return {name: tensor.clone() for name, tensor in safetensors.torch.load(content).items()}
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise BundleError(f"{path}: not a valid safetensors file ({_one_line(error)}); the file is damaged") from None


def check_header(start: bytes, size: int, path: Path) -> None:
    """Refuse, before any memory is taken, a file whose first bytes cannot begin a safetensors file of `size` bytes."""
    # The length of a header may begin as a pickle does; then its upper bytes are zero, and the header itself follows.
    begins = start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= HEADER_LIMIT
    pickled = start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05") and not begins
    if start[:4] == b"PK\x03\x04" or pickled:
        raise BundleError(f"{path}: this is a pickle, which unroll never reads; expected a safetensors file")
    if len(start) < 9 or size < 10:
        raise BundleError(f"{path}: expected a safetensors file, got {size} bytes; the file is truncated")
    (header,) = struct.unpack("<Q", start[:8])
    if header > HEADER_LIMIT or header + 8 > size or start[8:9] != b"{":
        raise BundleError(
            f"{path}: not a safetensors file: its header would be {header} bytes of {size}"
            f" (at most {HEADER_LIMIT} are read); the file is damaged or truncated"
        )


def load_state(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy tensors into a model, all of them or none.

    Raises:
        BundleError: names, shapes or dtypes differ from the model's.
    """
    expected = model.state_dict()
    missing, unknown = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or unknown:
        what = f"'{missing[0]}' is missing" if missing else f"'{unknown[0]}' is not one of the model's"
        raise BundleError(f"{path}: the tensors are those of another model: {what}; was config.json changed?")
    for name, tensor in expected.items():
        came = tensors[name]
        if came.shape != tensor.shape or came.dtype != tensor.dtype:
            raise BundleError(
                f"{path}: tensor '{name}': expected {_kind(tensor)}, got {_kind(came)}; was config.json changed?"
            )
    with torch.no_grad():
        for name, tensor in expected.items():
            tensor.copy_(tensors[name])


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
