"""The equations a second time: numpy, one row and one step at a time, written from the papers and not from src/.

Slow on purpose; the reference scan is compared with it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray


def sigmoid(a: Array) -> Array:
    return 0.5 * (1.0 + np.tanh(0.5 * a))


def standardised(a: Array) -> Array:
    return (a - a.mean()) / np.sqrt(((a - a.mean()) ** 2).mean() + 1e-5)


def product(p: dict[str, Array], kind: str, v: Array, rows: slice, norm: slice | None) -> Array:
    """Some rows of W v + b, normalised over `norm` (the rows that share one mean) if given."""
    if norm is None:
        out = p[f"weight_{kind}"][rows] @ v
    else:
        whole = standardised(p[f"weight_{kind}"][norm] @ v) * p[f"gain_{kind}"][norm]
        out = whole[rows.start - norm.start : rows.stop - norm.start]
    return out + p[f"bias_{kind}"][rows] if f"bias_{kind}" in p else out


def rnn_row(
    cell: Any, p: dict[str, Array], xs: Array, first: list[Array], noise: dict[str, Array]
) -> tuple[Array, list[Array]]:
    n, (h,) = cell.hidden_size, first
    norm = slice(0, n) if cell.layer_norm else None
    ys = []
    for t, x in enumerate(xs):
        seen = h * noise["dropout"][t] if "dropout" in noise else h
        a = product(p, "ih", x, slice(0, n), norm) + product(p, "hh", seen, slice(0, n), norm)
        new = np.maximum(a, 0.0) if cell.nonlinearity == "relu" else np.tanh(a)
        h = blend(new, h, cell.zoneout, noise, "zoneout_h", t)
        ys.append(h)
    return np.array(ys).reshape(len(xs), n), [h]


def gru_row(
    cell: Any, p: dict[str, Array], xs: Array, first: list[Array], noise: dict[str, Array]
) -> tuple[Array, list[Array]]:
    n, (h,) = cell.hidden_size, first
    r_, z_, n_ = (slice(k * n, (k + 1) * n) for k in range(3))
    of_x = slice(0, 3 * n) if cell.layer_norm else None
    of_gates = slice(0, 2 * n) if cell.layer_norm else None
    of_candidate = n_ if cell.layer_norm else None
    ys = []
    for t, x in enumerate(xs):
        seen = h * noise["dropout"][t] if "dropout" in noise else h
        r = sigmoid(product(p, "ih", x, r_, of_x) + product(p, "hh", seen, r_, of_gates))
        z = sigmoid(product(p, "ih", x, z_, of_x) + product(p, "hh", seen, z_, of_gates))
        if cell.reset_after:
            c = np.tanh(product(p, "ih", x, n_, of_x) + r * product(p, "hh", seen, n_, of_candidate))
        else:
            c = np.tanh(product(p, "ih", x, n_, of_x) + product(p, "hh", r * seen, n_, of_candidate))
        h = blend((1 - z) * c + z * h, h, cell.zoneout, noise, "zoneout_h", t)
        ys.append(h)
    return np.array(ys).reshape(len(xs), n), [h]


def light_gru_row(
    cell: Any, p: dict[str, Array], xs: Array, first: list[Array], noise: dict[str, Array]
) -> tuple[Array, list[Array]]:
    n, (h,) = cell.hidden_size, first
    z_, n_ = slice(0, n), slice(n, 2 * n)
    norm = slice(0, 2 * n) if cell.layer_norm else None
    ys = []
    for t, x in enumerate(xs):
        seen = h * noise["dropout"][t] if "dropout" in noise else h
        z = sigmoid(product(p, "ih", x, z_, norm) + product(p, "hh", seen, z_, norm))
        c = np.maximum(product(p, "ih", x, n_, norm) + product(p, "hh", seen, n_, norm), 0.0)
        h = blend((1 - z) * c + z * h, h, cell.zoneout, noise, "zoneout_h", t)
        ys.append(h)
    return np.array(ys).reshape(len(xs), n), [h]


def min_gru_row(
    cell: Any, p: dict[str, Array], xs: Array, first: list[Array], noise: dict[str, Array]
) -> tuple[Array, list[Array]]:
    n, (h,) = cell.hidden_size, first
    ys = []
    for t, x in enumerate(xs):
        z = sigmoid(product(p, "ih", x, slice(0, n), None))
        c = product(p, "ih", x, slice(n, 2 * n), None)
        h = blend((1 - z) * h + z * c, h, cell.zoneout, noise, "zoneout_h", t)
        ys.append(h)
    return np.array(ys).reshape(len(xs), n), [h]


def lstm_row(
    cell: Any, p: dict[str, Array], xs: Array, first: list[Array], noise: dict[str, Array]
) -> tuple[Array, list[Array]]:
    n, (h, c) = cell.hidden_size, first
    names = "igo" if cell.coupled else "ifgo"
    rows = {gate: slice(k * n, (k + 1) * n) for k, gate in enumerate(names)}
    seeing = [gate for gate in names if gate != "g"]
    norm = slice(0, len(names) * n) if cell.layer_norm else None
    ys = []
    for t, x in enumerate(xs):
        seen = h * noise["dropout"][t] if "dropout" in noise else h
        a = {g: product(p, "ih", x, s, norm) + product(p, "hh", seen, s, norm) for g, s in rows.items()}

        def diagonal(gate: str, memory: Array) -> Array:
            if not cell.peephole:
                return np.zeros(n)
            k = seeing.index(gate)
            return p["weight_peephole"][k * n : (k + 1) * n] * memory

        i = sigmoid(a["i"] + diagonal("i", c))
        f = 1.0 - i if cell.coupled else sigmoid(a["f"] + diagonal("f", c))
        new_c = f * c + i * np.tanh(a["g"])
        if cell.cell_clip is not None:
            new_c = np.clip(new_c, -cell.cell_clip, cell.cell_clip)
        o = sigmoid(a["o"] + diagonal("o", new_c))
        shown = standardised(new_c) * p["gain_c"] + p["shift_c"] if cell.layer_norm else new_c
        new_h = o * np.tanh(shown)
        if cell.proj_size:
            new_h = p["weight_hr"] @ new_h
        h = blend(new_h, h, cell.zoneout_h, noise, "zoneout_h", t)
        c = blend(new_c, c, cell.zoneout_c, noise, "zoneout_c", t)
        ys.append(h)
    return np.array(ys).reshape(len(xs), cell.proj_size or n), [h, c]


def blend(new: Array, old: Array, rate: float, noise: dict[str, Array], name: str, t: int) -> Array:
    if not rate:
        return new
    if name in noise:
        return np.where(noise[name][t] == 1.0, old, new)
    return rate * old + (1 - rate) * new


ROWS = {
    "RNNCell": rnn_row,
    "GRUCell": gru_row,
    "LSTMCell": lstm_row,
    "LightGRUCell": light_gru_row,
    "MinGRUCell": min_gru_row,
}
