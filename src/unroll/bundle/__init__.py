"""A trained model as one folder: safetensors, a closed config, checksums, and what the result depends on."""

from unroll.bundle.config import DataConfig, RunConfig, apply_overrides, read_config, validate, with_values
from unroll.bundle.folder import RunFolder
from unroll.bundle.provenance import environment, fingerprint

__all__ = [
    "DataConfig",
    "RunConfig",
    "RunFolder",
    "apply_overrides",
    "environment",
    "fingerprint",
    "read_config",
    "validate",
    "with_values",
]
