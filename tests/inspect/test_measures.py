"""Every measure against a second computation in float64, and against closed forms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import unroll
from contract import loops as brute
from unroll.cells import Cell, HiddenState, ParameterSpec, Role, Step
from unroll.errors import ConfigError
from unroll.inspect import (
    context_cost,
    gate_time_scales,
    gate_use,
    gradient_by_lag,
    gradient_times_input,
    integrated_gradients,
    jacobian_products,
    lyapunov_exponents,
    memory_capacity,
    occlusion,
    recurrent_matrices,
    step_jacobians,
    time_scale,
    trace,
)

ENGINES = ["native", "torch", "reference"]
KINDS = ["LSTM", "GRU", "RNN"]


@dataclass(frozen=True)
class LinearCell(Cell):
    """h' = W_i x + W_h h: what has closed forms."""

    def parameters(self) -> dict[str, ParameterSpec]:
        size = self.hidden_size
        return {
            "weight_ih": ParameterSpec((size, self.input_size), Role.INPUT),
            "weight_hh": ParameterSpec((size, size), Role.RECURRENT),
        }

    def step(self, params, x, state, noise) -> Step:  # type: ignore[no-untyped-def]
        h = x @ params["weight_ih"].T + state.h @ params["weight_hh"].T
        return Step(h, HiddenState(h), {})


def linear(matrix: Tensor, features: int = 2) -> unroll.Recurrent:
    layer = unroll.Recurrent(LinearCell(features, len(matrix)), dtype=torch.float64)
    with torch.no_grad():
        layer.weight_hh.copy_(matrix)
    return layer


def orthogonal(size: int) -> Tensor:
    return torch.linalg.qr(torch.randn(size, size, dtype=torch.float64))[0]


class Net(nn.Module):
    def __init__(self, layer: nn.Module, features: int) -> None:
        super().__init__()
        self.layer = layer
        self.head = nn.Linear(features, 3, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0])


def squares(y: Tensor) -> Tensor:
    """(T, B, K) to (B, T) losses."""
    return y.square().sum(dim=2).T


