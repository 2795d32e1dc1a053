from __future__ import annotations

import re

import pytest
from matplotlib.figure import Figure

from unroll.report import figures


def plot(label: str = "매출 <b>", points: int = 3):
    def build() -> Figure:
        figure = Figure(figsize=(4, 2))
        axes = figure.add_subplot()
        axes.plot(range(points), range(points), label=label)
        axes.fill_between([0, 1], [0, 0], [1, 1], color="C1", alpha=0.3)
        axes.set_title(label)
        axes.legend()
        return figure

    return build


def heat() -> Figure:
    figure = Figure(figsize=(2, 2))
    figure.add_subplot().imshow([[0, 1], [1, 0]])
    return figure


@pytest.fixture(scope="module")
def svg() -> str:
    return figures.figure_html(plot(), 0, "a <title>")


def test_text_stays_text_so_hangul_needs_no_font_here(svg):
    assert "매출 &lt;b&gt;" in svg
    assert "<b>" not in svg
    assert "var(--sans)" in svg
    assert "DejaVu" not in svg


def test_colours_are_the_pages_own(svg):
    assert "stroke: var(--c1)" in svg
    assert "fill: var(--c2)" in svg
    assert "var(--ink)" in svg
    assert not [stand_in for stand_in in figures._STAND_INS if stand_in in svg]


def test_nothing_is_linked_and_ids_of_several_pictures_differ(svg):
    first, second = svg, figures.figure_html(plot(), 1, "t")
    assert "http" not in first
    ids = [set(re.findall(r'\bid="([^"]*)"', svg)) for svg in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for picture, own in zip((first, second), ids, strict=True):
        assert set(re.findall(r"url\(#([^)]*)\)", picture)) <= own
        assert set(re.findall(r'href="#([^"]*)"', picture)) <= own


def test_a_picture_scales_to_the_page(svg):
    opening = re.match(r"<svg[^>]*>", svg)[0]
    assert "viewBox" in opening
    assert not re.search(r'\s(width|height)="', opening)
    assert 'aria-label="a &lt;title&gt;"' in opening


def test_a_picture_with_a_background_of_its_own_is_shown_on_paper(svg):
    assert 'class="figure paper"' in figures.figure_html(heat, 0, "t")
    assert 'class="figure"' in svg


@pytest.mark.parametrize("font", [None, "DejaVu Sans"])
def test_a_heavy_picture_is_a_png_that_says_when_hangul_cannot_be_drawn(font, monkeypatch):
    monkeypatch.setattr(figures, "_HEAVY", 100)
    monkeypatch.setattr(figures, "hangul_font", lambda: font)
    html = figures.figure_html(plot(), 0, "t")
    assert html.startswith("<img class=paper")
    assert "base64,iVBOR" in html
    assert ("no installed font has Hangul" in html) == (font is None)
    plain = figures.figure_html(plot("plain"), 0, "t")
    assert "Hangul" not in plain


def test_what_is_no_figure_is_refused():
    with pytest.raises(TypeError, match="must build a matplotlib Figure, got str"):
        figures.figure_html(lambda: "no figure", 0, "t")
