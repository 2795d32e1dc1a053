"""Keras's layers that a recurrent network may begin with, and `Sequential`, as lessons write them.

Each is Keras's own class in all but how the shape of its input may be written.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import Sequential as KerasSequential
from keras.layers import Bidirectional as KerasBidirectional
from keras.layers import Embedding as KerasEmbedding
from keras.layers import Masking as KerasMasking
from keras.layers import TimeDistributed as KerasTimeDistributed

from unroll.interop.keras.spellings import takes_batch_shape, takes_old_spellings, takes_steps

PACKAGE = "unroll"


@keras.saving.register_keras_serializable(package=PACKAGE)
class Bidirectional(KerasBidirectional):  # type: ignore[misc]
    """keras.layers.Bidirectional, which also takes `batch_input_shape`, and `input_dim` with `input_length`.

    Example:
        >>> from unroll.keras import Bidirectional, Sequential, SimpleRNN
        >>> model = Sequential([Bidirectional(SimpleRNN(3), input_length=2, input_dim=10)])
        >>> model.output_shape
        (None, 6)
    """

    __init__ = takes_old_spellings(KerasBidirectional.__init__)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Embedding(KerasEmbedding):  # type: ignore[misc]
    """keras.layers.Embedding, which also takes `batch_input_shape`, as lessons on stateful layers write it.

    `input_length` is heeded, as it was in Keras 2: a model that begins with it has its shapes at once.

    Example:
        >>> from unroll.keras import GRU, Embedding, Sequential
        >>> Sequential([Embedding(20, 8, input_length=9)]).output_shape
        (None, 9, 8)
        >>> model = Sequential([Embedding(20, 8, batch_input_shape=[4, None]), GRU(3, stateful=True)])
        >>> model.output_shape
        (4, 3)
    """

    __init__ = takes_steps(takes_batch_shape(KerasEmbedding.__init__))


@keras.saving.register_keras_serializable(package=PACKAGE)
class Masking(KerasMasking):  # type: ignore[misc]
    """keras.layers.Masking, which also takes `batch_input_shape`, and `input_dim` with `input_length`."""

    __init__ = takes_old_spellings(KerasMasking.__init__)


@keras.saving.register_keras_serializable(package=PACKAGE)
class TimeDistributed(KerasTimeDistributed):  # type: ignore[misc]
    """keras.layers.TimeDistributed, which also takes `batch_input_shape`, and `input_dim` with `input_length`."""

    __init__ = takes_old_spellings(KerasTimeDistributed.__init__)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Sequential(KerasSequential):  # type: ignore[misc]
    """keras.Sequential, which also takes a first layer with `batch_input_shape`, and starts its states afresh.

    Example:
        >>> from unroll.keras import SimpleRNN, Sequential
        >>> model = Sequential()
        >>> model.add(SimpleRNN(3, batch_input_shape=(8, 2, 10), return_sequences=True))
        >>> model.output_shape
        (8, 2, 3)
    """

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top: see `keras.Sequential.add`."""
        batch_shape = getattr(layer, "batch_input_shape", None)
        if batch_shape is not None and not self.layers:
            super().add(keras.Input(batch_shape=batch_shape), rebuild=rebuild)
        super().add(layer, rebuild=rebuild)

    def reset_states(self) -> None:
        """Begin anew in every layer that carries its state from batch to batch, as models did in Keras 2."""
        for layer in self.layers:
            if hasattr(layer, "reset_states"):
                layer.reset_states()


#: Each of the layers above and the class of Keras that it is in all but spellings.
OWN: dict[type[Any], type[Any]] = {
    Bidirectional: KerasBidirectional,
    Embedding: KerasEmbedding,
    Masking: KerasMasking,
    TimeDistributed: KerasTimeDistributed,
}
