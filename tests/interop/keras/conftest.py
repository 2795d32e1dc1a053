"""The suites and the plugin are for the processes that `test_suites` starts."""

from __future__ import annotations

import os

SUITE_PROCESS = "UNROLL_KERAS_SUITE"
collect_ignore_glob = ["in_place.py", *([] if SUITE_PROCESS in os.environ else ["suite_*.py"])]
