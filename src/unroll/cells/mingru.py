"""Minimal gated recurrent unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from unroll.cells.base import Cell, HiddenState, Noise, Parameters, ParameterSpec, Role, Step
from unroll.cells.parts import check_rate, check_sizes, zone, zoneout_mask


@dataclass(frozen=True)
class MinGRUCell(Cell):
    r"""Minimal gated recurrent unit (minGRU): gate and candidate depend on the input alone.

    Equation:
        z = sigmoid(W_iz x + b_iz)
        n = W_in x + b_in
        h' = (1 - z) h + z n

    Source:
        Feng, Tung, Ahmed, Bengio, Hajimirsadegh 2024, "Were RNNs all we needed?", section 3.1.2; the plain form, not
        the one in log space of its appendix B. Zoneout: Krueger et al. 2017, section 3.2.

    Gate order:
        z n.

    States:
        h (B, H).

    Differs from torch.nn:
        torch.nn has no such cell. It has no recurrent weights, so what a unit remembers is a weighted mean of what it
        was given; z has the opposite sense of that of `unroll.GRUCell`, as in the paper.

    Example:
        >>> import torch
        >>> from unroll import MinGRUCell, Recurrent
        >>> y, state = Recurrent(MinGRUCell(3, 5))(torch.zeros(7, 2, 3))
        >>> tuple(y.shape), tuple(state.h.shape)
        ((7, 2, 5), (2, 5))

    Args:
        input_size: I.
        hidden_size: H.
        bias: whether the bias vector is there.
        zoneout: probability that a unit stays as it was.

    Raises:
        ConfigError: a size or rate is out of range.
    """

    State: ClassVar[type[HiddenState]] = HiddenState
    gates: ClassVar[tuple[str, ...]] = ("z", "n")
    replacing: ClassVar[tuple[str, ...]] = ("z",)

    bias: bool = True
    zoneout: float = 0.0

    def __post_init__(self) -> None:
        check_sizes("MinGRUCell", input_size=self.input_size, hidden_size=self.hidden_size)
        check_rate("MinGRUCell", "zoneout", self.zoneout)

    def parameters(self) -> dict[str, ParameterSpec]:
        rows = 2 * self.hidden_size
        specs = {"weight_ih": ParameterSpec((rows, self.input_size), Role.INPUT)}
        if self.bias:
            specs["bias_ih"] = ParameterSpec((rows,), Role.BIAS)
        return specs

    def noise(self, steps: int, batch: int, *, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
        if not self.zoneout:
            return {}
        return {"zoneout_h": zoneout_mask((steps, batch, self.hidden_size), self.zoneout, device=device, dtype=dtype)}

    def project(self, params: Parameters, x: Tensor) -> Tensor:
        return functional.linear(x, params["weight_ih"], params.get("bias_ih"))

    def step(self, params: Parameters, x: Tensor, state: HiddenState, noise: Noise) -> Step:
        h = state.h
        a_z, n = torch.split(x, self.hidden_size, dim=-1)
        z = torch.sigmoid(a_z)
        new = zone(h + z * (n - h), h, self.zoneout, noise, "zoneout_h")
        return Step(new, HiddenState(new), {"z": z, "n": n})
