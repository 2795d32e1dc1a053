"""A stream is read as the file of its training was: times in two columns, commas in numbers."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import numpy as np
import pytest

import unroll
from unroll.tasks.detect.stream import AlertStream
from unroll.trained import Model

BEGIN = datetime.datetime(2024, 1, 20)
MOMENTS = [BEGIN + datetime.timedelta(minutes=10 * at) for at in range(700)]
VALUES = [f"{10 + 3 * np.sin(at / 24) + at % 5 / 10:.2f}".replace(".", ",") for at in range(700)]


def trained(path: Path, header: str, lines: list[str]) -> Model:
    path.write_text("\n".join([header, *lines[:600]]) + "\n", encoding="utf-8")
    return unroll.train(path, task="detect", epochs=1, hidden_size=4, out=path.with_suffix(""), progress=False)


def said(model: Model, lines: list[str]) -> tuple[AlertStream, list[str], list[dict[str, object]]]:
    stream = AlertStream(model.watch(warm_up=0), scores=True)
    found = [*stream.feed(("\n".join(lines) + "\n").encode()), *stream.finish()]
    return stream, [item.text for item in found if item.aside], [json.loads(i.text) for i in found if not i.aside]


@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("Date;Time;load", "%d.%m.%Y;%H:%M"),
        ("날짜;시간;부하", "%Y-%m-%d;%H:%M:%S"),
        ("load_date;Time;load", "%Y-%m-%d;%I:%M %p"),
        ("Year;Month;Day;Hour;Minute;load", "%Y;%m;%d;%H;%M"),
        ("Date;Time;load", "%d.%m.%Y;%H%M"),
    ],
)
def test_times_in_several_columns_are_read_as_in_training(tmp_path: Path, header: str, form: str) -> None:
    lines = [f"{moment.strftime(form)};{value}" for moment, value in zip(MOMENTS, VALUES, strict=True)]
    model = trained(tmp_path / "parts.csv", header, lines)
    assert model.predictor._saved.step == 600e6
    for rest in ([header, *lines[600:]], lines[600:]):
        stream, aside, scored = said(model, rest)
        assert (stream.records, aside) == (100, [])
        assert scored[0]["time"] == " ".join(lines[600].split(";")[:-1])
    *times, channel = header.split(";")
    record = {**dict(zip(times, lines[600].split(";"), strict=False)), channel: 10.0}
    _, aside, _ = said(model, [json.dumps(record, ensure_ascii=False)] * 2)
    assert aside == ["standard input:2: note: the time stands a second time"]
    _, aside, _ = said(model, [json.dumps({**record, times[-1]: "?"}, ensure_ascii=False)])
    assert "expected a time" in aside[0]


def test_commas_in_numbers_part_no_cells(tmp_path: Path) -> None:
    lines = [f"{moment:%d.%m.%Y %H:%M};{a};{a}" for moment, a in zip(MOMENTS, VALUES, strict=True)]
    model = trained(tmp_path / "commas.csv", "Zeit;a;b", lines)
    stream, aside, _ = said(model, [*lines[600:605], lines[605].replace(f";{VALUES[605]}", ";x", 1)])
    assert stream.records == 5
    assert aside == ["standard input:6: column 'a': expected a number, got 'x'; the line is left out"]
