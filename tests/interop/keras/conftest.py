"""The suites are for the process that `test_suites` starts."""

from __future__ import annotations

import os

SUITE_PROCESS = "UNROLL_KERAS_SUITE"
collect_ignore_glob = [] if SUITE_PROCESS in os.environ else ["suite_*.py"]
