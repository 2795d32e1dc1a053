"""`keras.layers` with unroll's recurrent layers: see `unroll.keras`."""

from __future__ import annotations

from typing import Any

from unroll.interop.keras.first import Bidirectional, Embedding, Masking, TimeDistributed
from unroll.interop.keras.layers import GRU, LSTM, RNN, SimpleRNN
from unroll.interop.keras.names import from_keras as _from_keras

__all__ = ["GRU", "LSTM", "RNN", "Bidirectional", "Embedding", "Masking", "SimpleRNN", "TimeDistributed"]


def __getattr__(name: str) -> Any:
    return _from_keras(__name__, name, "layers")
