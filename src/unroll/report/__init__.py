"""The report of a run: one self-contained HTML page."""

from unroll.report.section import Section

__all__ = ["Section"]
