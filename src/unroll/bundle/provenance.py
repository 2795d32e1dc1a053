"""What a result depends on besides the config: the machine, the versions and the data's fingerprint."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from unroll import __version__
from unroll.bundle.files import sha256_of

#: Distributions whose version can change a result.
PACKAGES = (
    "torch",
    "numpy",
    "tokenizers",
    "pyarrow",
    "scikit-learn",
    "statsmodels",
    "safetensors",
)


def environment() -> dict[str, Any]:
    """Versions, CPU, threads and GPUs of this process."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "packages": {
            "unroll": __version__,
            **{name: version for name in PACKAGES if (version := _version(name)) is not None},
        },
    }


def fingerprint(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Name, size in bytes and SHA-256 of every data file; of a folder, of each file in it, by name."""
    files = [
        file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path]) if file.is_file()
    ]
    return [{"name": file.name, "bytes": file.stat().st_size, "sha256": sha256_of(file)} for file in files]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
