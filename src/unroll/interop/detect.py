"""Whose model is it? Asked without importing the library."""

from __future__ import annotations

import sys


def is_keras(model: object) -> bool:
    """Whether this is a layer or a model of Keras, on any backend."""
    loaded = sys.modules.get("keras")
    layer = getattr(getattr(loaded, "layers", None), "Layer", None)
    return layer is not None and isinstance(model, layer)
