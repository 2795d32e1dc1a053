"""Keras layers on unroll's engines, under the names that lessons use.

    from unroll.keras import LSTM, Bidirectional, Dense, Embedding, Sequential

Only the recurrent layers are unroll's; the others are Keras's own. Needs Keras 3.3 or newer on its torch backend.
"""

from unroll.interop.keras import check as _check

_check()

from keras import Input, Model  # noqa: E402 - after the backend was chosen
from keras.layers import (  # noqa: E402
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    GRUCell,
    LSTMCell,
    Masking,
    SimpleRNNCell,
    StackedRNNCells,
    TimeDistributed,
)

from unroll.interop.keras.files import load_model, save_model  # noqa: E402
from unroll.interop.keras.layers import GRU, LSTM, RNN, Sequential, SimpleRNN  # noqa: E402
from unroll.interop.keras.report import explain  # noqa: E402
from unroll.interop.keras.swap import accelerate, plain  # noqa: E402

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "Dense",
    "Dropout",
    "Embedding",
    "GRUCell",
    "Input",
    "LSTMCell",
    "Masking",
    "Model",
    "Sequential",
    "SimpleRNN",
    "SimpleRNNCell",
    "StackedRNNCells",
    "TimeDistributed",
    "accelerate",
    "explain",
    "load_model",
    "plain",
    "save_model",
]
