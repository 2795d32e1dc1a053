"""What the report shows of a detector."""

from __future__ import annotations

from collections.abc import Sequence

from unroll.report import Section
from unroll.tasks.detect.settings import DetectSettings, Saved
from unroll.tasks.detect.watching import Watched


def sections_of(watched: Sequence[Watched], threshold: float, settings: DetectSettings, saved: Saved) -> list[Section]:
    """The streams with their alerts."""
    return []
