"""The loop's parts, each alone: schedule, generators, display, watch."""

from __future__ import annotations

import datetime
import io
import itertools
import math
import os
import random
import socket
import threading

import numpy as np
import pytest
import torch
from rich.console import Console
from torch.distributed import TCPStore

from unroll.training import Epoch, Lines, Pace, TerminalBar, busy, open_progress
from unroll.training import watch as watching
from unroll.training.progress import clock
from unroll.training.randomness import random_state, seed_all, set_random_state
from unroll.training.schedule import learning_rate_factor

CPU = torch.device("cpu")
EPOCH = Epoch(number=2, steps=8, loss=0.123456, metrics={"f1": 0.98765}, learning_rate=1e-3, tokens=3000, seconds=1.5)


@pytest.mark.parametrize(
    ("schedule", "done", "warmup", "factor"),
    [
        ("constant", 0.05, 0.1, 0.5),
        ("cosine", 0.05, 0.1, 0.5),
        ("linear", 0.1, 0.1, 1.0),
        ("constant", 0.99, 0.1, 1.0),
        ("linear", 0.55, 0.1, 0.5),
        ("cosine", 0.55, 0.1, 0.5),
        ("cosine", 1 / 3, 0.0, 0.75),
        ("linear", 0.25, 0.0, 0.75),
        ("cosine", 0.9999999, 1.0, 0.9999999),
    ],
)
def test_the_schedule_at_points_known_in_closed_form(schedule: str, done: float, warmup: float, factor: float) -> None:
    assert learning_rate_factor(done, schedule, warmup) == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_no_step_has_a_rate_of_zero_and_there_is_no_jump(schedule: str) -> None:
    factors = [learning_rate_factor((step + 0.5) / 1000, schedule, 0.1) for step in range(1000)]
    assert min(factors) > 0
    assert max(abs(b - a) for a, b in itertools.pairwise(factors)) < 0.0101


def test_the_generators_continue_where_they_were() -> None:
    seed_all(3, 0)
    random.gauss(0, 1)  # leaves the second of a pair behind
    np.random.randn()  # likewise
    state = random_state(CPU)

    def draws() -> list[float]:
        return [random.gauss(0, 1), random.random(), np.random.randn(), np.random.rand(), *torch.randn(3).tolist()]

    expected = draws()
    assert draws() != expected
    set_random_state(state, CPU)
    assert draws() == expected


def test_every_process_and_seed_has_its_own_stream() -> None:
    seen = set()
    for seed in (0, 1):
        for rank in (0, 1):
            seed_all(seed, rank)
            seen |= {random.random(), float(np.random.rand()), float(torch.rand(()))}
    assert len(seen) == 12
    seed_all(0, 0)
    assert random.random() in seen


def test_lines_write_an_epoch_per_line() -> None:
    stream = io.StringIO()
    lines = open_progress(stream)
    assert isinstance(lines, Lines)
    lines.note("reading")
    lines.step(Pace(1, 2, 3, 4, 0.5, 100, 9))
    lines.epoch(EPOCH, best=True)
    lines.close()
    assert stream.getvalue() == "reading\nepoch 2  loss 0.1235  f1 0.9877  2,000 tokens/s  1.5 s  (best)\n"


def test_the_bar_shows_loss_rate_and_time_left() -> None:
    stream = io.StringIO()
    bar = TerminalBar(Console(file=stream, force_terminal=True, width=100, color_system=None))
    bar.step(Pace(1, 3, 2, 4, 0.51234, 12345.6, 3725))
    bar.epoch(EPOCH, best=False)
    bar.step(Pace(2, 3, 4, 4, 0.4, 12000, 59.6))
    bar.epoch(EPOCH, best=False)
    bar.close()
    shown = stream.getvalue()
    for words in ("epoch 1/3", "loss 0.5123", "12,346 tokens/s", "1:02:05 left", "0.1235", "0.9877", "1:00 left"):
        assert words in shown
    assert clock(0.2) == "0:00"


def test_the_table_keeps_the_best_and_the_latest_epochs_in_a_few_lines() -> None:
    stream = io.StringIO()
    bar = TerminalBar(Console(file=stream, force_terminal=True, width=100, color_system=None))
    for number in range(1, 41):
        scores = {"score": 0.5, "entity_f1": 0.5, **{f"metric_{index}": 0.25 for index in range(9)}}
        bar.epoch(EPOCH.model_copy(update={"number": number, "metrics": scores}), best=number == 3)
    bar.close()
    # The table is drawn again and again, by a thread of its own as well: the last drawing is what stays.
    last = [line.split() for line in stream.getvalue().rpartition("epoch")[2].splitlines() if line.strip()]
    rows = [line for line in last if line[0].isdigit()]
    assert [int(row[0]) for row in rows] == [3, *range(35, 41)]
    assert [row[-1] == "best" for row in rows] == [True] + [False] * 6
    assert "score" not in stream.getvalue()
    assert "entity f1" in stream.getvalue()


def test_what_takes_a_while_is_said_in_a_log_and_moves_in_a_terminal() -> None:
    log, terminal = io.StringIO(), io.StringIO()
    bar = TerminalBar(Console(file=terminal, force_terminal=True, width=100, color_system=None))
    for progress in (open_progress(log), bar):
        with busy(progress, "fitting"):
            pass
    assert log.getvalue() == "fitting\n"
    assert "fitting" in terminal.getvalue()
    assert "0:00" in terminal.getvalue()


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> tuple[TCPStore, dict[str, object]]:
    """A store with two processes' numbers in it, of which this test plays the second; and how the first one ended."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    store = TCPStore(
        "127.0.0.1",
        port,
        is_master=True,
        wait_for_workers=False,
        master_listen_fd=listener.detach(),
        timeout=datetime.timedelta(seconds=20),
    )
    ended: dict[str, object] = {"event": threading.Event()}

    def leave(code: int) -> None:
        ended["code"] = code
        ended["event"].set()  # type: ignore[attr-defined]

    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(port))
    monkeypatch.setattr(watching, "INTERVAL", 0.02)
    monkeypatch.setattr(os, "_exit", leave)
    return store, ended


def test_a_process_that_stands_still_ends_this_one(
    two: tuple[TCPStore, dict[str, object]], capfd: pytest.CaptureFixture[str]
) -> None:
    _store, ended = two
    watch = watching.Watch(0, 2)
    watch.start()
    assert ended["event"].wait(20)  # type: ignore[attr-defined]
    watch.finish()
    assert ended["code"] == 1
    told = capfd.readouterr().err
    assert told.startswith("unroll: process 0 of 2: process 1 of 2 has shown no sign of life for")
    assert told.count("\n") == 1


@pytest.mark.parametrize("key", ["alive", "done"])
def test_a_process_that_moves_or_has_ended_well_does_not(two: tuple[TCPStore, dict[str, object]], key: str) -> None:
    store, ended = two
    watch = watching.Watch(0, 2)
    watch.start()
    while store.add("unroll/alive/0", 0) < 3 * watching.PATIENCE:
        store.add(f"unroll/{key}/1", 1)
    assert not ended["event"].is_set()  # type: ignore[attr-defined]
    watch.finish()
    assert store.add("unroll/done/0", 0) == 1
    assert math.isclose(watching.INTERVAL, 0.02)
