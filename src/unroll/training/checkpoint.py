"""Checkpoints: a safetensors file and a closed JSON file that names its checksum and is written last.

A checkpoint is complete when its JSON file is there, so a crash at any moment leaves the previous one as the newest
complete.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from unroll.bundle.files import (
    decode_tensors,
    encode_json,
    encode_tensors,
    make_folder,
    read_bounded,
    write_atomic,
)
from unroll.errors import BundleError
from unroll.training.history import History
from unroll.training.memory import release
from unroll.training.settings import TrainSettings

#: How many complete checkpoints are kept: the newest and the one before.
KEPT = 2

_NAME = re.compile(r"(\d{8})\.json")


class Position(BaseModel):
    """Where a run stands, but for its tensors. Closed: an unknown key is an error.

    Attributes:
        epoch: the current epoch, from 0.
        step: batches of it that are done.
        steps: optimiser steps since the beginning of the run.
        total, items, tokens, data_seconds, exchange_seconds, sent_bytes: sums over the current epoch so far, as in
            `SoFar`.
        seconds: wall time since the beginning of the run.
        epoch_seconds: wall time of the current epoch.
        waiting: epochs since the best validation score.
        best: the best validation score, if any.
        history: the epochs so far.
        settings: the settings of the run, which a resumed run must share.
        seed: the seed of the run.
        processes: how many processes wrote it.
        threads: threads per process; another number changes the last bits.
        batches: SHA-256 of the current epoch's batches.
        scale: scale and growth count of the gradient scaler; empty without one.
        finished: whether the run is over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    epoch: int = Field(ge=0)
    step: int = Field(ge=0)
    steps: int = Field(ge=0)
    total: float
    items: int = Field(ge=0)
    tokens: int = Field(ge=0)
    seconds: float
    epoch_seconds: float
    data_seconds: float = 0.0
    exchange_seconds: float = 0.0
    sent_bytes: int = Field(default=0, ge=0)
    waiting: int
    best: float | None
    history: History
    settings: TrainSettings
    seed: int
    processes: int
    threads: int
    batches: str
    scale: tuple[float, int] | None
    finished: bool


class Stored(BaseModel):
    """What the JSON file says of the safetensors file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int = Field(ge=0)
    sha256: str


class About(BaseModel):
    """The JSON file. `sha256` is that of the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    position: Position
    tensors: Stored
    sha256: str


class Checkpoint(NamedTuple):
    """A checkpoint as bytes, so that the main process can pass it on to the others.

    Attributes:
        path: its JSON file.
        about: the content of the JSON file.
        tensors: the content of the safetensors file, whose checksum has been verified.
    """

    path: Path
    about: bytes
    tensors: bytes

    def open(self) -> tuple[Position, dict[str, Tensor]]:
        """Parse both files.

        Raises:
            BundleError: a file is damaged or was written by another version.
        """
        return _parse(self.about, self.path).position, decode_tensors(self.tensors, _tensors_of(self.path))


def save_checkpoint(folder: Path, position: Position, tensors: Mapping[str, Tensor]) -> Path:
    """Write a checkpoint and remove what is older than the one before it.

    Args:
        folder: the folder of the checkpoints; made if it is not there.
        position: where the run stands.
        tensors: everything else.

    Returns:
        The path of the JSON file.
    """
    make_folder(folder)
    complete = _complete(folder)
    number = complete[-1] + 1 if complete else 1
    content = encode_tensors(tensors)
    path = folder / f"{number:08}.json"
    write_atomic(_tensors_of(path), content)
    stored = Stored(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    # As it will be read again, so that the checksum is the same whatever the caller's number types were.
    as_read = Position.model_validate_json(encode_json(position.model_dump()))
    about = About(position=as_read, tensors=stored, sha256="")
    write_atomic(path, encode_json({**about.model_dump(), "sha256": _digest(about)}))
    _remove_old(folder, {*complete[len(complete) + 1 - KEPT :], number})
    # The tensors stood in memory once more.
    del content
    release()
    return path


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest complete checkpoint with its checksums verified, or None if there is none.

    Raises:
        BundleError: the newest complete checkpoint was altered after it was written. It is not passed over in silence.
    """
    complete = _complete(folder)
    if not complete:
        return None
    path = folder / f"{complete[-1]:08}.json"
    about = read_bounded(path)
    advice = f"; to continue from the checkpoint before it, delete {path.name}" if len(complete) > 1 else ""
    parsed = _parse(about, path, advice)
    if parsed.sha256 != _digest(parsed):
        raise BundleError(f"{path}: its checksum differs from its content; the file is damaged{advice}")
    file, stored = _tensors_of(path), parsed.tensors
    size = file.stat().st_size if file.is_file() else -1
    if size != stored.bytes:
        came = f"{size} bytes" if size >= 0 else "no file"
        raise BundleError(f"{file}: expected {stored.bytes} bytes, got {came}; the file is damaged{advice}")
    content = read_bounded(file, size)
    if hashlib.sha256(content).hexdigest() != stored.sha256:
        raise BundleError(f"{file}: its checksum differs from {path.name}; the file is damaged{advice}")
    return Checkpoint(path, about, content)


def _parse(content: bytes, path: Path, advice: str = "") -> About:
    try:
        return About.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        reason = f"'{key}': {first['msg']}" if key else first["msg"]
        raise BundleError(f"{path}: {reason}; the file is damaged or of another version{advice}") from None


def _tensors_of(path: Path) -> Path:
    return path.with_suffix(".safetensors")


def _digest(about: About) -> str:
    return hashlib.sha256(encode_json(about.model_dump(exclude={"sha256"}))).hexdigest()


def _complete(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return sorted(int(match[1]) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)))


def _remove_old(folder: Path, kept: set[int]) -> None:
    names = {f"{number:08}{suffix}" for number in kept for suffix in (".json", ".safetensors")}
    # A checkpoint stops being complete before it stops being whole.
    for path in sorted(folder.iterdir(), key=lambda path: path.suffix != ".json"):
        ours = _NAME.fullmatch(path.with_suffix(".json").name) or path.suffix == ".tmp"
        if ours and path.name not in names:
            path.unlink()
