"""Tensors of an ONNX file that nobody vouches for: every size is checked before anything is read.

A file says how large its tensors are. Nothing that it says is believed before the bytes are seen to be there.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.errors import DataError

#: A file larger than this is not read; one protobuf message ends at 2 GiB.
MOST_BYTES = 2**31

#: onnx.TensorProto.DataType: the name, numpy's type of the bytes, the field that holds them otherwise, torch's type.
_TYPES: dict[int, tuple[str, str, str, torch.dtype]] = {
    1: ("float32", "<f4", "float_data", torch.float32),
    11: ("float64", "<f8", "double_data", torch.float64),
    10: ("float16", "<u2", "int32_data", torch.float16),
    16: ("bfloat16", "<u2", "int32_data", torch.bfloat16),
    6: ("int32", "<i4", "int32_data", torch.int32),
    7: ("int64", "<i8", "int64_data", torch.int64),
}


def load(path: Path) -> Any:
    """The file as an onnx.ModelProto, without its external data.

    Raises:
        DataError: it is not there, too large, or not ONNX.
    """
    import onnx
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise DataError("there is no such file; expected an ONNX file", path)
    if path.stat().st_size > MOST_BYTES:
        raise DataError(f"{path.stat().st_size} bytes are too many for an ONNX file, which ends at {MOST_BYTES}", path)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise DataError(f"not an ONNX file, or a damaged one ({error})", path) from error
    if not model.HasField("graph"):
        raise DataError("not an ONNX file: it holds no graph", path)
    return model


def tensor(proto: Any, path: Path) -> Tensor:
    """The values of an onnx.TensorProto.

    Args:
        proto: the tensor.
        path: the file it came from, beside which external data must lie.

    Raises:
        DataError: its type is none of floats and integers, or its bytes are not as many as its dimensions say.
    """
    name, dims = proto.name, tuple(proto.dims)
    if proto.data_type not in _TYPES:
        raise DataError(f"tensor '{name}' has the ONNX type {proto.data_type}; expected floats or integers", path)
    kind, stored, field, dtype = _TYPES[proto.data_type]
    if any(size < 0 for size in dims):
        raise DataError(f"tensor '{name}' has a negative dimension: {dims}", path)
    count, width = math.prod(dims), np.dtype(stored).itemsize
    if proto.data_location == 1:
        content = _external(proto, count * width, path)
    elif proto.HasField("raw_data"):
        content = proto.raw_data
    else:
        content = np.asarray(getattr(proto, field)).astype(stored).tobytes()
    if len(content) != count * width:
        raise DataError(
            f"tensor '{name}' of {kind} has the dimensions {dims}, which are {count * width} bytes, and holds "
            f"{len(content)}",
            path,
        )
    values = torch.from_numpy(np.frombuffer(content, stored).astype(np.dtype(stored).newbyteorder("=")).reshape(dims))
    return values.view(dtype) if stored == "<u2" else values


def _external(proto: Any, wanted: int, path: Path) -> bytes:
    """The bytes of a tensor that lie in a file beside the model, and nowhere else."""
    entries = {entry.key: entry.value for entry in proto.external_data}
    folder, location = path.resolve().parent, entries.get("location", "")
    try:
        file = (folder / location).resolve()
        found = file.is_file()
    except (OSError, RuntimeError, ValueError) as error:
        # A name that is too long, a link to itself, a zero in the name.
        raise DataError(f"tensor '{proto.name}' points to {location[:80]!r}, which no file is called", path) from error
    if not file.is_relative_to(folder) or file == folder:
        raise DataError(f"tensor '{proto.name}' points to {location[:80]!r}, outside of the model's folder", path)
    if not found:
        raise DataError(f"tensor '{proto.name}' is in '{file.name}', which is not beside the model", path)
    try:
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", wanted))
    except ValueError as error:
        raise DataError(f"tensor '{proto.name}': offset and length must be numbers ({error})", path) from error
    there = file.stat().st_size
    if offset < 0 or length != wanted or offset + wanted > there:
        raise DataError(
            f"tensor '{proto.name}' needs {wanted} bytes at {offset} of '{file.name}', which has {there}", path
        )
    with file.open("rb") as source:
        source.seek(offset)
        content: bytes = source.read(wanted)
        return content
