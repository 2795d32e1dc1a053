"""A page of every kind, from a real run: whole, harmless, and readable in a browser at every width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from report.browser import Browser, missing
from report.pages import KINDS, write_page
from report.reading import read

WIDTHS = (700, 1200, 1800)
PICTURES = ("memory",)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: write_page(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if reason := missing():
        pytest.skip(reason)
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_is_whole_small_and_loads_nothing(pages: dict[str, Path], kind: str) -> None:
    text = pages[kind].read_text(encoding="utf-8")
    reader = read(text)
    assert not {"script", "link", "iframe", "object"} & set(reader.tags)
    # A picture stands in the page itself.
    links = [value or "" for _, name, value in reader.attributes if name in ("href", "src")]
    pictures = [value for value in links if value.startswith(("data:image/png;base64,", "data:image/jpeg;base64,"))]
    assert links == pictures
    assert len(text) - sum(map(len, pictures)) < 60_000
    assert "nan" not in {word for _, _, value in reader.attributes for word in (value or "").split()}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in PICTURES])
def test_nothing_is_cut_off_or_squeezed(pages: dict[str, Path], browser: Browser, kind: str, width: int) -> None:
    browser.open(pages[kind], width)
    assert browser.outside() == []
    assert browser.squeezed() == []
    if width >= 1200:
        assert browser.scrolled() == {}


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_follows_light_and_dark(pages: dict[str, Path], browser: Browser, dark: bool) -> None:
    browser.open(pages["forecast"], 1200, dark=dark)
    script = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]];"
    paper, ink, line = (
        browser.run(script.replace("arguments[0]", f"'{where}'").replace("arguments[1]", f"'{what}'"))
        for where, what in (("body", "backgroundColor"), ("body", "color"), (".chart .c1", "stroke"))
    )
    brightness = [sum(map(int, colour[4:-1].split(","))) for colour in (paper, ink, line)]
    assert (brightness[0] < 150) == dark
    assert (brightness[1] > 600) == dark
    assert abs(brightness[2] - brightness[0]) > 200
