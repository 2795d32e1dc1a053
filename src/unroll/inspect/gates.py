"""How long gates keep, and where they are stuck.

Shapes: T steps of a row, H hidden size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from unroll.inspect.trace import Trace, Track

#: A gate under the first or over the second hardly moves: Karpathy, Johnson, Fei-Fei 2015, section 4.2.
SHUT, OPEN = 0.1, 0.9


@dataclass(frozen=True)
class GateUse:
    """How one gate of a layer is used on an input.

    Attributes:
        title: of the track.
        gate: its name; "h" for the state of a cell without gates.
        shut: (H,) share of steps at which it is under 0.1, by unit; of a candidate (tanh) its absolute value; of a
            state behind a ReLU the share of zeros.
        open: (H,) share of steps at which it is over 0.9, likewise.
        slope: (H,) mean derivative of its nonlinearity, as a share of the greatest one (1/4 for sigmoid, 1 for tanh).
    """

    title: str
    gate: str
    shut: np.ndarray
    open: np.ndarray
    slope: np.ndarray

    @property
    def saturated(self) -> float:
        """The mean share of steps at which a unit can hardly learn: shut or open; of a candidate, open."""
        return float(self.open.mean() if self.gate in _CANDIDATES else (self.shut + self.open).mean())


#: What is squashed by tanh: the new values of LSTM and GRU, and the state of a simple network.
_CANDIDATES = frozenset({"g", "n", "h"})


def gate_use(trace: Trace) -> list[GateUse]:
    """The saturation and the mean slope of every gate.

    f = sigmoid(a): shares of f < 0.1 and f > 0.9, and 4 f (1 - f); g = tanh(a): of |g|, and 1 - g^2.

    Source: Karpathy, Johnson, Fei-Fei 2015, "Visualizing and understanding recurrent networks", section 4.2.

    Example:
        >>> import torch, unroll
        >>> from unroll.inspect import gate_use, trace
        >>> [use.gate for use in gate_use(trace(unroll.GRU(3, 5), torch.randn(9, 1, 3)))]
        ['r', 'z', 'n']
    """
    found = []
    for track in trace.tracks:
        gates = {name: value for name, value in track.values.items() if name not in track.states}
        for name, value in (gates or {"h": track.values["h"]}).items():
            if name == "h" and "relu" in track.cell:
                size, slope = np.full_like(value, 0.5) * (value > 0.0), (value > 0.0).astype(np.float64)
            elif name in _CANDIDATES:
                size, slope = np.abs(value), 1.0 - np.square(value, dtype=np.float64)
            else:
                size, slope = value, 4.0 * value.astype(np.float64) * (1.0 - value)
            found.append(
                GateUse(track.title, name, (size < SHUT).mean(axis=0), (size > OPEN).mean(axis=0), slope.mean(axis=0))
            )
    return found


#: The gate that the old state is multiplied by.
_KEEPS = ("f", "z")


def keeping_gate(track: Track) -> str | None:
    """The name of the gate that the old state is multiplied by, or 1 minus which: f of an LSTM, z of a GRU; None
    without one."""
    return next((name for name in _KEEPS if name in track.values), None)


def gate_time_scales(trace: Trace) -> Mapping[str, np.ndarray]:
    r"""(H,) float64 by the title of the track: -1 / E_t[ln f_t], the steps in which a unit's memory falls to 1/e.

    The product of the gates f over k steps is exp(k E[ln f]) on average. Infinite for a gate that is always open. For a
    GRU, f is the update gate z, which its old state is multiplied by; for a minGRU it is 1 - z. Layers without such a
    gate are left out.

    Source: Gers, Schmidhuber, Cummins 2000, "Learning to forget", section 3; Tallec, Ollivier 2018, "Can recurrent
    neural networks warp time?", section 2: a constant gate forgets in -1 / ln f steps.

    Example:
        >>> import numpy as np
        >>> from unroll.inspect import gate_time_scales
        >>> from unroll.inspect.trace import Trace, Track
        >>> held = {"h": np.zeros((9, 1)), "f": np.full((9, 1), 0.99)}
        >>> track = Track("", 0, "forward", "", "", (), ("h",), held)
        >>> gate_time_scales(Trace("steps", (), None, (track,), ()))["layer 1, forward"].round(1)
        array([99.5])
    """
    found = {}
    for track in trace.tracks:
        name = keeping_gate(track)
        if name is not None:
            with np.errstate(divide="ignore"):
                gate = track.values[name].astype(np.float64)
                logs = np.log1p(-gate) if name in track.replacing else np.log(gate)
                found[track.title] = 1.0 / -logs.mean(axis=0)
    return found
