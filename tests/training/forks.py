"""Runs a training in a forked child for each line of standard input, to be killed; torch is imported once.

A line is JSON: {"folder", "resume", "kill_at"}. Every system call that changes a file, every loss and every validation
counts as an event; the child kills itself with SIGKILL just before event number `kill_at`. The answer is
{"exit_code", "events"}.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # what a first optimiser step imports, in seconds

from training.toy import Toy, settings, train
from unroll.bundle.files import encode_tensors

torch.set_num_threads(1)
if importlib.util.find_spec("tensorboard"):
    importlib.import_module("torch.utils.tensorboard")


class Killer:
    """Counts events and ends the process, as by a power cut, before one of them."""

    def __init__(self, kill_at: int) -> None:
        self.events = 0
        self._kill_at = kill_at

    def count(self, *_: object) -> None:
        self.events += 1
        if self.events == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            self.count()
            return function(*arguments, **named)

        return counted


def run(folder: Path, resume: bool, kill_at: int) -> int:
    killer = Killer(kill_at)
    os.fsync, os.replace, os.unlink = (killer.before(call) for call in (os.fsync, os.replace, os.unlink))  # type: ignore[assignment]
    learner = Toy(at_loss=killer.count, at_validation=killer.count)
    train(learner, folder, settings(epochs=6, average=0.5, checkpoint_every=0), resume=resume)
    (folder / "final.safetensors").write_bytes(encode_tensors(learner.model.state_dict()))
    return killer.events


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writer, str(run(Path(request["folder"]), request["resume"], request["kill_at"])).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            events = int(pipe.read() or b"0")
        _pid, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps({"exit_code": code, "events": events}), flush=True)


if __name__ == "__main__":
    main()
