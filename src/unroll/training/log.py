"""The log of a run: log.jsonl, one event per line, and TensorBoard's files if it is installed."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from unroll.bundle.files import cannot_write, encode_json, make_folder, write_atomic
from unroll.training.history import Epoch

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

#: Bytes of one line of the log at most.
LINE_LIMIT = 2**20


class Log:
    """Writes events; a resumed run first drops what was logged after its checkpoint.

    Args:
        folder: the folder of the run.
        steps: optimiser steps that are done; later lines are dropped.
        epochs: epochs that are done; the lines of later ones are dropped.
    """

    def __init__(self, folder: Path, steps: int, epochs: int) -> None:
        make_folder(folder)
        self._path = folder / "log.jsonl"
        if self._path.is_file():
            _cut(self._path, steps, epochs)
        self._file = open(self._path, "a", encoding="utf-8")  # noqa: SIM115 - closed by close()
        self._board = _board(folder / "tensorboard", steps)

    def step(self, steps: int, loss: float, learning_rate: float, norm: float) -> None:
        """Log a step: its mean loss per item, learning rate and gradient norm before clipping."""
        self._write({"steps": steps, "loss": loss, "learning_rate": learning_rate, "gradient_norm": norm})
        self._scalars(steps, {"step/loss": loss, "step/learning_rate": learning_rate, "step/gradient_norm": norm})

    def inside(self, steps: int, values: Mapping[str, float]) -> None:
        """Log what was measured inside the network."""
        self._write({"steps": steps, "inside": dict(values)})
        self._scalars(steps, {f"inside/{name}": value for name, value in values.items()})

    def epoch(self, record: Epoch) -> None:
        """Log an epoch."""
        self._write({"steps": record.steps, "epoch": record.number, "loss": record.loss, **_own(record)})
        self._scalars(
            record.steps, {"train/loss": record.loss, **{f"validation/{k}": v for k, v in record.metrics.items()}}
        )

    def close(self) -> None:
        """Flush and close."""
        self._file.close()
        if self._board is not None:
            self._board.close()

    def _write(self, event: dict[str, object]) -> None:
        try:
            self._file.write(json.dumps(json.loads(encode_json(event)), ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def _scalars(self, steps: int, values: dict[str, float]) -> None:
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, steps)


def _own(record: Epoch) -> dict[str, object]:
    return {"metrics": record.metrics, "tokens": record.tokens, "seconds": record.seconds}


def _cut(path: Path, steps: int, epochs: int) -> None:
    kept = []
    with open(path, "rb") as file:
        while line := file.readline(LINE_LIMIT):
            # A line without its end is what a killed process left; nothing complete comes after it.
            if not line.endswith(b"\n"):
                break
            event = json.loads(line)
            if event["steps"] > steps or event.get("epoch", 0) > epochs:
                break
            kept.append(line)
    if sum(map(len, kept)) != os.path.getsize(path):
        write_atomic(path, b"".join(kept))


def _board(folder: Path, steps: int) -> SummaryWriter | None:
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=steps + 1 if steps else None)
