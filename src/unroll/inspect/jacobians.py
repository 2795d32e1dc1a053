"""What a network's state does to its own future: recurrent matrices, Jacobians, Lyapunov exponents.

Shapes: T time, K lags, S size of all states together, H hidden size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.cells import Role
from unroll.errors import ConfigError
from unroll.inspect.steps import Steps
from unroll.inspect.trace import Subject, nothing_ran, opened, own_scans
from unroll.inspect.watch import Seen, title_of, watch


@dataclass(frozen=True)
class RecurrentMatrix:
    """One gate's part of the recurrent weights of a layer.

    Attributes:
        module: the dotted name of the layer.
        title: as that of a `Track`.
        gate: its name; "h" for a cell without gates.
        radius: the greatest absolute value of an eigenvalue.
        norm: the greatest singular value.
    """

    module: str
    title: str
    gate: str
    radius: float
    norm: float


def seen_scans(model: Subject, given: Any) -> list[Seen]:
    """The scans of a network on one input, those of parts of a row left out.

    Raises:
        ConfigError: the module ran no recurrent layer.
    """
    subject = opened(model, given)
    with torch.no_grad():
        watched = watch(subject.network, lambda: subject.ask(subject.inputs))
    if not watched.scans:
        raise nothing_ran(subject.network)
    return own_scans(watched.scans, subject)


def recurrent_matrices(model: Subject, given: Any) -> list[RecurrentMatrix]:
    """The spectral radius and the largest singular value of every recurrent matrix, gate by gate.

    Source: Pascanu, Mikolov, Bengio 2013, "On the difficulty of training recurrent neural networks", section 2.1: a
    largest singular value under 1 / gamma makes gradients vanish for certain (gamma = 1 for tanh, 1/4 for sigmoid), a
    spectral radius over it is needed for them to explode. With a projection, the matrix is the product with it.

    Args:
        model: as in `trace`.
        given: as in `trace`.
    """
    found = []
    known: set[tuple[str, int, bool]] = set()
    for seen in seen_scans(model, given):
        if seen.key in known:
            continue
        known.add(seen.key)
        cell, params = seen.scan.cell, seen.scan.params
        for name, spec in cell.parameters().items():
            if spec.role is not Role.RECURRENT:
                continue
            stacked = params[name].detach().double()
            blocks = torch.split(stacked, cell.hidden_size) if stacked.shape[0] % cell.hidden_size == 0 else [stacked]
            for gate, block in zip(_gates(cell.gates, len(blocks)), blocks, strict=True):
                square = block @ params["weight_hr"].detach().double() if "weight_hr" in params else block
                found.append(_measured(seen, gate, square))
    return found


def _gates(names: Sequence[str], blocks: int) -> list[str]:
    """The gates of the blocks of a stacked matrix. Where one of them has no weights of its own (coupled gates: f is
    1 - i), it has no block."""
    if blocks == len(names):
        return list(names)
    if blocks == 1:
        return ["h"]
    if blocks == len(names) - 1:
        return [name for name in names if name != "f"]
    return [str(number) for number in range(blocks)]


def _measured(seen: Seen, gate: str, matrix: Tensor) -> RecurrentMatrix:
    radius = float(torch.linalg.eigvals(matrix).abs().max()) if matrix.shape[0] == matrix.shape[1] else float("nan")
    return RecurrentMatrix(
        seen.module,
        title_of(seen.module, seen.depth, seen.direction),
        gate,
        radius,
        float(torch.linalg.matrix_norm(matrix, 2)),
    )


def step_jacobians(model: Subject, given: Any, *, layer: int = 0, row: int = 0) -> np.ndarray:
    """(T, S, S) float64: J_t = d s_t / d s_(t-1) along the states that the network went through.

    s holds all states of the layer, in the order of the cell's named tuple (h and then c of an LSTM).

    Args:
        model: as in `trace`.
        given: as in `trace`.
        layer: which scan, in the order in which they run.
        row: of the batch.
    """
    return np.asarray(_steps(model, given, layer, row).jacobians(row).cpu().numpy())


def _steps(model: Subject, given: Any, layer: int, row: int) -> Steps:
    scans = seen_scans(model, given)
    if not 0 <= layer < len(scans):
        raise ConfigError(f"layer must be in [0, {len(scans)}), the scans that ran, got {layer}")
    steps = Steps(scans[layer].scan)
    if not 0 <= row < steps.batch:
        raise ConfigError(f"row must be in [0, {steps.batch}), the rows of the input, got {row}")
    return steps


def jacobian_products(model: Subject, given: Any, lags: Sequence[int], *, layer: int = 0, row: int = 0) -> np.ndarray:
    r"""(K, S) float64: the singular values of d s_T / d s_(T-k) = J_T J_(T-1) ... J_(T-k+1), greatest first.

    Source: Pascanu, Mikolov, Bengio 2013, equation 5.

    Args:
        model: as in `trace`.
        given: as in `trace`.
        lags: k, each in [0, T]; at 0 the product is the identity.
        layer: as in `step_jacobians`.
        row: as in `step_jacobians`.

    Raises:
        ConfigError: a lag is longer than the row.
    """
    steps = _steps(model, given, layer, row)
    count = int(steps.count[row])
    if not all(0 <= lag <= count for lag in lags):
        raise ConfigError(f"lags must be in [0, {count}], the steps of the row, got {', '.join(map(str, lags))}")
    each = steps.jacobians(row, count - max(lags, default=0))
    product = torch.eye(sum(steps.sizes), dtype=steps.dtype, device=each.device)
    found = {0: torch.linalg.svdvals(product)}
    for lag, jacobian in enumerate(reversed(each.unbind(0)), start=1):
        product = product @ jacobian
        if lag in lags:
            found[lag] = torch.linalg.svdvals(product)
    return torch.stack([found[lag] for lag in lags]).cpu().numpy()


def lyapunov_exponents(model: Subject, given: Any, *, layer: int = 0, row: int = 0, skip: int = 0) -> np.ndarray:
    r"""(S,) float64, greatest first: the mean rates at which nearby states part or meet, in nats per step.

    Q_0 = I; J_t Q_(t-1) = Q_t R_t; lambda_i = mean over t of ln |R_t[i, i]|. Above 0, the network is chaotic on this
    input; below, it forgets its first state, in -1 / lambda_1 steps. A direction that one step wipes out altogether
    has -inf.

    Source: Benettin, Galgani, Giorgilli, Strelcyn 1980, "Lyapunov characteristic exponents for smooth dynamical
    systems", part 2, section 3; for recurrent networks: Vogt, Puelma Touzel, Shlizerman, Lajoie 2022, "On Lyapunov
    exponents for RNNs", section 2.

    Args:
        model: as in `trace`.
        given: as in `trace`.
        layer: as in `step_jacobians`.
        row: as in `step_jacobians`.
        skip: first steps that turn the directions and are not counted.

    Raises:
        ConfigError: no step is left.
    """
    steps = _steps(model, given, layer, row)
    count = int(steps.count[row])
    if not 0 <= skip < count:
        raise ConfigError(f"skip must leave a step of the row's {count}, got {skip}")
    total = sum(steps.sizes)
    directions = torch.eye(total, dtype=steps.dtype, device=steps.order.device)
    rates = torch.zeros(total, dtype=steps.dtype, device=steps.order.device)
    for place in range(count):
        directions, stretched = torch.linalg.qr(steps.jacobians(row, place, place + 1)[0] @ directions)
        if place >= skip:
            rates = rates + stretched.diagonal().abs().log()
    return np.asarray((rates / (count - skip)).sort(descending=True).values.cpu().numpy())
