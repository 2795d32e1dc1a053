"""torch.nn's six recurrent modules, under torch.nn's names.

`from unroll import nn` where a program says `from torch import nn` for its recurrent modules: RNN, LSTM and GRU over a
sequence, RNNCell, LSTMCell and GRUCell for one step. `unroll.LSTMCell` and its like are equations, not modules.
"""

from unroll.layers.dropin import GRU, LSTM, RNN
from unroll.layers.steps import GRUCell, LSTMCell, RNNCell

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]