@pytest.mark.parametrize("engine", [*ENGINES, "torch.nn"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_by_lag_is_that_of_brute_force(kind: str, engine: str) -> None:
    torch.manual_seed(1)
    options = {"num_layers": 2, "bidirectional": True, "dtype": torch.float64}
    layer = getattr(nn, kind)(3, 4, **options) if engine == "torch.nn" else None
    layer = layer or getattr(unroll, kind)(3, 4, engine=engine, **options)
    net, x = Net(layer, 8), torch.randn(6, 2, 3, dtype=torch.float64)
    found = gradient_by_lag(net, x, costs=squares)
    y, seen = brute.run(layer, x)
    losses = squares(y @ net.head.weight.T + net.head.bias)
    assert [one.title for one in found] == [
        f"layer {depth}, {way}" for depth in (1, 2) for way in ("forward", "backward")
    ]
    for one, states in zip(found, seen, strict=True):
        for number, values in enumerate(one.norms.values()):
            norms: list[list[float]] = [[] for _ in range(len(x))]
            for t in range(len(x)):
                for s in range(len(x)):
                    lag = s - t if one.direction == "backward" else t - s
                    if lag < 0:
                        continue
                    (g,) = torch.autograd.grad(
                        losses[:, t].sum(), states[s][number], retain_graph=True, allow_unused=True
                    )
                    norms[lag] += (torch.zeros(2) if g is None else g.norm(dim=1)).tolist()
            np.testing.assert_allclose(values, [np.mean(own) for own in norms], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_gradient_of_a_loss_at_the_end_of_ragged_rows(engine: str) -> None:
    torch.manual_seed(2)
    layer = unroll.Bidirectional(
        unroll.Recurrent(unroll.LSTMCell(3, 4), engine=engine, dtype=torch.float64),
        unroll.Recurrent(unroll.LSTMCell(3, 4), engine=engine, reverse=True, dtype=torch.float64),
    )

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            _, (forwards, backwards) = self.layer(x, lengths=lengths)
            return (forwards.h * backwards.c).square().sum(dim=1)

    x = torch.randn(7, 2, 3, dtype=torch.float64)
    lengths = [7, 4]
    found = gradient_by_lag(Last(), (x, torch.tensor(lengths)), costs=lambda y: y)
    expected: list[list[list[float]]] = [[[] for _ in range(7)] for _ in range(2)]
    for row, length in enumerate(lengths):
        ends = []
        for part in (layer.forwards, layer.backwards):
            step = brute.lstm_step({name: value.detach() for name, value in part.own_parameters().items()})
            state = tuple(torch.zeros(1, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
            order = range(length) if part is layer.forwards else reversed(range(length))
            states = []
            for t in order:
                state = step(x[t, row : row + 1], state)
                states.append(state)
            ends.append(states)
        loss = (ends[0][-1][0] * ends[1][-1][1]).square().sum()
        for way, states in enumerate(ends):
            for lag in range(length):
                (g,) = torch.autograd.grad(loss, states[-1 - lag][1], retain_graph=True)
                expected[way][lag].append(float(g.norm()))
    for one, own in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.norms["c"], [np.mean(norms) for norms in own], rtol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("reverse", [False, True])
def test_padding_of_ragged_rows_is_no_gradient_of_zero(engine: str, *, reverse: bool) -> None:
    torch.manual_seed(3)
    layer = unroll.Recurrent(unroll.GRUCell(3, 4), engine=engine, reverse=reverse, dtype=torch.float64)

    class Every(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            y: Tensor = self.layer(x, lengths=lengths)[0]
            return y

    x, lengths = torch.randn(7, 3, 3, dtype=torch.float64), [7, 2, 5]
    (found,) = gradient_by_lag(Every(), (x, torch.tensor(lengths)), costs=squares)
    total, count = np.zeros(7), np.zeros(7)
    for row, length in enumerate(lengths):
        (alone,) = gradient_by_lag(layer, x[:length, row : row + 1], costs=lambda given: squares(given[0]))
        pairs = length - np.arange(length)
        total[:length] += pairs * alone.norms["h"]
        count[:length] += pairs
    np.testing.assert_allclose(found.norms["h"], total / count, rtol=1e-9)


def test_a_linear_network_of_radius_point_nine_forgets_in_nine_and_a_half_steps() -> None:
    torch.manual_seed(3)
    layer = linear(0.9 * orthogonal(6))
    (found,) = gradient_by_lag(layer, torch.randn(120, 1, 2).double(), costs=lambda y: y[0].sum(2).T)
    assert found.time_scale == pytest.approx(-1 / math.log(0.9), rel=1e-6)
    assert round(found.time_scale, 2) == 9.49
    np.testing.assert_allclose(found.norms["h"], found.norms["h"][0] * 0.9 ** np.arange(120), rtol=1e-6)
    assert found.vanishes == math.ceil(math.log(0.01) / math.log(0.9))
    assert found.explodes is None


def test_orthogonal_weights_keep_the_gradient_flat_and_larger_ones_blow_it_up() -> None:
    torch.manual_seed(4)
    x = torch.randn(60, 1, 2).double()
    (flat,) = gradient_by_lag(linear(orthogonal(6)), x, costs=lambda y: y[0].sum(2).T)
    np.testing.assert_allclose(flat.norms["h"], flat.norms["h"][0], rtol=1e-6)
    assert flat.time_scale == math.inf
    assert flat.vanishes is None
    (grown,) = gradient_by_lag(linear(1.2 * orthogonal(6)), x, costs=lambda y: y[0].sum(2).T)
    assert grown.time_scale == pytest.approx(-1 / math.log(1.2), rel=1e-6)
    assert grown.explodes == math.ceil(math.log(100) / math.log(1.2))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_jacobians_are_those_of_autograd(kind: str, engine: str) -> None:
    torch.manual_seed(5)
    layer = getattr(unroll, kind)(3, 4, engine=engine, dtype=torch.float64)
    x = torch.randn(8, 2, 3, dtype=torch.float64)
    _, (states,) = brute.run(layer, x)
    step = brute.STEPS[kind][0](brute.weights(layer, 0, False))
    sizes = [4] * len(states[0])

    def joined(t: int, before: Tensor) -> Tensor:
        return torch.cat(step(x[t, 1], tuple(before.split(sizes))))

    first = torch.zeros(sum(sizes), dtype=torch.float64)
    before = [first, *(torch.cat([part[1].detach() for part in state]) for state in states[:-1])]
    expected = torch.stack(
        [torch.autograd.functional.jacobian(lambda s, t=t: joined(t, s), before[t]) for t in range(8)]
    )
    found = step_jacobians(layer, x, row=1)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-10)
    product = expected[7] @ expected[6] @ expected[5]
    values = jacobian_products(layer, x, [0, 3], row=1)
    np.testing.assert_allclose(values[0], 1.0)
    np.testing.assert_allclose(values[1], torch.linalg.svdvals(product).numpy(), atol=1e-10)


def test_lyapunov_exponents_of_known_networks() -> None:
    torch.manual_seed(6)
    x = torch.randn(300, 1, 2).double()
    np.testing.assert_allclose(lyapunov_exponents(linear(0.9 * orthogonal(4)), x), math.log(0.9), atol=1e-9)
    upper = torch.tensor([[0.5, 0.3, -0.2], [0.0, 1.1, 0.4], [0.0, 0.0, 0.8]], dtype=torch.float64)
    found = lyapunov_exponents(linear(upper), x, skip=100)
    np.testing.assert_allclose(found, np.log([1.1, 0.8, 0.5]), atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_lyapunov_exponents_add_up_to_the_volume(engine: str) -> None:
    torch.manual_seed(7)
    layer = unroll.GRU(3, 5, engine=engine, dtype=torch.float64)
    x = torch.randn(40, 1, 3, dtype=torch.float64)
    volume = np.linalg.slogdet(step_jacobians(layer, x))[1].mean()
    assert lyapunov_exponents(layer, x).sum() == pytest.approx(volume, abs=1e-8)


def test_recurrent_matrices_gate_by_gate() -> None:
    torch.manual_seed(8)
    layer = unroll.LSTM(3, 4, proj_size=2, dtype=torch.float64)
    found = {one.gate: one for one in recurrent_matrices(layer, torch.zeros(2, 1, 3).double())}
    assert list(found) == ["i", "f", "g", "o"]
    block = (layer.weight_hh_l0[8:12] @ layer.weight_hr_l0).detach().numpy()
    assert found["g"].radius == pytest.approx(np.abs(np.linalg.eigvals(block)).max(), rel=1e-9)
    assert found["g"].norm == pytest.approx(np.linalg.norm(block, 2), rel=1e-9)
    coupled = unroll.Recurrent(unroll.LSTMCell(3, 4, coupled=True))
    assert [one.gate for one in recurrent_matrices(coupled, torch.zeros(2, 1, 3))] == ["i", "g", "o"]
    assert [one.gate for one in recurrent_matrices(unroll.RNN(3, 4), torch.zeros(2, 1, 3))] == ["h"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_forget_gate_of_point_ninety_nine_keeps_for_ninety_nine_and_a_half_steps(engine: str) -> None:
    layer = unroll.LSTM(3, 4, engine=engine, dtype=torch.float64)
    gates = unroll.GRU(3, 4, engine=engine, dtype=torch.float64)
    with torch.no_grad():
        for part, rows in ((layer, slice(4, 8)), (gates, slice(4, 8))):
            for value in part.parameters():
                value.zero_()
            part.bias_ih_l0[rows] = math.log(0.99 / 0.01)
    for part in (layer, gates):
        (scales,) = gate_time_scales(trace(part, torch.randn(20, 1, 3).double())).values()
        np.testing.assert_allclose(scales, -1 / math.log(0.99), rtol=1e-6)
        assert round(float(scales[0]), 1) == 99.5
    use = {one.gate: one for one in gate_use(trace(layer, torch.randn(20, 1, 3).double()))}
    assert use["f"].open.mean() == 1.0
    assert use["f"].saturated == 1.0
    np.testing.assert_allclose(use["f"].slope, 4 * 0.99 * 0.01, rtol=1e-6)
    np.testing.assert_allclose(use["i"].slope, 1.0)
    np.testing.assert_allclose(use["g"].slope, 1.0)
    assert use["i"].saturated == use["g"].saturated == 0.0


def test_a_gate_that_replaces_keeps_what_it_leaves() -> None:
    layer = unroll.Recurrent(unroll.MinGRUCell(3, 4), dtype=torch.float64)
    with torch.no_grad():
        for value in layer.parameters():
            value.zero_()
        layer.get_parameter("bias_ih")[:4] = math.log(0.01 / 0.99)
        start = layer.cell.State(torch.ones(1, 4, dtype=torch.float64))
        y, _ = layer(torch.zeros(20, 1, 3, dtype=torch.float64), start)
    (scales,) = gate_time_scales(trace(layer, torch.randn(20, 1, 3).double())).values()
    # The state itself falls as the time scale says.
    np.testing.assert_allclose(scales, -20 / np.log(y[-1, 0].numpy()), rtol=1e-6)
    assert round(float(scales[0]), 1) == 99.5


@pytest.mark.parametrize("engine", ENGINES)
def test_saturation_is_counted_on_the_gates_of_the_equation(engine: str) -> None:
    torch.manual_seed(9)
    layer = unroll.GRU(3, 4, engine=engine, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_ih_l0.mul_(6.0)
    x = torch.randn(50, 1, 3, dtype=torch.float64)
    _, (states,) = brute.run(layer, x)
    h = torch.stack([torch.zeros(1, 4).double(), *(state[0].detach() for state in states[:-1])])[:, 0]
    both = x[:, 0] @ layer.weight_ih_l0.T + layer.bias_ih_l0 + h @ layer.weight_hh_l0.T + layer.bias_hh_l0
    z = both[:, 4:8].sigmoid().detach().numpy()
    use = {one.gate: one for one in gate_use(trace(layer, x))}["z"]
    np.testing.assert_allclose(use.shut, (z < 0.1).mean(axis=0))
    np.testing.assert_allclose(use.open, (z > 0.9).mean(axis=0))
    np.testing.assert_allclose(use.slope, (4 * z * (1 - z)).mean(axis=0), atol=1e-9)
    assert 0.2 < use.saturated < 1.0


def test_a_relu_network_is_said_to_be_dead_where_it_is_zero() -> None:
    layer = unroll.RNN(3, 4, nonlinearity="relu")
    with torch.no_grad():
        for value in layer.parameters():
            value.zero_()
        layer.bias_ih_l0[:] = torch.tensor([-1.0, 1.0, 5.0, -1.0])
    (use,) = gate_use(trace(layer, torch.zeros(10, 1, 3)))
    assert use.shut.tolist() == [1.0, 0.0, 0.0, 1.0]
    assert use.slope.tolist() == [0.0, 1.0, 1.0, 0.0]
    assert use.open.tolist() == [0.0] * 4


@pytest.mark.parametrize("engine", ENGINES)
def test_saliency_against_finite_differences(engine: str) -> None:
    torch.manual_seed(10)
    layer = unroll.LSTM(3, 4, bidirectional=True, engine=engine, dtype=torch.float64)
    net, x = Net(layer, 8), torch.randn(6, 2, 3, dtype=torch.float64)

    def score(y: Tensor) -> Tensor:
        return y[-1, 1, 0] + y[2, 1, 1].square()

    def at(value: Tensor) -> float:
        with torch.no_grad():
            return float(score(net(value)))

    slope = torch.zeros(6, 3, dtype=torch.float64)
    for t in range(6):
        for feature in range(3):
            up, down = x.clone(), x.clone()
            up[t, 1, feature] += 1e-5
            down[t, 1, feature] -= 1e-5
            slope[t, feature] = (at(up) - at(down)) / 2e-5
    found = gradient_times_input(net, x, score=score, row=1)
    np.testing.assert_allclose(found, (slope * x[:, 1]).sum(dim=1).numpy(), atol=1e-8)
    # What the way from nothing to the input adds up to is what it changes.
    whole = integrated_gradients(net, x, score=score, row=1, points=400)
    assert whole.sum() == pytest.approx(at(x) - at(torch.zeros_like(x)), abs=1e-6)
    without = []
    for t in range(6):
        part = x.clone()
        part[t] = 0.0
        without.append(at(x) - at(part))
    np.testing.assert_allclose(occlusion(net, x, score=score, row=1), without, atol=1e-12)


def test_integrated_gradients_of_a_linear_network_are_exact() -> None:
    torch.manual_seed(11)
    layer, x = linear(0.8 * orthogonal(4)), torch.randn(7, 1, 2).double()
    by_gradient = gradient_times_input(layer, x, score=lambda y: y[0][-1].sum())
    np.testing.assert_allclose(integrated_gradients(layer, x, score=lambda y: y[0][-1].sum(), points=3), by_gradient)
    np.testing.assert_allclose(occlusion(layer, x, score=lambda y: y[0][-1].sum()), by_gradient, atol=1e-12)


def test_a_delay_line_of_eight_units_remembers_eight_inputs_on_every_engine() -> None:
    for engine in ENGINES:
        layer = unroll.RNN(1, 8, nonlinearity="relu", engine=engine, dtype=torch.float64)
        with torch.no_grad():
            for value in layer.parameters():
                value.zero_()
            layer.weight_ih_l0[0, 0] = 1.0
            layer.weight_hh_l0[range(1, 8), range(7)] = 1.0
        found = memory_capacity(layer, torch.ones(1, dtype=torch.float64), delays=20, steps=1000, level=2.0)
        np.testing.assert_allclose(found.by_delay[:8], 1.0, atol=1e-9)
        assert found.by_delay[8:].max() < 0.02
        assert found.total == pytest.approx(8.0, abs=0.05)


def test_memory_capacity_of_a_network_against_its_own_equations() -> None:
    torch.manual_seed(12)
    layer = unroll.RNN(1, 6, dtype=torch.float64)
    found = memory_capacity(layer, torch.full((1,), 0.5, dtype=torch.float64), delays=10, steps=400, seed=3)
    u = np.random.default_rng(3).uniform(-1, 1, 500)
    w, recurrent = layer.weight_ih_l0.detach().numpy()[:, 0], layer.weight_hh_l0.detach().numpy()
    bias = (layer.bias_ih_l0 + layer.bias_hh_l0).detach().numpy()
    h, states = np.zeros(6), []
    for value in u:
        h = np.tanh(w * 0.5 * value + bias + recurrent @ h)
        states.append(h)
    design = np.column_stack([np.array(states), np.ones(500)])
    for k in range(10):
        target = u[100 - k : 500 - k]
        weights = np.linalg.solve(design[100:300].T @ design[100:300], design[100:300].T @ target[:200])
        wrong = target[200:] - design[300:] @ weights
        share = 1 - (wrong @ wrong) / np.square(target[200:] - target[200:].mean()).sum()
        assert found.by_delay[k] == pytest.approx(max(0.0, share), abs=1e-6)


def test_a_context_that_is_needed_is_found() -> None:
    torch.manual_seed(13)
    bits = torch.randint(0, 2, (400,))
    truth = torch.roll(bits, 5)
    truth[:5] = 0

    def cost(windows: Tensor, answers: Tensor) -> Tensor:
        # What knows the bit five steps back is right, and what does not guesses.
        if windows.shape[1] <= 5:
            return torch.full((len(windows),), math.log(2))
        return torch.where(windows[:, -6] == answers, 0.01, 9.0)

    found = context_cost(cost, bits, truth, [1, 2, 4, 5, 6, 8, 16], windows=100)
    assert found.effective == 6
    np.testing.assert_allclose(found.costs, [math.log(2)] * 4 + [0.01] * 3, rtol=1e-6)
    with pytest.raises(ConfigError, match=r"lengths must be in \[1, 400\]"):
        context_cost(cost, bits, truth, [401])


def test_the_fit_of_a_time_scale() -> None:
    assert time_scale(np.exp(-np.arange(30) / 7.5)) == pytest.approx(7.5)
    assert math.isnan(time_scale(np.array([1.0])))
    assert time_scale(np.array([1.0, 0.5, 0.25, 0.0])) == pytest.approx(1 / math.log(2))
