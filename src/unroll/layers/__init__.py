"""Layers: a cell run over time, in two directions, in depth; and torch.nn's three under their own names."""

from unroll.layers.attention import Attention, Memory, Score
from unroll.layers.compose import Bidirectional, Merge, Stack
from unroll.layers.dropin import GRU, LSTM, RNN
from unroll.layers.dropout import LockedDropout, TokenDropout, weight_drop
from unroll.layers.grid import GridLSTM, GridLSTM1d, GridState
from unroll.layers.recurrent import Recurrent

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Attention",
    "Bidirectional",
    "GridLSTM",
    "GridLSTM1d",
    "GridState",
    "LockedDropout",
    "Memory",
    "Merge",
    "Recurrent",
    "Score",
    "Stack",
    "TokenDropout",
    "weight_drop",
]
