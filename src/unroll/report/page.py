"""The page: facts in, one self-contained HTML text out."""

from __future__ import annotations

from html import escape

from unroll.report.facts import Facts


def report_html(facts: Facts) -> str:
    """Return the report of a run as one HTML page without scripts or outside links."""
    return f"<!doctype html><meta charset=utf-8><title>{escape(facts.name)}</title>"
