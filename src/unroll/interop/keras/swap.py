"""Keras's recurrent layers in a model, turned into unroll's where they stand, and back."""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

import keras

from unroll.interop.keras.first import OWN
from unroll.interop.keras.layers import SWAPS
from unroll.interop.keras.run import objection

Model = TypeVar("Model", bound=keras.layers.Layer)


def accelerate(model: Model) -> Model:
    """Let every SimpleRNN, LSTM, GRU and RNN of Keras inside a model run on unroll's engines, in place.

    A layer stays the same object with the same weights and only gets another loop, so that optimisers, callbacks,
    compiled models and other layers that hold it go on. Layers that must stay as they are are named in a warning.

    Args:
        model: any layer or model of Keras.

    Returns:
        The model itself.
    """
    for layer in every_layer(model):
        swap = SWAPS.get(type(layer))
        if swap is not None:
            against = objection(layer) if isinstance(layer, keras.layers.RNN) else None
            if against is None:
                layer.__class__ = swap
        elif isinstance(layer, keras.layers.RNN) and type(layer) not in SWAPS.values():
            against = f"it is a {type(layer).__name__}, whose own methods would be lost"
        else:
            continue
        if against is not None:
            warnings.warn(f"accelerate: '{layer.name}' stays as it is: {against}", stacklevel=2)
    return model


def plain(model: Model) -> Model:
    """The opposite of `accelerate`: unroll's layers become Keras's own again, in place."""
    back = {swap: own for own, swap in SWAPS.items()} | OWN
    for layer in every_layer(model):
        if type(layer) in back:
            layer.__class__ = back[type(layer)]
    return model


def every_layer(model: Any) -> list[Any]:
    """The model and every layer below it, however deep."""
    return list(model._flatten_layers(include_self=True, recursive=True))
