"""Names of classes that stand beside the numbers of a file, as the `datasets` library writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unroll.errors import DataError

_FILES = ("dataset_info.json", "dataset_infos.json")
_MAX_BYTES = 16 * 2**20


def names_beside(path: Path) -> dict[str, list[str]]:
    """The names of the classes of columns, from the description beside a file; empty if there is none.

    Raises:
        DataError: the description is no JSON.
    """
    for name in _FILES:
        beside = path.parent / name
        if beside.is_file() and beside.stat().st_size <= _MAX_BYTES:
            try:
                return names_in(json.loads(beside.read_text(encoding="utf-8")))
            except (ValueError, RecursionError, OSError) as error:
                raise DataError(f"not JSON: {error}; correct it or take it away", beside) from error
    return {}


def names_of_schema(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """The names of the classes of columns, from the metadata of a Parquet file; empty where they say nothing."""
    try:
        return names_in(json.loads((metadata or {}).get(b"huggingface", b"{}")))
    except (ValueError, RecursionError):
        return {}


def names_in(described: Any) -> dict[str, list[str]]:
    """The names of the classes of columns in a description: at its top, under "info", or under a configuration.

    >>> names_in({"features": {"tags": {"feature": {"names": ["O", "B"], "_type": "ClassLabel"}}}})
    {'tags': ['O', 'B']}
    """
    if not isinstance(described, dict):
        return {}
    features = described.get("features")
    if isinstance(features, dict):
        found = {column: _names(feature) for column, feature in features.items()}
        return {column: names for column, names in found.items() if names}
    for inner in described.values():
        found = names_in(inner) if isinstance(inner, dict) else {}
        if found:
            return found
    return {}


def names_in_list(features: Sequence[Any]) -> dict[str, list[str]]:
    """The same of a list of columns, each with its name and its type.

    >>> names_in_list([{"name": "label", "type": {"names": ["neg", "pos"], "_type": "ClassLabel"}}])
    {'label': ['neg', 'pos']}
    """
    typed = [feature for feature in features if isinstance(feature, dict) and "name" in feature]
    return names_in({"features": {str(feature["name"]): feature.get("type") for feature in typed}})


def _names(feature: Any) -> list[str]:
    """The names of one column: of a class, or of the classes in a list."""
    if isinstance(feature, list) and len(feature) == 1:
        return _names(feature[0])
    if not isinstance(feature, dict):
        return []
    names = feature.get("names")
    if feature.get("_type", "ClassLabel") == "ClassLabel" and isinstance(names, list):
        return [str(name) for name in names]
    return _names(feature.get("feature"))


def named(number: Any, names: Sequence[str], column: str, path: Path, line: int) -> str | None:
    """The name of a class; None for a missing one, which is written -1.

    Raises:
        DataError: there is no such class.
    """
    if number is None or isinstance(number, str):
        return number
    if number == -1:
        return None
    if isinstance(number, bool) or number not in range(len(names)):
        raise DataError(
            f"column {column!r}: {number} is none of its {len(names)} classes (0 to {len(names) - 1})", path, line
        )
    return names[int(number)]
