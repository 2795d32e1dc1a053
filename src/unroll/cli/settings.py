"""Options as the plain values of a config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unroll.errors import ConfigError


def config_values(data: str | None, config: Path | None, options: Mapping[str, object]) -> dict[str, Any]:
    """Return the values of a config: the file's, and over them those of the options that were given.

    Args:
        data: the argument DATA; None to take it from the file.
        config: the file of `--config`, if any.
        options: dotted key -> value, as collected from the command's options; None is "not given".

    Raises:
        ConfigError: neither DATA nor the file says where the data is, or the file is not a config.
    """
    from unroll.bundle import read_config, with_values

    values = {} if config is None else read_config(config)
    given = {key: value for key, value in {"data.path": data, **options}.items() if value is not None}
    values = with_values(values, given, str(config))
    if "path" not in values.get("data", {}):
        raise ConfigError("no data: give DATA, a file, a folder or a built-in set (`unroll datasets` lists those)")
    return values


def free_folder(base: Path, name: str) -> Path:
    """Return the first of base/name-1, base/name-2, ... that does not exist."""
    number = 1
    while (base / f"{name}-{number}").exists():
        number += 1
    return base / f"{name}-{number}"


def run_name(data: str) -> str:
    """Return a folder name made from the data's name, without its suffixes and without characters that shells mind."""
    stem = Path(data.rpartition(":")[2].rstrip("/")).name or "run"
    while Path(stem).suffix in (".gz", ".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".ts"):
        stem = Path(stem).stem
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in stem).strip(".-") or "run"
