"""Where a run goes, and what it is called, if the line does not say so."""

from __future__ import annotations

from pathlib import Path


def named_data(data: str | None, config: Path | None) -> str:
    """Return what the data is called: by the argument DATA, or by the file of `--config`.

    Raises:
        ConfigError: the file is not a config.
    """
    if data is not None or config is None:
        return data or ""
    from unroll.bundle import read_config

    section = read_config(config).get("data")
    return str(section.get("path", "")) if isinstance(section, dict) else ""


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
