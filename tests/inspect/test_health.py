"""What a diagnosis says is so, and what it advises helps."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import unroll
from unroll.cells import RNNCell
from unroll.inspect import gradient_by_lag
from unroll.inspect.diagnosis import diagnose, warning_of
from unroll.inspect.health import LayerHealth, layer_health
from unroll.layers import Recurrent

STEPS = 30


class FirstBit(nn.Module):
    """Says at the end which of two symbols came first."""

    def __init__(self, layer: nn.Module, size: int) -> None:
        super().__init__()
        self.layer = layer
        self.head = nn.Linear(size, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][-1])


def bits(seed: int, rows: int = 64, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    x = 0.3 * torch.randn(STEPS, rows, 2)
    truth = torch.randint(0, 2, (rows,))
    x[0] = torch.nn.functional.one_hot(truth, 2).float() * 3
    return scale * x, truth


def trained(
    layer: nn.Module, size: int, *, steps: int = 120, rate: float = 5e-3, clip: float = 1.0, scale: float = 1.0
) -> tuple[nn.Module, float, list[float]]:
    """A network that was trained a little, its accuracy on fresh rows, and the norms of its gradients."""
    torch.manual_seed(0)
    net = FirstBit(layer, size)
    optimiser = torch.optim.Adam(net.parameters(), lr=rate)
    norms = []
    for step in range(steps):
        x, truth = bits(step, scale=scale)
        loss = nn.functional.cross_entropy(net(x), truth)
        optimiser.zero_grad()
        loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(net.parameters(), clip or math.inf)))
        optimiser.step()
    x, truth = bits(10**6, 256, scale)
    with torch.no_grad():
        return net, float((net(x).argmax(1) == truth).float().mean()), norms


def health(net: nn.Module, *, scale: float = 1.0, drift: bool = True) -> list[LayerHealth]:
    x, truth = bits(7, 4, scale)
    return layer_health(net, lambda: nn.functional.cross_entropy(net(x), truth, reduction="sum"), drift=drift)


def simple(scale: float) -> unroll.RNN:
    torch.manual_seed(1)
    layer = unroll.RNN(2, 16)
    with torch.no_grad():
        layer.weight_hh_l0.copy_(scale * torch.linalg.qr(torch.randn(16, 16))[0])
    return layer


def test_health_is_the_gradient_by_lag_where_a_loss_depends_on_the_last_step() -> None:
    torch.manual_seed(2)
    net = FirstBit(unroll.LSTM(2, 6), 6)
    x, truth = bits(3, 4)
    (one,) = layer_health(net, lambda: nn.functional.cross_entropy(net(x), truth, reduction="sum"), seeds=1)

    def costs(answer: Tensor) -> Tensor:
        return nn.functional.cross_entropy(answer, truth, reduction="none")

    (exact,) = gradient_by_lag(net, x, costs=costs)
    np.testing.assert_allclose(one.norms, exact.norms["c"], rtol=1e-4)
    assert (one.carrier, one.gates, one.steps, one.dead) == ("c", ("i", "f", "g", "o"), STEPS, 0.0)


def test_several_steps_of_each_row_are_followed_by_themselves() -> None:
    torch.manual_seed(4)
    layer = unroll.GRU(2, 5)
    x = torch.randn(12, 3, 2)
    (one,) = layer_health(layer, lambda: layer(x)[0].square().sum(), seeds=4)
    (exact,) = gradient_by_lag(layer, x, costs=lambda y: y[0].square().sum(2).T, times=[7, 8, 10, 11])
    np.testing.assert_allclose(one.norms, exact.norms["h"], rtol=1e-4)


def test_a_gradient_that_vanishes_is_said_and_gates_with_long_memories_help() -> None:
    net, accuracy, _ = trained(simple(0.5), 16)
    (finding, *_) = diagnose(health(net))
    assert finding.kind == "vanishing"
    (one,) = health(net)
    assert f"after {one.vanishes} steps; rows are {STEPS} steps long" in finding.what
    assert "--cell lstm" in finding.advice
    assert finding.what in warning_of([one])
    assert accuracy < 0.7
    torch.manual_seed(1)
    helped = Recurrent(unroll.LSTMCell(2, 16), init=unroll.chrono(STEPS))
    better, reached, _ = trained(helped, 16)
    assert reached > 0.95
    assert not [one for one in diagnose(health(better)) if one.kind == "vanishing"]


def test_for_a_gated_layer_that_forgets_chrono_is_advised_and_helps() -> None:
    torch.manual_seed(1)
    layer = unroll.LSTM(2, 16)
    with torch.no_grad():
        layer.bias_ih_l0[16:32] = -2.0
    net, accuracy, _ = trained(layer, 16, steps=60)
    finding = diagnose(health(net))[0]
    assert finding.kind == "vanishing"
    assert f"unroll.chrono({STEPS})" in finding.advice
    torch.manual_seed(1)
    _, reached, _ = trained(Recurrent(unroll.LSTMCell(2, 16), init=unroll.chrono(STEPS)), 16, steps=60)
    assert reached > max(0.9, accuracy)


def test_an_exploding_gradient_is_said_and_gates_help() -> None:
    torch.manual_seed(3)
    layer = unroll.RNN(2, 16, nonlinearity="relu")
    with torch.no_grad():
        layer.weight_hh_l0.copy_(1.5 * torch.eye(16))
    net = FirstBit(layer, 16)
    findings = diagnose(health(net))
    assert findings[0].kind == "exploding"
    assert "explodes" in warning_of(health(net))
    torch.manual_seed(3)
    assert "exploding" not in [one.kind for one in diagnose(health(FirstBit(unroll.LSTM(2, 16), 16)))]


def test_a_burst_of_the_gradient_is_said_and_clipping_helps() -> None:
    def made() -> unroll.RNN:
        torch.manual_seed(5)
        layer = unroll.RNN(2, 16, nonlinearity="relu")
        with torch.no_grad():
            layer.weight_hh_l0.copy_(1.02 * torch.eye(16))
        return layer

    _, unclipped, norms = trained(made(), 16, rate=2e-2, clip=0.0)
    (finding,) = diagnose([], norms=norms)
    assert finding.kind == "burst"
    assert "training.clip_norm" in finding.advice
    assert "it is not clipped" in finding.numbers
    _, clipped, _ = trained(made(), 16, rate=2e-2, clip=float(finding.advice.split("=")[1].rstrip(".")))
    assert clipped > unclipped
    assert not diagnose([], norms=[1.0] * 20)


def test_dead_units_are_counted_and_the_identity_brings_them_to_life() -> None:
    torch.manual_seed(6)
    layer = unroll.RNN(2, 16, nonlinearity="relu")
    with torch.no_grad():
        layer.bias_ih_l0[:12] = -20.0
    findings = {one.kind: one for one in diagnose(health(FirstBit(layer, 16)))}
    assert "75% of the units never move" in findings["dead"].what
    assert "unroll.irnn" in findings["dead"].advice
    alive = Recurrent(RNNCell(2, 16, nonlinearity="relu"), init=unroll.irnn)
    assert "dead" not in [one.kind for one in diagnose(health(FirstBit(alive, 16)))]


def test_saturated_gates_are_said_and_layer_norm_frees_them() -> None:
    def made(layer_norm: bool) -> Recurrent:
        torch.manual_seed(7)
        return Recurrent(unroll.LSTMCell(2, 16, layer_norm=layer_norm))

    stuck, accuracy, _ = trained(made(False), 16, steps=60, scale=400.0)
    findings = {one.kind: one for one in diagnose(health(stuck, scale=400.0))}
    assert "layer_norm=True" in findings["saturated"].advice
    assert "g " in findings["saturated"].numbers
    freed, reached, _ = trained(made(True), 16, steps=60, scale=400.0)
    assert reached > accuracy
    assert "saturated" not in [one.kind for one in diagnose(health(freed, scale=400.0))]


def test_a_state_that_drifts_is_said_and_a_bound_holds_it() -> None:
    def made(clip: float | None) -> FirstBit:
        torch.manual_seed(8)
        layer = Recurrent(unroll.LSTMCell(2, 8, cell_clip=clip))
        with torch.no_grad():
            for value in layer.parameters():
                value.mul_(0.1)
            layer.bias_ih[8:16] = 20.0
            layer.bias_ih[16:24] = 1.0
        return FirstBit(layer, 8)

    findings = {one.kind: one for one in diagnose(health(made(None)))}
    assert f"{4 * STEPS}" in findings["drift"].numbers
    assert "cell_clip" in findings["drift"].advice
    assert "drift" not in [one.kind for one in diagnose(health(made(3.0)))]


def test_a_chunk_that_cuts_the_gradient_off_is_said() -> None:
    torch.manual_seed(9)
    layer = Recurrent(unroll.LSTMCell(2, 8), init=unroll.chrono(1000))
    (finding,) = [one for one in diagnose(health(FirstBit(layer, 8)), chunked=True) if one.kind == "cut"]
    assert f"model.steps={2 * STEPS}" in finding.advice


def test_a_healthy_network_is_left_alone() -> None:
    net, accuracy, _ = trained(Recurrent(unroll.LSTMCell(2, 16), init=unroll.chrono(STEPS)), 16)
    (finding,) = diagnose(health(net, drift=False))
    assert finding.kind == "healthy"
    assert finding.advice == ""
    assert accuracy > 0.95


def test_following_stops_in_time() -> None:
    net = FirstBit(unroll.LSTM(2, 6), 6)
    x, truth = bits(3, 4)
    (one,) = layer_health(
        net, lambda: nn.functional.cross_entropy(net(x), truth, reduction="sum"), deadline=time.monotonic()
    )
    assert len(one.norms) < STEPS


def test_training_ends_with_a_diagnosis_and_is_the_same_with_or_without_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unroll.tasks import inside

    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat. it was a cat.\n" * 30, encoding="utf-8")

    def run(name: str) -> unroll.Model:
        settings = {"model.dropout": 0.3, "model.steps": 20}
        options = {"epochs": 2, "hidden_size": 4, "cell": "rnn", "progress": False, "baselines": False}
        return unroll.train(text, task="generate", out=tmp_path / name, settings=settings, **options)

    plain = run("plain")
    monkeypatch.setattr(inside, "_FIRST", 0.0)
    # As much time as it takes: a busy machine must not decide whether it looks.
    monkeypatch.setattr(inside, "SHARE", 1e9)
    watched = run("watched")
    for a, b in zip(plain.network.parameters(), watched.network.parameters(), strict=True):
        assert torch.equal(a, b)
    events = [json.loads(line) for line in (tmp_path / "watched" / "log.jsonl").read_text("utf-8").splitlines()]
    seen = [event["inside"] for event in events if "inside" in event]
    assert seen
    assert {"layer 1, forward/reach", "layer 1, forward/h saturated", "share of the time"} <= set(seen[0])
    assert "What it remembers" in watched.report.html
    assert "Gradient by lag" in watched.report.html


def test_looks_stay_within_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    from unroll.tasks import inside

    clock = [0.0]
    monkeypatch.setattr(inside.time, "monotonic", lambda: clock[0])

    def slow(*_: object, **__: object) -> list[LayerHealth]:
        clock[0] += 0.5
        return [LayerHealth("", 0, "forward", "", (), 9, False, "h", np.ones(9), {}, 0.0, math.nan)]

    monkeypatch.setattr(inside, "health_of", slow)
    look = inside.TrainingLook(None)  # type: ignore[arg-type]
    seen = 0
    for second in range(1, 400):
        found = look.look(np.arange(4), torch.device("cpu"), float(second))
        if found is not None:
            seen += 1
            if second > 20:
                assert found.values["share of the time"] <= inside.SHARE
    assert 30 <= seen <= 40


def test_a_look_runs_the_loss_of_training_and_leaves_no_trace_of_it() -> None:
    from unroll.tasks.inside import health_of
    from unroll.training import Loss

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = unroll.GRU(2, 4)
            self.norm = nn.BatchNorm1d(4)

        def forward(self, x: Tensor, *extra: Tensor) -> Tensor:
            assert self.training == bool(extra)
            return self.norm(self.layer(x)[0][-1])

    class Task:
        def __init__(self) -> None:
            self.model = Net().eval()
            self.state = {"h": torch.ones(2)}

        def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
            assert not self.state
            total = model(torch.randn(6, len(rows), 2), torch.ones(1)).square().sum() + torch.rand(())
            return Loss(total, len(rows), 6)

        def carried(self) -> dict[str, Tensor]:
            return self.state

        def carry(self, state: dict[str, Tensor]) -> None:
            self.state = dict(state)

    task = Task()
    before, mean = torch.get_rng_state(), task.model.norm.running_mean.clone()
    (one,) = health_of(task, np.arange(4), torch.device("cpu"), seeds=2, drift=True, deadline=math.inf)  # type: ignore[arg-type]
    assert one.steps == 6
    assert not task.model.training
    assert torch.equal(task.model.norm.running_mean, mean)
    assert int(task.model.norm.num_batches_tracked) == 0
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(task.state["h"], torch.ones(2))
