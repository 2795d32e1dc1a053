"""What a checkpoint holds by name, and whether a run may go on from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unroll.errors import ConfigError
from unroll.training.checkpoint import Position
from unroll.training.settings import TrainSettings

#: Settings that a resumed run may change: they do not touch the result.
_FREE = {"checkpoint_every"}


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under "prefix.name"."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that stand under "prefix.name", by name."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")}


def check_resumes(position: Position, path: Path, settings: TrainSettings, seed: int, processes: int) -> Iterator[str]:
    """Refuse to continue another run; yield what will make the bits differ, a sentence each.

    Args:
        position: of the run that is resumed.
        path: its checkpoint.
        settings: of this run.
        seed: of this run.
        processes: how many this run has.

    Raises:
        ConfigError: the settings or the seed differ.
    """
    before, now = position.settings.model_dump(exclude=_FREE), settings.model_dump(exclude=_FREE)
    before["seed"], now["seed"] = position.seed, seed
    for name, value in now.items():
        if before[name] != value:
            key = name if name == "seed" else f"training.{name}"
            raise ConfigError(
                f"{path}: '{key}' is {before[name]} in the run that is resumed, got {value}; start a new run"
            )
    if position.processes != processes:
        yield (
            f"{path.name} was written by {position.processes} processes, now there are {processes}:"
            " random numbers start afresh, the result will differ in detail from an uninterrupted run"
        )
    elif position.threads != torch.get_num_threads():
        yield (
            f"{path.name} was written with {position.threads} threads, now there are {torch.get_num_threads()}:"
            " the result will differ in the last bits from an uninterrupted run"
        )


def batches_digest(batches: list[np.ndarray]) -> str:
    """A fingerprint of the batches of an epoch: which rows, in which order, cut where."""
    digest = hashlib.sha256()
    for rows in batches:
        digest.update(len(rows).to_bytes(8, "little"))
        digest.update(np.ascontiguousarray(rows, dtype="<i8").tobytes())
    return digest.hexdigest()
