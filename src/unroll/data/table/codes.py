"""Cells of a column by number: which different ones there are, and which each row has."""

from __future__ import annotations

import numpy as np

from unroll.data.table.chunks import as_text
from unroll.data.table.table import Table


def cell_codes(table: Table, column: str) -> tuple[list[str], np.ndarray]:
    """The distinct cells of a column in order of appearance, and each row's position in that list, int64 (rows,)."""
    codes: dict[str, int] = {}
    parts = []
    for block in table.text_blocks(column):
        encoded = block.dictionary_encode()
        own = [codes.setdefault(as_text(value), len(codes)) for value in encoded.dictionary.to_pylist()]
        indices = encoded.indices.to_numpy(zero_copy_only=False)
        if encoded.indices.null_count:
            indices = np.where(np.isnan(indices), len(own), indices).astype(np.int64)
            own.append(codes.setdefault("", len(codes)))
        parts.append(np.asarray(own, dtype=np.int64)[indices])
    return list(codes), np.concatenate(parts) if parts else np.empty(0, np.int64)
