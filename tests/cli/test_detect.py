"""`unroll detect`: alerts from standard input."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unroll
from unroll.cli.app import run


def rows(seed: int, records: int = 500) -> list[str]:
    t = np.arange(records)
    values = 5 + np.sin(t / 9) + 0.05 * np.random.default_rng(seed).normal(size=records)
    values[400:405] += 8.0
    moments = np.datetime64("2024-03-01T00:00:00") + t * np.timedelta64(60, "s")
    return [f"{moment},{value:.4f}" for moment, value in zip(moments, values.tolist(), strict=True)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detect")
    (folder / "pump.csv").write_text("\n".join(["time,flow", *rows(0, 1500)]) + "\n", encoding="utf-8")
    out = folder / "run"
    unroll.train(folder / "pump.csv", task="detect", epochs=1, hidden_size=4, out=out, progress=False)
    return out


@pytest.fixture
def watch(trained, monkeypatch, capsys):
    def watched(text: str | bytes, *options: str, code: int = 0) -> tuple[list[dict[str, Any]], str]:
        content = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
        assert run(["detect", str(trained), *options]) == code
        shown = capsys.readouterr()
        return [json.loads(line) for line in shown.out.splitlines()], shown.err

    return watched


def test_a_bad_line_is_reported_with_its_number_and_the_stream_goes_on(watch):
    lines = rows(1)
    lines[10] = "2024-03-01T00:10:00,abc"
    lines[20] = "yesterday,5.0"
    lines[30] = "2024-03-01T00:30:00,1,2"
    lines[40] = ""
    lines[50] = "2024-03-01T00:10:00,5.0"
    lines[60] = "\udcff"
    lines[70] = "2024-03-01T01:10:00,"
    (begin, end), errors = watch("\n".join(["time,flow", *lines]).encode("utf-8", "surrogateescape"))
    assert "standard input:12: column 'flow': expected a number, got 'abc'; the line is left out" in errors
    assert "standard input:22: column 'time': expected a time, got 'yesterday'" in errors
    assert "standard input:32: expected 2 cells, got 3" in errors
    assert "standard input:52: note: time goes backwards" in errors
    assert "standard input:62: expected utf-8, got byte 0xff" in errors
    assert "495 records, 4 lines left out; 1 alert" in errors
    assert (begin["alert"], begin["line"], begin["channel"]) == ("begin", 402, "flow")
    assert abs(begin["expected"] - 5.0) < 2.0 < begin["value"] - begin["expected"]
    assert (end["alert"], end["began"]) == ("end", begin["time"])


def test_a_header_that_lacks_the_time_is_one_error_and_not_one_for_every_line(watch):
    said, errors = watch("flow\n5.0\n5.1\n", code=2)
    assert said == []
    (line,) = errors.splitlines()
    assert line.startswith("unroll: error: standard input:1: expected the column 'time'")
    assert line.endswith("got flow; send it too, or train without it")


def test_any_cut_and_a_stop_give_the_same_scores(watch, tmp_path):
    lines = rows(2)
    whole, _ = watch("\n".join(["time,flow", *lines]) + "\n", "--scores")
    assert len(whole) == 500
    state = tmp_path / "flow.state"
    first, _ = watch("\n".join(["time,flow", *lines[:402]]) + "\n", "--scores", "--state", str(state))
    # No header: the columns are those of the training file.
    second, _ = watch("\n".join(lines[402:]), "--scores", "--state", str(state))
    assert [(row["score"], row["alert"], row["expected"]) for row in first + second] == [
        (row["score"], row["alert"], row["expected"]) for row in whole
    ]
    objects = [
        json.dumps(dict(zip(("time", "flow"), (a, float(b)), strict=True))) for a, b in (x.split(",") for x in lines)
    ]
    as_json, _ = watch("\n".join(objects), "--scores")
    assert [row["score"] for row in as_json] == [row["score"] for row in whole]


def test_an_alert_is_written_before_the_stream_ends_and_a_signal_keeps_the_state(trained, watch, tmp_path):
    lines = rows(3)
    state = tmp_path / "flow.state"
    process = subprocess.Popen(
        [sys.executable, "-m", "unroll.cli", "detect", str(trained), "--state", str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(("\n".join(["time,flow", *lines[:402]]) + "\n").encode())
    process.stdin.flush()
    # This line comes while the stream is open, or the test hangs.
    assert json.loads(process.stdout.readline())["alert"] == "begin"
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate()
    assert process.returncode == 143, errors
    assert b"402 records; 1 alert" in errors
    rest, _ = watch("\n".join(lines[402:]), "--state", str(state))
    assert [row["alert"] for row in rest] == ["end"], "the alert that was open is not raised again"


def test_another_state_is_an_error_in_one_line(watch, tmp_path):
    (tmp_path / "bad.state").write_text("{}", encoding="utf-8")
    _, errors = watch("", "--state", str(tmp_path / "bad.state"), code=2)
    assert errors.count("\n") == 1
    assert "expected the state of a stream" in errors
