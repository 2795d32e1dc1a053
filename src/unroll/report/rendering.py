"""Templates to text: the one place where text from data becomes markup."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from unroll.report import words

if TYPE_CHECKING:
    from jinja2 import Environment

    from unroll.report.charts import Plot


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return a template of this package filled in.

    Every value is escaped, its control characters made visible; only the package's own style sheets are not.

    Args:
        template: a file of the folder `templates`.
        values: what its names stand for.

    Example:
        >>> from unroll.report.charts import Curve, Plot
        >>> svg = render("picture.svg", {"chart": Plot("<b>", [Curve("loss", [1, 2], [0.5, 0.25])])})
        >>> "&lt;b&gt;" in svg and "<b>" not in svg
        True
    """
    return _environment().get_template(template).render(values)


def picture_svg(plot: Plot) -> str:
    """Return a plot as an SVG file of its own, which follows the reader's light or dark.

    Raises:
        ValueError: there is nothing to draw.
    """
    if plot.drawing() is None:
        raise ValueError(f"the picture '{plot.title}' has no finite value to draw")
    return render("picture.svg", {"chart": plot}).strip() + "\n"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    def finished(value: object) -> object:
        return value if isinstance(value, Markup) else words.visible(str(value))

    environment = Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=finished,
        loader=FunctionLoader(lambda name: _source("templates", name)),
    )
    environment.filters["number"] = words.number
    environment.globals["styles"] = {name: Markup(_source(f"{name}.css")) for name in ("page", "chart")}
    return environment


def _source(*path: str) -> str:
    return resources.files("unroll.report").joinpath(*path).read_text(encoding="utf-8")
