"""Matrices of numbers as short texts that the page unpacks when it shows them.

Shapes: R rows, T steps.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

#: Numbers of a page up to which each keeps 16 bits; beyond, 8 bits keep the file and its memory small.
FINE = 4_000_000
#: Rows that are packed at a time.
_ROWS = 64
#: Bytes of a block from which packing must be quick rather than tight.
_LARGE = 2_000_000


class Packer:
    """Collects the blocks of a page.

    A value is stored as a code: 0 for "not finite", 1 for the least value of the block, the largest code for its
    greatest, so a shown value is off by at most half a step of (greatest - least) / 65534, or / 254 with 8 bits. The
    codes of a row are stored as differences, which pack better, then deflated, then base64.

    Args:
        bits: of a code, 8 or 16.
    """

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._texts: dict[str, str] = {}

    @property
    def texts(self) -> dict[str, str]:
        """Id -> block, in base64."""
        return dict(self._texts)

    def block(self, values: np.ndarray) -> dict[str, Any]:
        """Store a matrix and return what the page must know to read it.

        Args:
            values: (R, T) numbers.
        """
        low, high = _ends(values)
        width = high - low or 1.0
        top = 2**self._bits - 2
        differences = np.empty(values.shape, np.dtype("<u2" if self._bits == 16 else "u1"))
        # A few rows at a time: a page may hold tens of millions of numbers, and a copy in 64 bits is eight times those.
        for start in range(0, len(values), _ROWS):
            part = values[start : start + _ROWS].astype(np.float64)
            known = np.isfinite(part)
            part = np.rint((part - low) * (top / width)) + 1
            part[~known] = 0
            codes = part.astype(differences.dtype)
            differences[start : start + _ROWS, :1] = codes[:, :1]
            # Unsigned numbers wrap around, and so they do when the page adds them up again.
            differences[start : start + _ROWS, 1:] = codes[:, 1:] - codes[:, :-1]
        data = differences.tobytes()
        packed = zlib.compress(data, 1 if len(data) > _LARGE else 6)
        name = f"b{len(self._texts)}"
        self._texts[name] = base64.b64encode(packed).decode("ascii")
        rows, columns = values.shape
        return {"id": name, "rows": rows, "columns": columns, "bits": self._bits, "low": low, "high": low + width}


def _ends(values: np.ndarray) -> tuple[float, float]:
    """The least and the greatest finite value; zeros if there is none."""
    finite = values[np.isfinite(values)] if not np.isfinite(values).all() else values
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def bits_for(numbers: int) -> int:
    """How many bits each of so many numbers gets."""
    return 16 if numbers <= FINE else 8
