"""Keras's recurrent layers with another loop inside.

Each is Keras's own class in all but `inner_loop`, so configuration, weights, states, masks and saving are Keras's.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import keras
from keras import Sequential as KerasSequential
from keras.layers import GRU as KerasGRU
from keras.layers import LSTM as KerasLSTM
from keras.layers import RNN as KerasRNN
from keras.layers import SimpleRNN as KerasSimpleRNN

from unroll.errors import ConfigError
from unroll.interop.keras.run import run

PACKAGE = "unroll"


def _takes_old_spellings(init: Callable[..., None]) -> Callable[..., None]:
    """A constructor that also knows what Keras 2 called the input's shape, as many lessons still do."""

    @functools.wraps(init)
    def initialise(self: Any, *args: Any, **options: Any) -> None:
        length, features = options.pop("input_length", None), options.pop("input_dim", None)
        batch_shape = options.pop("batch_input_shape", None)
        if length is not None and features is None:
            raise ConfigError(
                f"{type(self).__name__}: input_length={length} needs input_dim, the features of one step, beside it"
            )
        if features is not None:
            options["input_shape"] = (length, features)
        init(self, *args, **options)
        # `Sequential` below makes an input of it.
        self.batch_input_shape = batch_shape

    # Keras reads it in two ways, one of which does not look through wrappers.
    initialise.__signature__ = inspect.signature(init)  # type: ignore[attr-defined]
    return initialise


@keras.saving.register_keras_serializable(package=PACKAGE)
class SimpleRNN(KerasSimpleRNN):  # type: ignore[misc]
    """keras.layers.SimpleRNN on unroll's engines: the same arguments, weights and results.

    Example:
        >>> from unroll.keras import Sequential, SimpleRNN
        >>> model = Sequential([SimpleRNN(3, input_length=2, input_dim=10)])
        >>> model.output_shape
        (None, 3)
    """

    __init__ = _takes_old_spellings(KerasSimpleRNN.__init__)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Go through the steps: see `keras.layers.RNN.inner_loop`."""
        found = run(self, sequences, initial_state, mask, training)
        return super().inner_loop(sequences, initial_state, mask, training=training) if found is None else found


@keras.saving.register_keras_serializable(package=PACKAGE)
class LSTM(KerasLSTM):  # type: ignore[misc]
    """keras.layers.LSTM on unroll's engines: the same arguments, weights and results.

    Example:
        >>> import numpy
        >>> from unroll.keras import LSTM
        >>> y, h, c = LSTM(5, return_sequences=True, return_state=True)(numpy.zeros((2, 7, 3), "float32"))
        >>> tuple(y.shape), tuple(c.shape)
        ((2, 7, 5), (2, 5))
    """

    __init__ = _takes_old_spellings(KerasLSTM.__init__)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Go through the steps: see `keras.layers.RNN.inner_loop`."""
        found = run(self, sequences, initial_state, mask, training)
        return super().inner_loop(sequences, initial_state, mask, training=training) if found is None else found


@keras.saving.register_keras_serializable(package=PACKAGE)
class GRU(KerasGRU):  # type: ignore[misc]
    """keras.layers.GRU on unroll's engines: the same arguments, weights and results.

    Example:
        >>> import numpy
        >>> from unroll.keras import GRU, Bidirectional
        >>> tuple(Bidirectional(GRU(5, reset_after=False))(numpy.zeros((2, 7, 3), "float32")).shape)
        (2, 10)
    """

    __init__ = _takes_old_spellings(KerasGRU.__init__)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Go through the steps: see `keras.layers.RNN.inner_loop`."""
        found = run(self, sequences, initial_state, mask, training)
        return super().inner_loop(sequences, initial_state, mask, training=training) if found is None else found


@keras.saving.register_keras_serializable(package=PACKAGE)
class RNN(KerasRNN):  # type: ignore[misc]
    """keras.layers.RNN: on unroll's engines if its cells are Keras's own, else as Keras runs it.

    Example:
        >>> import keras, numpy
        >>> from unroll.keras import RNN
        >>> deep = RNN([keras.layers.GRUCell(5), keras.layers.LSTMCell(4)])
        >>> tuple(deep(numpy.zeros((2, 7, 3), "float32")).shape)
        (2, 4)
    """

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Go through the steps: see `keras.layers.RNN.inner_loop`."""
        found = run(self, sequences, initial_state, mask, training)
        return super().inner_loop(sequences, initial_state, mask, training=training) if found is None else found


@keras.saving.register_keras_serializable(package=PACKAGE)
class Sequential(KerasSequential):  # type: ignore[misc]
    """keras.Sequential, which also takes a first recurrent layer with `batch_input_shape`, as lessons write it.

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


#: Keras's class and the one that takes its place.
SWAPS: dict[type[Any], type[Any]] = {
    KerasSimpleRNN: SimpleRNN,
    KerasLSTM: LSTM,
    KerasGRU: GRU,
    KerasRNN: RNN,
    KerasSequential: Sequential,
}
