"""The page as text: numbers come back as they went in, and text from data can be nothing but text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from typing import Any

import numpy as np
import pytest

from report.reading import read
from unroll.inspect import Trace, View
from unroll.viewer import look_html, scene_of
from unroll.viewer.pack import Packer
from unroll.viewer.scene import LONGEST, Shown
from viewer.made import SENTENCE, lstm_track, sentence_view

HOSTILE = (
    "</script><script>document.title = 'run'</script>",
    "<!--<script>",
    "<img src=x onerror=\"document.title='run'\">",
    "\u202egnp.exe",
    "]]>&lt;\x00\x1b[2J\u2028\u2066",
    "x" * 1_000_000,
)


def unpacked(block: dict[str, Any], texts: dict[str, str]) -> np.ndarray:
    """A block as its description has it, by another way than the page's."""
    data = zlib.decompress(base64.b64decode(texts[block["id"]]))
    kind = np.dtype("<u2" if block["bits"] == 16 else "u1")
    codes = np.frombuffer(data, kind).reshape(block["rows"], block["columns"])
    codes = np.add.accumulate(codes, axis=1, dtype=kind).astype(float)
    values = block["low"] + (codes - 1) / (2 ** block["bits"] - 2) * (block["high"] - block["low"])
    return np.where(codes == 0, np.nan, values)


@pytest.mark.parametrize("bits", [8, 16])
def test_block_values_come_back_within_half_a_step(bits: int) -> None:
    values = np.random.default_rng(0).normal(size=(7, 33)) * 5
    values[2, 3], values[4, 0], values[5, 5] = np.nan, np.inf, -np.inf
    packer = Packer(bits)
    back = unpacked(packer.block(values), packer.texts)
    known = np.isfinite(values)
    assert np.isnan(back[~known]).all()
    step = np.ptp(values[known]) / (2**bits - 2)
    assert np.abs(back - values)[known].max() <= step / 2 * (1 + 1e-9)
    assert np.abs(back - values)[known].max() > step / 4, "nothing was rounded, so nothing was tested"


@pytest.mark.parametrize("value", [0.0, -3.5])
def test_block_of_one_value_keeps_it(value: float) -> None:
    packer = Packer(16)
    assert (unpacked(packer.block(np.full((2, 3), value)), packer.texts) == value).all()


#: Half of a character, as stands in the name of a file for a byte that is no UTF-8.
HALF = "\udcff"


def hostile_page() -> str:
    tokens = (HALF, *HOSTILE)
    track = lstm_track(tokens, 4, 0)
    view = View(
        HOSTILE[0],
        Trace("text", tokens, None, (track,), ()),
        {track.title: np.array([1.0, 0.5])},
        {track.title: None},
        {HOSTILE[2]: np.ones(len(tokens))},
        ({"what": HOSTILE[0], "numbers": HOSTILE[2], "try": HOSTILE[3]},),
        (),
        {"label": HOSTILE[2]},
    )
    shown = Shown(HOSTILE[1], view, " ".join(tokens[1:-1]))
    return look_html(scene_of(HOSTILE[0] + HALF, HOSTILE[2], [shown], notes=[HOSTILE[0], HOSTILE[3]], language="en"))


def test_hostile_text_ends_no_element_and_is_cut_with_its_length() -> None:
    page = hostile_page()
    reader = read(page)
    assert reader.tags.count("script") == page.count("<script") == 2 + page.count('type="text/plain"')
    assert "img" not in reader.tags
    assert "\u202e" not in page
    assert len(page) < 600_000
    scene = json.loads(re.search(r'id="scene">(.*?)</script>', page)[1])  # type: ignore[index]
    assert scene["views"][0]["tokens"][:2] == [HALF, HOSTILE[0]]
    page.encode("utf-8")
    assert scene["views"][0]["tokens"][-1] == "x" * LONGEST + "… (1,000,000 characters)"


def test_policy_names_the_script_and_the_styles_and_nothing_else() -> None:
    page = look_html(scene_of("a", "b", [sentence_view(SENTENCE)]))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]  # type: ignore[index]
    script = re.search(r"<script>(.*?)</script>", page, re.S)[1]  # type: ignore[index]
    styles = re.search(r"<style>(.*?)</style>", page, re.S)[1]  # type: ignore[index]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["connect-src"] == rules["base-uri"] == "'none'"
    for rule, text in (("script-src", script), ("style-src", styles)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert page.index("Content-Security-Policy") < page.index("<style>")


def test_built_files_reach_for_nothing_outside() -> None:
    page = look_html(scene_of("a", "b", [sentence_view(SENTENCE)]))
    assert not [value for _, name, value in read(page).attributes if name in ("href", "src")]
    assert not re.findall(r"(?:https?:|wss?:)?//[a-z0-9-]+\.[a-z]{2,}", re.sub(r"/\*!.*?\*/", "", page, flags=re.S))
    assert "eval(" not in page
    assert "innerHTML" not in page
    assert "Permission is hereby granted" in page, "uPlot's licence travels with it"


@pytest.mark.parametrize(
    ("text", "labels", "tokens", "gaps"),
    [
        ("Not bad, is it?", ("not", "bad", ",", "is", "it", "?"), None, ["", " ", "", " ", " ", ""]),
        ("two\nlines", ("two", "lines"), None, ["", "\n"]),
        ("한 줄의  글", ("한", "줄의", "글"), None, ["", " ", " "]),
        ("play ed", ("", "play", " ed", ""), ["·", "play", "ed", "·"], ["", "", " ", ""]),
        ("", ("some", "words"), None, [" ", " "]),
    ],
)
def test_tokens_stand_in_the_text_as_it_was_written(
    text: str, labels: tuple[str, ...], tokens: list[str] | None, gaps: list[str]
) -> None:
    view = View("", Trace("text", labels, None, (lstm_track(labels, 2, 0),), ()))
    scene = scene_of("", "", [Shown("", view, text)]).values["views"][0]
    assert scene["tokens"] == (tokens or list(labels))
    assert scene["gaps"] == gaps
