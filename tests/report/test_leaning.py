"""The section that shows what answers about a series lean on."""

import numpy as np

from unroll.report.charts import Plot
from unroll.report.leaning import Leaning, leaning_section


def test_the_steps_that_cost_at_least_half_of_the_most_are_named() -> None:
    drop = np.array([0.0, 0.1, 0.3, 0.4, 0.25, 0.1, 0.0, 0.3])
    one = Leaning("walk", "walks.ts:7", np.zeros((8, 5)), 0.9, drop)
    flat = Leaning("stand", "walks.ts:8", np.ones((8, 1)), 0.8, np.full(8, 0.001))
    section = leaning_section([one, flat], 0.1)
    assert section.table is not None
    assert [row["leans most on steps"] for row in section.table] == ["3 to 5", "none in particular"]
    assert [row["without them"] for row in section.table] == ["50.0%", "79.9%"]
    assert "10.0% of its steps" in section.text
    assert section.charts is not None
    plots = [chart for chart in section.charts() if isinstance(chart, Plot)]
    assert [plot.title for plot in plots[:2]] == ["walk: the series", "walk: fall of the probability"]
    assert [len(plot.layers) for plot in plots] == [3, 1, 1, 1]
    assert all(plot.drawing() is not None for plot in plots)
