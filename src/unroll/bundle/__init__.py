"""A trained model as one folder: safetensors, a closed config, checksums, and what the result depends on."""

from unroll.bundle.config import DataConfig, RunConfig, apply_overrides, read_config, validate, with_values
from unroll.bundle.folder import RunFolder
from unroll.bundle.one_of import OneOf, choices
from unroll.bundle.provenance import environment, fingerprint
from unroll.bundle.temporary import Temporary

__all__ = [
    "DataConfig",
    "OneOf",
    "RunConfig",
    "RunFolder",
    "Temporary",
    "apply_overrides",
    "choices",
    "environment",
    "fingerprint",
    "read_config",
    "validate",
    "with_values",
]
