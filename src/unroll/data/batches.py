"""Batches of rows of like length, and their padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from unroll.ids import PAD_ID

#: Rows are shuffled first and sorted by length only within pools of this many batches: little padding, and batches
#: that differ between epochs.
_POOL = 50


def random_order(count: int, *key: int) -> np.ndarray:
    """A permutation of range(count), int64, that depends on the key alone: the same with every version of numpy.

    Generator.permutation may change between versions; the raw stream of PCG64 and the hash of SeedSequence may not.
    """
    return np.argsort(np.random.PCG64(np.random.SeedSequence(key)).random_raw(count), kind="stable")


def bucketed_batches(
    lengths: np.ndarray, batch_size: int, *, seed: int, epoch: int, max_tokens: int | None = None
) -> list[np.ndarray]:
    """Cut rows into batches of like length.

    A pure function of its arguments, so that every process and every resumed run gets the same.

    Args:
        lengths: steps of each row, (rows,).
        batch_size: rows per batch, at most.
        seed: the run's seed.
        epoch: the epoch, from 0; each has its own order.
        max_tokens: at most so many steps in a batch, padding counted; a single row that is longer stands alone.

    Returns:
        Positions in `lengths`, int64, one array per batch; every row is in exactly one.

    Raises:
        ValueError: a size below 1.
    """
    if batch_size < 1 or (max_tokens is not None and max_tokens < 1):
        raise ValueError(f"batch_size and max_tokens must be at least 1, got {batch_size} and {max_tokens}")
    lengths = np.asarray(lengths)
    order = random_order(len(lengths), seed, epoch)
    batches: list[np.ndarray] = []
    pool = _POOL * batch_size
    for at in range(0, len(order), pool):
        rows = order[at : at + pool]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches.extend(_cut(rows, lengths[rows], batch_size, max_tokens))
    return [batches[index] for index in random_order(len(batches), seed, epoch, 1)]


def _cut(rows: np.ndarray, lengths: np.ndarray, batch_size: int, max_tokens: int | None) -> list[np.ndarray]:
    if max_tokens is None:
        return [rows[at : at + batch_size] for at in range(0, len(rows), batch_size)]
    found, start = [], 0
    for at in range(1, len(rows) + 1):
        # Lengths rise, so the newest row sets the padded length.
        full = at == len(rows) or at - start == batch_size or (at - start + 1) * int(lengths[at]) > max_tokens
        if full:
            found.append(rows[start:at])
            start = at
    return found


def pad_tokens(rows: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Pad rows of token ids with 0.

    Args:
        rows: integer arrays (T_b,); an empty one is allowed.

    Returns:
        ids (B, T) int64 and lengths (B,) int64; T is the longest row's length.
    """
    lengths = torch.tensor([len(row) for row in rows], dtype=torch.int64)
    longest = int(lengths.max()) if rows else 0
    ids = np.full((len(rows), longest), PAD_ID, dtype=np.int64)
    for target, row in zip(ids, rows, strict=True):
        target[: len(row)] = row
    return torch.from_numpy(ids), lengths


def pad_series(rows: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Pad series with 0.

    Args:
        rows: arrays (T_b, I) of one and the same I.

    Returns:
        x (B, T, I) float32 and lengths (B,) int64; T is the longest row's length.

    Raises:
        ValueError: no rows, or rows of different I.
    """
    channels = {row.shape[1] for row in rows}
    if len(channels) != 1:
        raise ValueError(f"series must all have the same number of channels I, got {sorted(channels)}")
    lengths = torch.tensor([len(row) for row in rows], dtype=torch.int64)
    x = np.zeros((len(rows), int(lengths.max()), channels.pop()), dtype=np.float32)
    for target, row in zip(x, rows, strict=True):
        target[: len(row)] = row
    return torch.from_numpy(x), lengths
