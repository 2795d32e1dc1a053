from __future__ import annotations

import math
import re

import pytest

from unroll.report import charts


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0.9, 0.99), (-3, 7), (1e-9, 2e-9), (5, 5), (0, 0), (123456, 123457), (-1e6, 1e6)]
)
def test_ticks_are_round_few_and_span_the_values(low, high):
    ticks = charts.nice_ticks(low, high)
    slack = 1e-6 * (ticks[-1] - ticks[0])
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert 2 <= len(ticks) <= 8
    step = ticks[1] - ticks[0]
    mantissa = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert any(math.isclose(mantissa, good, rel_tol=1e-6) for good in (1, 2, 5))


@pytest.mark.parametrize(("low", "high"), [(1, 2), (1, 14), (0.5, 1.5), (1, 1000), (3, 7)])
def test_epoch_ticks_are_whole_and_within(low, high):
    ticks = charts.whole_ticks(low, high)
    assert ticks
    assert len(ticks) <= 8
    assert all(low <= tick <= high for tick in ticks)


def coordinates(svg: str) -> list[tuple[float, float]]:
    points = re.search(r'points="([^"]*)"', svg)
    assert points is not None
    return [tuple(map(float, pair.split(","))) for pair in points[1].split()]


def test_a_curve_goes_through_its_points():
    svg = charts.line_chart("t", [charts.Curve("c", [1, 2, 3], [0.0, 1.0, 0.5])], x_label="epoch")
    (x1, y1), (x2, y2), (x3, y3) = coordinates(svg)
    assert x2 - x1 == pytest.approx(x3 - x2)
    assert y1 > y3 > y2  # SVG's y grows downwards
    assert y3 == pytest.approx((y1 + y2) / 2)


def test_what_is_not_finite_leaves_a_gap_and_a_single_point_a_dot():
    svg = charts.line_chart("t", [charts.Curve("c", [1, 2, 3, 4], [1.0, math.nan, 2.0, 3.0])], x_label="epoch")
    assert svg.count("<polyline") == 1
    assert svg.count("<circle") == 1
    assert "nan" not in svg


def test_no_finite_value_is_no_chart():
    assert charts.line_chart("t", [charts.Curve("c", [1], [math.nan])], x_label="epoch") == ""
    assert charts.lanes([]) == ""
    assert charts.scatter_chart("t", [], x_label="x") == ""


def test_several_curves_have_a_legend_with_escaped_names():
    curves = [charts.Curve("<a>", [1, 2], [1, 2]), charts.Curve("b", [1, 2], [2, 1])]
    svg = charts.line_chart("t & t", curves, x_label="epoch")
    assert "&lt;a&gt;" in svg
    assert "t &amp; t" in svg
    assert "<a>" not in svg


def test_lanes_keep_the_order_of_values_on_one_scale():
    rows = [charts.Lane("m", 0.9, (0.8, 1.0), "90%", True), charts.Lane("b", 0.7, None, "70%", False)]
    html = charts.lanes(rows)
    dots = [float(x) for x in re.findall(r'class=dot style="left:([\d.]+)%"', html)]
    assert dots[0] > dots[1]
    left, width = map(float, re.search(r'whisker style="left:([\d.]+)%;width:([\d.]+)%"', html).groups())
    assert left < dots[0] < left + width
    assert left + width / 2 == pytest.approx(dots[0], abs=0.02)
    assert html.count('class="lane own"') == 1


def test_a_score_that_is_not_finite_has_no_dot():
    rows = [
        charts.Lane("m", math.nan, None, "not a number", True),
        charts.Lane("b", 0.7, (math.nan, 1.0), "70%", False),
    ]
    html = charts.lanes(rows)
    assert html.count("class=dot") == 1
    assert "whisker" not in html
    assert charts.lanes(rows[:1]) == ""


def test_a_scatter_is_logarithmic_across():
    points = [charts.Point("a", 1e3, 1.0), charts.Point("b", 1e4, 2.0), charts.Point("c", 1e5, 3.0)]
    svg = charts.scatter_chart("t", points, x_label="parameters")
    xs = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg)]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)
    assert ">10k<" in svg
