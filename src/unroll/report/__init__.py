"""The report of a run: one self-contained HTML page."""

from unroll.report.facts import Facts
from unroll.report.page import report_html
from unroll.report.section import Section

__all__ = ["Facts", "Section", "report_html"]
