"""Keras's recurrent layers with another loop inside.

Each is Keras's own class in all but `inner_loop`, so configuration, weights, states, masks and saving are Keras's.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import Sequential as KerasSequential
from keras.layers import GRU as KerasGRU
from keras.layers import LSTM as KerasLSTM
from keras.layers import RNN as KerasRNN
from keras.layers import SimpleRNN as KerasSimpleRNN

from unroll.interop.keras.first import PACKAGE, Sequential
from unroll.interop.keras.run import run
from unroll.interop.keras.spellings import takes_old_spellings


@keras.saving.register_keras_serializable(package=PACKAGE)
class SimpleRNN(KerasSimpleRNN):  # type: ignore[misc]
    """keras.layers.SimpleRNN on unroll's engines: the same arguments, weights and results.

    Example:
        >>> from unroll.keras import Sequential, SimpleRNN
        >>> model = Sequential([SimpleRNN(3, input_length=2, input_dim=10)])
        >>> model.output_shape
        (None, 3)
    """

    __init__ = takes_old_spellings(KerasSimpleRNN.__init__)

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

    __init__ = takes_old_spellings(KerasLSTM.__init__)

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

    __init__ = takes_old_spellings(KerasGRU.__init__)

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


#: Keras's class and the one that takes its place.
SWAPS: dict[type[Any], type[Any]] = {
    KerasSimpleRNN: SimpleRNN,
    KerasLSTM: LSTM,
    KerasGRU: GRU,
    KerasRNN: RNN,
    KerasSequential: Sequential,
}
