"""Keras itself: whether it is there, new enough, and on torch."""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys

from unroll.errors import DISTRIBUTION, ConfigError, MissingExtraError

OLDEST = (3, 3)


def check() -> None:
    """See to it that `import keras` gives a Keras that unroll's layers can stand on.

    Keras decides on its backend when it is first imported: if nobody has decided yet, it is torch.

    Raises:
        MissingExtraError: Keras is not installed.
        ConfigError: it is too old, or runs on another backend.
    """
    try:
        version = importlib.metadata.version("keras")
    except importlib.metadata.PackageNotFoundError:
        raise MissingExtraError("keras", "keras", "unroll.keras") from None
    if version_of(version) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise ConfigError(
            f"unroll.keras needs Keras {oldest} or newer, and {version} is installed; upgrade it with: "
            f"pip install --upgrade '{DISTRIBUTION}[keras]'"
        )
    wanted = os.environ.setdefault("KERAS_BACKEND", "torch")
    loaded = sys.modules.get("keras")
    name = wanted if loaded is None else loaded.backend.backend()
    if name != "torch":
        raise ConfigError(
            f"unroll.keras runs on Keras's torch backend, and Keras is set to '{name}'; set KERAS_BACKEND=torch before "
            "Keras is imported"
        )


def version_of(text: str) -> tuple[int, ...]:
    """The leading numbers of a version, for comparison."""
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0,)
