"""The exceptions of unroll.

UnrollError             anything a user can act on; the command line prints it as one line and exits with code 2
├── DataError           a data file is wrong: carries the path and, where known, the line
├── ConfigError         a setting, an option or a run's config is wrong
├── BundleError         a run folder or a checkpoint is damaged, incomplete or of another kind
├── EngineError         a forced engine cannot do the job
└── MissingExtraError   an optional dependency is not installed

TensorError             a tensor in a call has a wrong shape, dtype or device
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

#: The name that packages are installed by: "unroll" is another project there.
DISTRIBUTION = "unroll-rnn"


class UnrollError(Exception):
    """An error a user can act on. The text is one line: what was expected, what came, what to do."""


class DataError(UnrollError):
    """A data file is wrong.

    Args:
        message: what was expected, what came and what to do, in one line.
        path: the file.
        line: the line in that file, counted from 1.
    """

    def __init__(self, message: str, path: Path | str | None = None, line: int | None = None) -> None:
        self.path = None if path is None else Path(path)
        self.line = line
        where = "" if path is None else f"{path}:{line}: " if line is not None else f"{path}: "
        super().__init__(where + message)


class ConfigError(UnrollError):
    """A setting, an option or a run's config is wrong."""


class BundleError(UnrollError):
    """A run folder or a checkpoint is damaged, incomplete or of another kind."""


class EngineError(UnrollError):
    """A forced engine cannot do the job; the text holds the reason."""


class TensorError(RuntimeError, ValueError):
    """A tensor in a call has a wrong dtype or shape.

    It is both, since torch.nn raises now one and now the other for the same mistake: a ValueError where a layer itself
    looks, a RuntimeError where an operator of torch finds it.
    """


class MissingExtraError(UnrollError):
    """An optional dependency is not installed.

    Args:
        package: the distribution that is missing.
        extra: the extra of unroll that brings it.
        purpose: what it is needed for.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {package}, which is not installed; install it with: pip install '{DISTRIBUTION}[{extra}]'"
        )


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the choice nearest to `name`, or an empty string if none is near."""
    found = difflib.get_close_matches(name, list(choices), n=1, cutoff=0.6)
    return f" (did you mean '{found[0]}'?)" if found else ""
