"""Pictures drawn with matplotlib, put into the page.

A picture becomes inline SVG whose text stays text: the reader's browser draws it in the reader's fonts, so Hangul needs
no font on the machine that trained, and whose colours are the page's, so it follows light and dark. A picture too heavy
for that becomes a PNG, for which a font with Hangul is looked for among the installed ones.
"""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from unroll.report.markup import text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Above this many characters of SVG (long series, many points) a PNG is smaller and scrolls better on a phone.
_HEAVY = 1_000_000

#: Colours that stand for the page's own in matplotlib's output, which knows no CSS variables; nobody would choose them.
_STAND_INS = {
    "#0b0c0d": "var(--ink)",
    "#0b0c0e": "var(--muted)",
    "#0b0c0f": "var(--line)",
    "#0a1b01": "var(--c1)",
    "#0a1b02": "var(--c2)",
    "#0a1b03": "var(--c3)",
    "#0a1b04": "var(--c4)",
    "#0a1b05": "var(--c5)",
    "#0a1b06": "var(--c6)",
}
_PAPER_COLOURS = ["#2f6fb3", "#c7622b", "#2f8f6b", "#8a5bb0", "#b0892b", "#7a7f87"]

_HANGUL_FONTS = (
    "Noto Sans KR",
    "Noto Sans CJK KR",
    "Noto Sans CJK JP",
    "NanumGothic",
    "NanumBarunGothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "AppleGothic",
    "Baekmuk Gulim",
    "UnDotum",
)


def figure_html(build: Callable[[], Figure], index: int, title: str) -> str:
    """Return one picture as HTML.

    Args:
        build: makes the matplotlib figure.
        index: the picture's number on the page; keeps the ids of several pictures apart.
        title: what the picture shows, for readers who cannot see it.
    """
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure as MatplotlibFigure

    with _style(_svg_settings()):
        figure = build()
        if not isinstance(figure, MatplotlibFigure):
            raise TypeError(f"a section's figure must build a matplotlib Figure, got {type(figure).__name__}")
        # A picture with a coloured background of its own is made for paper: its labels must not turn white in the dark.
        on_paper = any(axes.images or any(isinstance(c, QuadMesh) for c in axes.collections) for axes in figure.axes)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, bbox_inches="tight", metadata=_NO_METADATA)
    svg = _inline(drawn.getvalue(), index, title, "figure paper" if on_paper else "figure")
    if len(svg) <= _HEAVY:
        return svg
    with _style(_png_settings()):
        picture = io.BytesIO()
        build().savefig(picture, format="png", dpi=160, bbox_inches="tight")
    data = base64.b64encode(picture.getvalue()).decode("ascii")
    note = ""
    if _has_hangul(svg) and hangul_font() is None:
        note = (
            "<p class=note>This picture has labels in Hangul, and no installed font has Hangul; install one, such as"
            " Noto Sans KR, and write the report again.</p>"
        )
    return f'<img class=paper alt="{text(title)}" src="data:image/png;base64,{data}">{note}'


def hangul_font() -> str | None:
    """Return the name of an installed font with Hangul, or None."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in _HANGUL_FONTS if name in installed), None)


_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def _base_settings() -> dict[Any, Any]:
    return {
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": False,
        "axes.axisbelow": True,
        "lines.linewidth": 1.6,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "figure.constrained_layout.use": True,
    }


def _svg_settings() -> dict[Any, Any]:
    from cycler import cycler

    ink, muted, line, *series = _STAND_INS
    return _base_settings() | {
        "svg.fonttype": "none",
        "svg.hashsalt": "unroll",
        "text.color": ink,
        "axes.edgecolor": muted,
        "axes.labelcolor": muted,
        "axes.titlecolor": ink,
        "xtick.color": muted,
        "ytick.color": muted,
        "grid.color": line,
        "axes.prop_cycle": cycler(color=series),
    }


def _png_settings() -> dict[Any, Any]:
    from cycler import cycler

    font = hangul_font()
    return _base_settings() | {
        "axes.prop_cycle": cycler(color=_PAPER_COLOURS),
        "font.family": ["DejaVu Sans", font] if font else ["DejaVu Sans"],
        "axes.unicode_minus": False,
    }


@contextmanager
def _style(settings: dict[Any, Any]) -> Iterator[None]:
    import matplotlib

    # Glyphs are measured with matplotlib's own font, which has no Hangul; the browser draws them.
    with warnings.catch_warnings(), matplotlib.rc_context(settings):
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def _inline(svg: str, index: int, title: str, classes: str) -> str:
    """Make a standalone SVG document a part of the page: own ids, the page's colours and fonts, scaled to fit."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s+xmlns(:xlink)?=\"[^\"]*\"", "", svg)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r"\bid=\"([^\"]*)\"", rf'id="p{index}-\1"', svg)
    svg = re.sub(r"url\(#([^)]*)\)", rf"url(#p{index}-\1)", svg)
    svg = re.sub(r"href=\"#([^\"]*)\"", rf'href="#p{index}-\1"', svg)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: var(--sans)", svg)
    for stand_in, colour in _STAND_INS.items():
        svg = svg.replace(stand_in, colour)
    width = re.search(r"<svg[^>]*?width=\"([\d.]+)pt\"", svg)
    limit = f"max-width:{float(width.group(1)) * 4 / 3:.0f}px" if width else ""
    for side in ("width", "height"):
        svg = re.sub(rf"(<svg[^>]*?)\s+{side}=\"[^\"]*\"", r"\1", svg, count=1)
    return svg.replace("<svg", f'<svg class="{classes}" role=img aria-label="{text(title)}" style="{limit}"', 1)


def _has_hangul(text: str) -> bool:
    return re.search("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]", text) is not None
