from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime

import pytest

from unroll.report import picture_svg
from unroll.report.charts import Axis, AxisKind, Band, Bars, Curve, Heat, Lane, Lanes, Mark, Matrix, Plot, Points
from unroll.report.charts.plot import text_width
from unroll.report.charts.scale import log_ticks, nice_ticks, time_ticks, whole_ticks


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0.9, 0.99), (-3, 7), (1e-9, 2e-9), (5, 5), (0, 0), (123456, 123457), (-1e6, 1e6)]
)
def test_ticks_are_round_few_and_span_the_values(low, high):
    ticks = nice_ticks(low, high)
    slack = 1e-6 * (ticks[-1] - ticks[0])
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert 2 <= len(ticks) <= 8
    step = ticks[1] - ticks[0]
    mantissa = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert any(math.isclose(mantissa, good, rel_tol=1e-6) for good in (1, 2, 5))


@pytest.mark.parametrize(("low", "high"), [(1, 2), (1, 14), (0.5, 1.5), (1, 1000), (3, 7)])
def test_epoch_ticks_are_whole_and_within(low, high):
    ticks = whole_ticks(low, high)
    assert ticks
    assert len(ticks) <= 8
    assert all(low <= tick <= high for tick in ticks)


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("low", "high", "named"),
    [
        ("2024-02-27T00:00", "2024-03-02T00:00", ["02-27", "02-28", "02-29", "03-01", "03-02"]),
        ("2024-05-01T22:20", "2024-05-02T01:30", ["23:00", "05-02", "01:00"]),
        ("2024-05-01T10:00:05", "2024-05-01T10:00:50", ["10:00:15", "10:00:30", "10:00:45"]),
        ("2024-11-20T00:00", "2025-03-10T00:00", ["2024-12", "2025-01", "2025-02", "2025-03"]),
        ("1749-01-01T00:00", "1980-01-01T00:00", ["1750", "1800", "1850", "1900", "1950"]),
    ],
)
def test_times_are_named_as_people_count_them(low, high, named):
    ticks = time_ticks(moment(low), moment(high))
    assert [tick.text for tick in ticks] == named
    assert all(moment(low) <= tick.at <= moment(high) for tick in ticks)
    if named[0] == "02-27":
        assert [tick.at for tick in ticks] == [
            moment(f"2024-{day}T00:00") for day in ("02-27", "02-28", "02-29", "03-01", "03-02")
        ]


def test_logarithmic_ticks_stay_few_over_many_powers():
    assert [tick.text for tick in log_ticks(1, 1e5)] == ["1", "10", "100", "1k", "10k", "100k"]
    ticks = log_ticks(1e-12, 1e8)
    assert [tick.text for tick in ticks] == ["10⁻¹²", "10⁻⁹", "10⁻⁶", "10⁻³", "1", "10³", "10⁶"]
    assert [tick.at for tick in ticks] == pytest.approx([10.0**power for power in range(-12, 7, 3)])
    few = [tick.text.replace("\N{NO-BREAK SPACE}", " ") for tick in log_ticks(1e-5, 1e-4)]
    assert few == ["10⁻⁵", "2 × 10⁻⁵", "5 × 10⁻⁵", "10⁻⁴"]


def drawn(plot: Plot):
    drawing = plot.drawing()
    assert drawing is not None
    return drawing


def coordinates(plot: Plot) -> list[tuple[float, float]]:
    points = next(shape.where["points"] for _, shape in drawn(plot).shapes if shape.tag == "polyline")
    return [tuple(map(float, pair.split(","))) for pair in str(points).split()]


def test_a_curve_goes_through_its_points():
    (x1, y1), (x2, y2), (x3, y3) = coordinates(Plot("t", [Curve("c", [1, 2, 3], [0.0, 1.0, 0.5])]))
    assert x2 - x1 == pytest.approx(x3 - x2)
    assert y1 > y3 > y2  # SVG's y grows downwards
    assert y3 == pytest.approx((y1 + y2) / 2, abs=0.1)


def test_a_curve_meets_the_lines_that_its_axis_names():
    drawing = drawn(Plot("t", [Curve("c", [0, 1], [0.2, 0.4])], y=Axis(kind=AxisKind.SHARE)))
    (_, low), (_, high) = coordinates(Plot("t", [Curve("c", [0, 1], [0.2, 0.4])], y=Axis(kind=AxisKind.SHARE)))
    assert [low, high] == [drawing.lines[0], drawing.lines[-1]]
    assert {text.text for text in drawing.texts} >= {"20%", "40%"}


def test_what_is_not_finite_leaves_a_gap_and_a_single_point_a_dot():
    drawing = drawn(Plot("t", [Curve("c", [1, 2, 3, 4], [1.0, math.nan, 2.0, 3.0])]))
    assert [shape.tag for _, shape in drawing.shapes] == ["circle", "polyline"]
    assert "nan" not in str(drawing)


def test_no_finite_value_is_no_chart():
    empty = Plot("empty", [Curve("c", [1], [math.nan])])
    assert empty.drawing() is None
    assert list(Lanes([]).placed()) == []
    with pytest.raises(ValueError, match="'empty' has no finite value"):
        picture_svg(empty)


