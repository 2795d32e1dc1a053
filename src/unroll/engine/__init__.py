"""The schedule: everything about time. Knows no cell by name and holds no equation."""

from unroll.engine.scan import AUTO, Choice, choose, engines, recorded_choices, scan

__all__ = ["AUTO", "Choice", "choose", "engines", "recorded_choices", "scan"]
