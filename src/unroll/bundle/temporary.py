"""A folder for a run that nobody asked to keep."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path


class Temporary:
    """A folder that goes when nothing needs this any more, or when Python ends."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="unroll-run-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