def test_bars_stand_on_zero_and_carry_their_labels():
    drawing = drawn(Plot("t", [Bars("b", [0, 1], [2.0, 4.0], 0.5, ["two", "four"])], Axis(names=["left", "right"])))
    first, second = (shape.where for _, shape in drawing.shapes)
    assert first["y"] + first["height"] == pytest.approx(drawing.bottom, abs=0.1)
    assert second["height"] == pytest.approx(2 * first["height"], abs=0.2)
    assert {text.text for text in drawing.texts} >= {"two", "four", "left", "right"}


def test_a_band_goes_there_below_and_back_above():
    drawing = drawn(Plot("t", [Band("b", [0, 1], [0.0, 1.0], [2.0, 3.0])]))
    _, shape = drawing.shapes[0]
    places = [tuple(map(float, pair.split(","))) for pair in str(shape.where["points"]).split()]
    assert len(places) == 4
    assert places[0][0] == places[3][0]
    assert places[0][1] > places[3][1]


def test_layers_take_the_colours_in_turn_unless_they_have_one():
    curves = [Curve("a", [0, 1], [0, 1]), Curve("b", [0, 1], [0, 1], colour=6), Curve("c", [0, 1], [0, 1])]
    drawing = drawn(Plot("t", curves))
    assert [colour for colour, _ in drawing.shapes] == [1, 6, 2]
    assert [(key.colour, key.text) for key in drawing.keys] == [(1, "a"), (6, "b"), (2, "c")]


def test_a_legend_that_is_too_long_for_a_line_takes_more_and_the_picture_grows():
    names = [f"a rather long name {index}" for index in range(5)]
    drawing = drawn(Plot("t", [Curve(name, [0, 1], [0, 1]) for name in names]))
    short = drawn(Plot("t", [Curve("a", [0, 1], [0, 1]), Curve("b", [0, 1], [0, 1])]))
    assert len({key.y for key in drawing.keys}) > 1
    assert drawing.height > short.height
    assert drawing.bottom - drawing.top == pytest.approx(short.bottom - short.top)


def test_names_of_points_do_not_lie_on_each_other():
    points = Points("", [1.0, 1.01, 1.02], [1.0, 1.0, 1.0], ["lstm", "gru", "rnn"])
    drawing = drawn(Plot("t", [points], Axis(low=0.0, high=2.0)))
    places = sorted(text.y for text in drawing.texts if text.text in ("lstm", "gru", "rnn"))
    assert all(after - before >= 10.9 for before, after in itertools.pairwise(places))


@pytest.mark.parametrize(("text", "width"), [("GRU", 24.2), ("LSTM", 29.3), ("gru", 18.4), ("HOQNDG", 50.8)])
def test_words_are_taken_to_be_no_narrower_than_a_usual_font_has_them(text: str, width: float):
    # Measured: DejaVu Sans, 11 px.
    assert text_width(text) >= width


def test_points_stand_logarithmically_across():
    plot = Plot("t", [Points("", [1e3, 1e4, 1e5], [1.0, 2.0, 3.0], "abc")], Axis("parameters", AxisKind.LOG))
    xs = [shape.where["cx"] for _, shape in drawn(plot).shapes]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)
    assert "10k" in [text.text for text in drawn(plot).texts]


def test_lanes_keep_the_order_of_values_on_one_scale():
    rows = [Lane("m", 0.9, (0.8, 1.0), "90%", True), Lane("b", 0.7, None, "70%", False)]
    first, second = Lanes(rows).placed()
    assert first.dot > second.dot
    left, width = first.whisker
    assert left + width / 2 == pytest.approx(first.dot, abs=0.02)
    assert second.whisker is None


def test_a_score_that_is_not_finite_has_no_dot():
    rows = [Lane("m", math.nan, None, "–", True), Lane("b", 0.7, (math.nan, 1.0), "70%", False)]
    first, second = Lanes(rows).placed()
    assert (first.dot, second.whisker) == (None, None)
    assert second.dot is not None
    assert list(Lanes(rows[:1]).placed()) == []


def test_a_matrix_is_shaded_by_the_share_of_its_row_and_a_row_without_counts_is_not():
    lines = dict(Matrix("t", "true", "predicted", ["a", "b"], [[3, 1], [0, 0]]).lines())
    assert [cell.shade for cell in lines["a"]] == [0.75, 0.25]
    assert [cell.shade for cell in lines["b"]] == [0, 0]
    assert [cell.diagonal for cell in lines["b"]] == [False, True]


def test_a_picture_is_an_svg_file_of_its_own_with_its_own_colours_in_light_and_dark():
    curves = [Curve("<기억>", [1, 2], [1, 2]), Curve("b", [1, 2], [2, 1], dashed=True)]
    svg = picture_svg(Plot("t & t", curves, Axis("epoch", AxisKind.WHOLE), mark=Mark(2, "kept")))
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "<기억>" in [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "prefers-color-scheme: dark" in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_a_map_holds_every_name_and_a_shade_between_none_and_all():
    heat = Heat("t", "written", "read", ["고양이", "sat"], ["<die>", "Katze"], [[-0.1, 1.2], [0.25, 0.5]])
    lines = dict(heat.lines())
    assert lines["고양이"] == [0.0, 1.0]
    assert lines["sat"][0] == 0.25
