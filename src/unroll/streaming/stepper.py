"""One step at a time on a CPU, without torch: weights packed once in C++, the state kept there too.

Needs the extension `unroll._native` and numpy.

Shapes: B streams, I input size, H hidden size, P projection, R = P or H.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from unroll.errors import ConfigError, EngineError, nearest

if TYPE_CHECKING:
    from torch import nn

_PARAMETERS = (
    "weight_ih",
    "weight_hh",
    "bias_ih",
    "bias_hh",
    "weight_hr",
    "weight_peephole",
    "gain_ih",
    "gain_hh",
    "gain_c",
    "shift_c",
)


def _library() -> Any:
    try:
        library = importlib.import_module("unroll._native")
    except ImportError as error:
        raise EngineError(
            f"a stepper needs the native engine, whose extension is not there ({error});"
            " install a C++17 compiler and install unroll again"
        ) from error
    wanted = os.environ.get("UNROLL_SIMD", "")
    if wanted and library.level() != wanted:
        try:
            library.set_level(wanted)
        except ValueError as error:
            raise ConfigError(f"UNROLL_SIMD: {error}") from None
    return library


class Stepper:
    """One recurrent layer that carries the state of B streams and takes one step per call.

    Equations, parameter names, shapes and gate orders are those of the cells in `unroll.cells` in evaluation.
    Peepholes, coupled gates, projection and layer normalisation follow from the parameters.

    Example:
        >>> import numpy as np
        >>> from unroll.streaming.stepper import Stepper
        >>> rng = np.random.default_rng(0)
        >>> shapes = {"weight_ih": (20, 3), "weight_hh": (20, 5), "bias_ih": (20,), "bias_hh": (20,)}
        >>> params = {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}
        >>> stepper = Stepper("lstm", params)
        >>> stepper(np.zeros(3, np.float32)).shape
        (5,)

    Args:
        cell: a native cell: "lstm", "gru", "gru_reset_before", "rnn_tanh", "rnn_relu", "ligru" or "mingru".
        params: by name, numpy arrays or torch tensors, all float32 or all float64; bfloat16 as torch tensors.
        streams: B.
        cell_clip: bound of an LSTM's memory, or None.
        zoneout_h: rate of zoneout on h; its expectation is taken.
        zoneout_c: rate of zoneout on an LSTM's memory.

    Raises:
        EngineError: the extension is not there, or does not know this combination.
        ValueError: a name, shape or dtype is wrong.
    """

    def __init__(
        self,
        cell: str,
        params: Mapping[str, Any],
        *,
        streams: int = 1,
        cell_clip: float | None = None,
        zoneout_h: float = 0.0,
        zoneout_c: float = 0.0,
    ) -> None:
        library = _library()
        if cell not in library.cells():
            raise ValueError(
                f"Stepper: cell must be one of {', '.join(library.cells())}, got '{cell}'"
                + nearest(cell, library.cells())
            )
        for name in params:
            if name not in _PARAMETERS:
                raise ValueError(f"Stepper: no parameter is called '{name}'" + nearest(name, _PARAMETERS))
        gates, recurrent = library.gates(cell)
        for name in ("weight_ih", "weight_hh") if recurrent else ("weight_ih",):
            if name not in params or len(params[name].shape) != 2:
                raise ValueError(f"Stepper: '{name}' must be given, with two axes")
        weight_ih, projection = params["weight_ih"], params.get("weight_hr")
        if recurrent:
            hidden = int(params["weight_hh"].shape[1] if projection is None else projection.shape[-1])
        else:
            hidden = int(weight_ih.shape[0]) // gates
        flags = (
            ("weight_peephole" in params, library.PEEPHOLE),
            (cell == "lstm" and int(weight_ih.shape[0]) == 3 * hidden, library.COUPLED),
            ("gain_ih" in params, library.LAYER_NORM),
            (cell_clip is not None, library.CELL_CLIP),
            (zoneout_h > 0.0, library.ZONEOUT_H),
            (zoneout_c > 0.0, library.ZONEOUT_C),
        )
        self._dtype = str(weight_ih.dtype).removeprefix("torch.")
        try:
            plan = library.Plan(
                cell,
                self._dtype,
                int(weight_ih.shape[1]),
                hidden,
                0 if projection is None else int(projection.shape[0]),
                sum(bit for on, bit in flags if on),
                cell_clip or 0.0,
                zoneout_h,
                zoneout_c,
            )
        except RuntimeError as error:
            raise EngineError(f"the native engine cannot step this cell: {error}") from None
        given = (params.get(name) for name in _PARAMETERS)
        self._core = library.Stepper(plan, tuple(_contiguous(value) for value in given), streams)
        self._step = self._core.step
        self._has_c = len(plan.states) > 1
        self._hidden = hidden
        self._width = hidden if projection is None else int(projection.shape[0])
        self._shapes = {1: (self._width,), 2: (streams, self._width)}

    @classmethod
    def of(cls, layer: nn.Module, *, streams: int = 1) -> Stepper:
        """The stepper of a `unroll.Recurrent` layer that runs forwards.

        Raises:
            EngineError: the native engine does not know the cell, or the layer runs in reverse.
        """
        from unroll.kernels.native_plan import recipe
        from unroll.layers import Recurrent

        if not isinstance(layer, Recurrent) or layer.reverse:
            raise EngineError(f"a stepper takes a Recurrent layer that runs forwards, got {layer}")
        how = recipe(layer.cell, False)
        if how is None:
            _library()
            raise EngineError(f"the native engine has no {type(layer.cell).__name__}")
        options = {"zoneout_h": how.zoneout_h, "zoneout_c": how.zoneout_c}
        return cls(how.cell, layer.own_parameters(), streams=streams, cell_clip=how.cell_clip or None, **options)

    @property
    def streams(self) -> int:
        """B."""
        return int(self._core.streams)

    def __call__(self, x: Any, out: Any = None) -> Any:
        """Take one step of every stream.

        Args:
            x: (B, I), or (I,) for one stream: a numpy array or a torch tensor in the dtype of the parameters.
            out: where to write, in the shape of the result; a new array or tensor, like x, if None.

        Returns:
            h after the step: (B, R), or (R,).

        Raises:
            ValueError: a shape or dtype is wrong.
            TypeError: x is neither an array nor a tensor.
        """
        if out is None and type(x) is not np.ndarray:
            out = x.new_empty(self._shapes.get(x.ndim, ()))
        return self._step(x, out)

    def state(self) -> dict[str, Any]:
        """A copy of the state as numpy arrays: h (B, R) and, of an LSTM, c (B, H). Not in bfloat16."""
        state = {"h": np.empty((self.streams, self._width), self._dtype)}
        if self._has_c:
            state["c"] = np.empty((self.streams, self._hidden), self._dtype)
        self._core.get_state(state["h"], state.get("c"))
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take the state from what `state` gave, or from arrays or tensors of the same shapes."""
        self._core.set_state(state["h"], state.get("c"))

    def reset(self, rows: Any = None) -> None:
        """Start afresh: the streams where `rows`, bool (B,), is true, or all of them."""
        self._core.reset(rows)


def _contiguous(value: Any) -> Any:
    if value is None:
        return None
    return np.ascontiguousarray(value) if isinstance(value, np.ndarray) else value.contiguous()
