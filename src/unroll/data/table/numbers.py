"""Numbers written as text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unroll.data.table.chunks import text_block
from unroll.data.table.kinds import MISSING


def to_float64(block: pa.Array) -> tuple[np.ndarray, int | None]:
    """Convert an Arrow array of text or numbers to float64.

    Returns:
        The values, NaN for missing cells, and the position of the first cell that is no finite number (None if all
        are).
    """
    if pa.types.is_integer(block.type) or pa.types.is_floating(block.type) or pa.types.is_boolean(block.type):
        values = np.asarray(pc.cast(block, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
        return values, _first(np.isinf(values))
    cells = pc.utf8_trim_whitespace(text_block(block))
    missing = pc.is_in(pc.utf8_lower(cells), value_set=pa.array([*MISSING, None], cells.type))
    numeric = pc.match_substring_regex(cells, r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$")
    good = pc.fill_null(numeric, False)
    bad = np.asarray(pc.invert(pc.or_(good, missing)).to_numpy(zero_copy_only=False), dtype=bool)
    digits = pc.utf8_ltrim(pc.if_else(good, cells, pa.scalar(None, cells.type)), "+")
    values = np.asarray(pc.cast(digits, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    return values, _first(bad | np.isinf(values))


def _first(mask: np.ndarray) -> int | None:
    return int(mask.argmax()) if mask.any() else None
