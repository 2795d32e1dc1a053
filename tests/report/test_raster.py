"""The picture of numbers over time: what is dark is high, and its image is one that everybody can read."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from unroll.report.charts import Plot, Raster, Spans


def image_of(plot: Plot) -> np.ndarray:
    drawing = plot.drawing()
    assert drawing is not None
    (shape,) = [shape for _, shape in drawing.shapes if shape.tag == "image"]
    kind, _, content = str(shape.where["href"]).partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_the_image_shows_the_numbers_from_the_bottom_up() -> None:
    rows = [[0.0, 1.0, 2.0], [4.0, 3.0, 2.0]]
    image = image_of(Plot("sound", [Raster("", rows, 0.0, 1.0)]))
    assert image.shape == (3, 2, 4)
    np.testing.assert_array_equal(image[::-1, :, 3].T, np.round(255 * np.array(rows) / 4))
    assert (image[..., :3] == image[0, 0, :3]).all()


def test_numbers_that_are_all_the_same_are_drawn() -> None:
    assert (image_of(Plot("silence", [Raster("", [[1.0], [1.0]], 0.0, 1.0)]))[..., 3] == 0).all()


def test_the_image_lies_where_its_axes_say() -> None:
    drawing = Plot("sound", [Raster("", [[0.0, 1.0]] * 5, 0.0, 2.0), Spans("", [0.5], [1.0], ["a"], 2.0)]).drawing()
    assert drawing is not None
    where = next(shape.where for _, shape in drawing.shapes if shape.tag == "image")
    lines = [shape.where for _, shape in drawing.shapes if shape.tag == "line"]
    assert [line["x1"] for line in lines] == pytest.approx(
        [float(where["x"]) + float(where["width"]) * share for share in (0.25, 0.5)], abs=0.2
    )
    assert "a" in [text.text for text in drawing.texts]


def test_nothing_to_draw_draws_nothing() -> None:
    assert Plot("nothing", [Raster("", [], 0.0, 1.0)]).drawing() is None
