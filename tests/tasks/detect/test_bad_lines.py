"""Lines of a stream that are no records, or odd ones: said with their number, and the stream goes on."""

from __future__ import annotations

import pytest

from tasks.detect import machine
from unroll.errors import DataError
from unroll.tasks.detect.stream import AlertStream
from unroll.trained import Model


def said(model: Model, *lines: str) -> tuple[AlertStream, list[str]]:
    stream = AlertStream(model.watch(), scores=False)
    texts = [item.text for item in stream.feed(("\n".join(lines) + "\n").encode()) if item.aside]
    return stream, texts


def records() -> list[str]:
    return [line.rstrip("\n") for line in machine.lines()[:40]]


def test_a_header_that_lacks_a_channel_is_said_once_and_ends_the_stream(model: Model) -> None:
    header, *rest = records()
    names = header.split(",")
    channel = model.predictor._saved.channels[0]
    renamed = ",".join(name + "e" if name == channel else name for name in names)
    with pytest.raises(DataError, match=rf"standard input:1: expected the column '{channel}', which the model was"):
        said(model, renamed, *rest)


def test_a_number_without_an_end_is_said_and_counts_as_missing(model: Model) -> None:
    header, *rest = records()
    place = header.split(",").index(model.predictor._saved.channels[0])

    def changed(line: str, text: str) -> str:
        cells = line.split(",")
        cells[place] = text
        return ",".join(cells)

    lines = [header, *rest[:5], changed(rest[5], "inf"), changed(rest[6], "1e999"), changed(rest[7], ""), *rest[8:12]]
    stream, texts = said(model, *lines)
    noted = [text for text in texts if "no finite number" in text]
    assert [text.split(":")[1] for text in noted] == ["7", "8"]
    assert stream.records == 12


def test_one_line_left_out_is_one_line(model: Model) -> None:
    header, *rest = records()
    stream, texts = said(model, header, rest[0], "nonsense")
    assert any(text.startswith("standard input:3: expected") for text in texts)
    assert stream.summary().startswith("1 record, 1 line left out;")
