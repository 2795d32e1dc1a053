"""Values that programs wrote into cells and lines, whatever stands there: a fault is a ValueError and nothing else."""

from __future__ import annotations

import ast
import json
from typing import Any


def json_value(text: str) -> Any:
    """A value as JSON writes it.

    Raises:
        ValueError: it is none, or too deep to be read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def python_value(text: str) -> Any:
    """A value as Python writes it: texts, numbers, lists and the like; nothing is run.

    >>> python_value("['L1', 'L2']")
    ['L1', 'L2']

    Raises:
        ValueError: it is none, or too deep to be read.
    """
    try:
        return ast.literal_eval(text)
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(str(error) or "nested too deeply") from error
