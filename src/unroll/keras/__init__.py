"""Keras layers on unroll's engines, under the names that lessons use.

    from unroll.keras import LSTM, Bidirectional, Dense, Embedding, Sequential

or, as other lessons have it, from `unroll.keras.layers` and `unroll.keras.models`. Only the recurrent layers and what
takes the old spellings of a shape are unroll's; every other name is Keras's own. Needs Keras 3.3 or newer on its torch
backend.
"""

from __future__ import annotations

from typing import Any

from unroll.interop.keras import check as _check

_check()

from keras import Input, Model  # noqa: E402 - after the backend was chosen
from keras.layers import (  # noqa: E402
    Dense,
    Dropout,
    GRUCell,
    LSTMCell,
    SimpleRNNCell,
    StackedRNNCells,
)

from unroll.interop.keras.files import load_model, save_model  # noqa: E402
from unroll.interop.keras.first import (  # noqa: E402
    Bidirectional,
    Embedding,
    Masking,
    Sequential,
    TimeDistributed,
)
from unroll.interop.keras.layers import GRU, LSTM, RNN, SimpleRNN  # noqa: E402
from unroll.interop.keras.names import from_keras as _from_keras  # noqa: E402
from unroll.interop.keras.report import explain  # noqa: E402
from unroll.interop.keras.swap import accelerate, plain  # noqa: E402
from unroll.keras import layers, models  # noqa: E402 - else their names would be Keras's own modules

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
    "layers",
    "load_model",
    "models",
    "plain",
    "save_model",
]


def __getattr__(name: str) -> Any:
    return _from_keras(__name__, name, "layers", "models", "")
