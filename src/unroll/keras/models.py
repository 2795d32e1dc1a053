"""`keras.models` with unroll's `Sequential` and its ways with files: see `unroll.keras`."""

from __future__ import annotations

from typing import Any

from unroll.interop.keras.files import load_model, save_model
from unroll.interop.keras.first import Sequential
from unroll.interop.keras.names import from_keras as _from_keras

__all__ = ["Sequential", "load_model", "save_model"]


def __getattr__(name: str) -> Any:
    return _from_keras(__name__, name, "models")
