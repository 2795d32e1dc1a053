"""The schedule: everything about time. Knows no cell by name and holds no equation."""

from unroll.engine.scan import AUTO, Choice, Run, choose, engines, recorded_choices, scan, scan_both

__all__ = ["AUTO", "Choice", "Run", "choose", "engines", "recorded_choices", "scan", "scan_both"]
