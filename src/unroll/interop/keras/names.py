"""Names of Keras that lessons import beside its recurrent layers."""

from __future__ import annotations

from typing import Any

import keras

from unroll.errors import nearest


def from_keras(module: str, name: str, *places: str) -> Any:
    """A name of Keras, for a module of unroll that lacks it.

    Args:
        module: the module of unroll.
        name: what is asked for.
        places: modules of Keras where it may be, in order; "" is Keras itself.

    Raises:
        AttributeError: Keras has no such name there.
    """
    homes = [getattr(keras, place) if place else keras for place in places]
    if not name.startswith("_"):
        for home in homes:
            if hasattr(home, name):
                return getattr(home, name)
    known = [one for home in homes for one in dir(home)]
    raise AttributeError(f"module '{module}' has no attribute '{name}', nor has Keras{nearest(name, known)}")
