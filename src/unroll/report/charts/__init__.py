"""Charts as data, drawn by the page's templates: plots with axes, rows of scores, matrices of counts, maps."""

from unroll.report.charts.axis import Axis, AxisKind
from unroll.report.charts.heat import Heat
from unroll.report.charts.lanes import Lane, Lanes
from unroll.report.charts.layers import Band, Bars, Curve, Points
from unroll.report.charts.matrix import Matrix
from unroll.report.charts.pictures import Picture, Pictures
from unroll.report.charts.plot import Mark, Plot
from unroll.report.charts.raster import Raster, Spans

#: What a section of the page may draw.
Chart = Plot | Lanes | Matrix | Heat | Pictures

__all__ = [
    "Axis",
    "AxisKind",
    "Band",
    "Bars",
    "Chart",
    "Curve",
    "Heat",
    "Lane",
    "Lanes",
    "Mark",
    "Matrix",
    "Picture",
    "Pictures",
    "Plot",
    "Points",
    "Raster",
    "Spans",
]
