"""Two processes under torchrun, over gloo, against one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from training import workers
from training.toy import Toy, settings, train, without_time
from unroll.training import processes
from unroll.training.checkpoint import read_checkpoint

TORCHRUN = ["torch.distributed.run", "--standalone"]
LOCAL = ["unroll.training.local"]


def launch(launcher: list[str], scenario: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", *launcher, "--nproc-per-node", "2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, workers.__file__, scenario, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )


def test_two_processes_do_what_one_does(tmp_path: Path) -> None:
    with launch(TORCHRUN, "compare", tmp_path) as run:
        output = run.communicate(timeout=240)[0]
    assert run.returncode == 0, output
    first, second = (json.loads((tmp_path / f"answer{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    assert first["shared"] == "from the main one"
    assert first["through"] == (["memory", "sockets"] if sys.platform == "linux" else ["sockets"])
    assert first["collected"] == ["", "xxx"]

    assert first["tables"]["equal"] == [True] * 11
    assert first["tables"]["sums"] == [1.0, 6, 9, [1, 2]]
    assert first["tables"]["buffers"]
    # Loss, counts, the small parameter, a buffer of two numbers and a mark for each of the 20,000 rows; then rows 0, 5,
    # 7, 8 and 1999 of the first table, the second whole, row 3 of the third, and nothing of the fifth; all twice.
    assert first["tables"]["sent"] == 4 * (1 + 15 + 7 + 2 + 2 * 5 * 2000 + 2 * (5 + 2000 + 1) * 40)

    alone = Toy(rows=29, batch_size=7, dropout=0, dtype=torch.float64)
    history = without_time(train(alone, tmp_path / "alone", settings(average=0.5, layer_decay=2.6, unfreeze=1)))
    for ours, theirs in zip(alone.model.parameters(), first["weights"], strict=True):
        # float64 throughout; only the order of the sums differs.
        expected = torch.tensor(theirs, dtype=torch.float64)
        torch.testing.assert_close(ours.detach().flatten(), expected, rtol=1e-9, atol=1e-12)
    for ours, theirs in zip(history.pop("epochs"), first["history"].pop("epochs"), strict=True):
        assert {name: pytest.approx(value, rel=1e-9) for name, value in ours.items()} == theirs
    assert history == first["history"]

    # A step sends the loss, six counts, a mark for each parameter, and the gradients, in float64.
    numbers = sum(parameter.numel() + 1 for parameter in alone.model.parameters())
    steps = [after - before for after, before in zip([5, 10, 15], [0, 5, 10], strict=True)]
    assert first["sent"] == [8 * (1 + 5 + numbers) * count for count in steps]

    assert first["exit_code"] == 143
    assert first["calls"] < 12
    assert first["same_bits"]
    assert first["same_history"]
    assert len(list((tmp_path / "parts" / "checkpoints").glob("*.json"))) == 2
    assert read_checkpoint(tmp_path / "parts" / "checkpoints") is not None


@pytest.mark.parametrize(
    ("moment", "launcher"), [("training", LOCAL), pytest.param("validating", TORCHRUN, marks=pytest.mark.slow)]
)
def test_when_one_process_is_killed_the_other_ends_with_a_message(
    tmp_path: Path, moment: str, launcher: list[str]
) -> None:
    folder = tmp_path / moment
    folder.mkdir()
    with launch(launcher, "wait", folder) as run:
        # While validating, the first process sleeps and the second waits for it: the epoch's 4 steps have been saved.
        while run.stdout.readline() and saved(folder) < (4 if moment == "validating" else 2):
            continue  # each of the two says a line for every batch
        pids = [int((folder / f"pid{rank}").read_text()) for rank in (0, 1)]
        if launcher is LOCAL and Path("/proc/net/tcp").exists():
            assert {address for pid in (run.pid, *pids) for address in listening(pid)} == {"127.0.0.1"}
        killed = time.monotonic()
        os.kill(pids[1], signal.SIGKILL)
        output = run.communicate(timeout=60)[0]
    assert time.monotonic() - killed < 30
    assert run.returncode != 0
    message = [line for line in output.splitlines() if line.startswith("unroll: ")]
    assert len(message) == 1, output
    assert "the last checkpoint is intact" in message[0]
    assert read_checkpoint(folder / "checkpoints") is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def listening(pid: int) -> set[str]:
    """The addresses that a process listens on, as Linux tells."""
    links = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()]
    sockets = {link.removeprefix("socket:[").rstrip("]") for link in links if link.startswith("socket:")}
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _number, local, _remote, state, *_rest, inode = line.split()[:10]
            if state == "0A" and inode in sockets:
                words = bytes.fromhex(local.partition(":")[0])
                # Each group of four bytes stands in the machine's own order.
                packed = b"".join(
                    words[at : at + 4][:: -1 if sys.byteorder == "little" else 1] for at in range(0, len(words), 4)
                )
                found.add(socket.inet_ntop(family, packed))
    return found


def saved(folder: Path) -> int:
    # By name: while the run goes on, a file may be gone between looking and reading.
    return max((int(path.stem) for path in (folder / "checkpoints").glob("*.json")), default=0)


def test_one_process_needs_no_launcher() -> None:
    every = processes()
    assert (every.rank, every.count, every.main) == (0, 1, True)
    assert every.share(b"a") == b"a"
    assert every.collect(b"a") == [b"a"]
