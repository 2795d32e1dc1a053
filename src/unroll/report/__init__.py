"""The report of a run: one self-contained HTML page; and the page that sets several runs beside each other."""

from unroll.report.comparison import Candidate, Comparison, comparison_html, comparison_rows
from unroll.report.facts import Facts
from unroll.report.page import report_html
from unroll.report.rendering import picture_svg
from unroll.report.section import Section

__all__ = [
    "Candidate",
    "Comparison",
    "Facts",
    "Section",
    "comparison_html",
    "comparison_rows",
    "picture_svg",
    "report_html",
]
