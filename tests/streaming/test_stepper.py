"""unroll.streaming.stepper: one step at a time, equal to the layer."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from contract import suite
from unroll.cells import GRUCell, LSTMCell, RNNCell
from unroll.errors import EngineError
from unroll.layers import Recurrent
from unroll.streaming.stepper import Stepper

pytestmark = pytest.mark.usefixtures("native")

CELLS = [dataclasses.replace(cell, input_size=7, hidden_size=17) for cell in suite.CELLS]


@pytest.mark.parametrize("streams", [1, 3, 20])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_steps_are_those_of_the_layer(level, cell, streams):
    torch.manual_seed(0)
    layer = Recurrent(cell, engine="native").eval()
    stepper = Stepper.of(layer, streams=streams)
    x = torch.randn(5, streams, 7)
    with torch.no_grad():
        y, state = layer(x)
    for t in range(5):
        torch.testing.assert_close(stepper(x[t]), y[t], rtol=0, atol=1e-6)
    for name, value in stepper.state().items():
        np.testing.assert_allclose(value, getattr(state, name), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "cell", [RNNCell(7, 17), LSTMCell(7, 17), LSTMCell(7, 17, proj_size=5), GRUCell(7, 17)], ids=str
)
def test_steps_of_plain_cells_have_the_bits_of_the_layer(level, cell):
    torch.manual_seed(0)
    layer = Recurrent(cell, engine="native").eval()
    x = torch.randn(9, 3, 7)
    with torch.no_grad():
        y, _ = layer(x)
    stepper = Stepper.of(layer, streams=3)
    assert torch.equal(torch.stack([stepper(x_t) for x_t in x]), y)


def test_numpy_and_torch_in_every_dtype():
    for dtype, kind in ((torch.float32, np.float32), (torch.float64, np.float64)):
        layer = Recurrent(LSTMCell(3, 5), dtype=dtype)
        params = {name: value.detach().numpy() for name, value in layer.own_parameters().items()}
        from_numpy, from_torch = Stepper("lstm", params), Stepper.of(layer)
        x = np.ones(3, kind)
        out = from_numpy(x)
        assert isinstance(out, np.ndarray)
        assert out.dtype == kind
        assert np.array_equal(out, from_torch(torch.ones(3, dtype=dtype)).numpy())
    half = Recurrent(GRUCell(3, 5), dtype=torch.bfloat16)
    assert Stepper.of(half)(torch.ones(3, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_one_stream_with_and_without_its_axis_and_into_given_memory():
    layer = Recurrent(GRUCell(3, 3))
    x = np.ones((1, 3), np.float32)
    flat, wide, given = Stepper.of(layer), Stepper.of(layer), Stepper.of(layer)
    expected = flat(x[0])
    assert expected.shape == (3,)
    assert np.array_equal(wide(x), expected[None])
    out = np.empty(3, np.float32)
    assert given(x[0], out) is out
    assert np.array_equal(out, expected)
    again = flat(x[0])
    # In place: out may be x.
    assert np.array_equal(given(x[0], x[0]), again)


def test_arrays_as_numpy_has_them_are_read_and_others_refused():
    layer = Recurrent(LSTMCell(6, 5)).eval()
    x = np.random.default_rng(0).standard_normal((2, 6), dtype=np.float32)
    expected = Stepper.of(layer, streams=2)(x)
    assert type(expected) is np.ndarray
    assert expected.shape == (2, 5)
    wide = np.zeros((2, 12), np.float32)
    wide[:, 3:9] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    upwards = np.ascontiguousarray(x[::-1])[::-1]
    for same in (wide[:, 3:9], frozen, upwards, x.view(type("Named", (np.ndarray,), {})), torch.from_numpy(x)):
        out = np.empty((2, 5), np.float32)
        assert Stepper.of(layer, streams=2)(same, out) is out
        assert np.array_equal(out, expected)
    stepper = Stepper.of(layer, streams=2)
    bytes_apart = np.zeros(2 * 25, np.uint8)[1:49].view(np.float32).reshape(2, 6)
    for wrong, text in (
        (x.astype(">f4"), "must be float32"),
        (x.astype(np.float64), "must be float32, got float64"),
        (x.astype(np.float16), "must be float32"),
        (np.asfortranarray(x), "contiguous along its last axis"),
        (bytes_apart, "not aligned"),
        (x[:, :5], r"must have shape \(2, 6\), got \(2, 5\)"),
        (x[0], r"must have shape \(2, 6\), got \(6,\)"),
    ):
        with pytest.raises(ValueError, match=text):
            stepper(wrong)
    with pytest.raises(ValueError, match="out is read-only"):
        stepper(x, frozen[:, :5])
    # Nothing of that was a step.
    assert np.array_equal(stepper(x), expected)


def test_state_is_carried_copied_and_reset():
    layer = Recurrent(LSTMCell(2, 4))
    stepper = Stepper.of(layer, streams=3)
    x = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)
    first = stepper(x)
    kept = stepper.state()
    second = stepper(x)
    stepper.set_state(kept)
    assert np.array_equal(stepper(x), second)
    stepper.reset(np.array([False, True, False]))
    mixed = stepper(x)
    assert np.array_equal(mixed[1], first[1])
    assert not np.array_equal(mixed[0], first[0])
    stepper.reset()
    assert np.array_equal(stepper(x), first)


def test_wrong_arguments_are_errors():
    good = {"weight_ih": np.ones((20, 3), np.float32), "weight_hh": np.ones((20, 5), np.float32)}
    with pytest.raises(ValueError, match=r"got 'lstn' \(did you mean 'lstm'\?\)"):
        Stepper("lstn", good)
    with pytest.raises(ValueError, match=r"'weight_hhh' \(did you mean 'weight_hh'\?\)"):
        Stepper("lstm", {**good, "weight_hhh": good["weight_hh"]})
    with pytest.raises(ValueError, match="'weight_hh' must be given"):
        Stepper("lstm", {"weight_ih": good["weight_ih"]})
    with pytest.raises(ValueError, match=r"weight_hh must have shape \(20, 5\), got \(19, 5\)"):
        Stepper("lstm", {**good, "weight_hh": np.ones((19, 5), np.float32)})
    with pytest.raises(ValueError, match="bias_ih and bias_hh must both be given"):
        Stepper("lstm", {**good, "bias_ih": np.ones(20, np.float32)})
    with pytest.raises(ValueError, match="dtype must be float32"):
        Stepper("lstm", {name: value.astype(np.int32) for name, value in good.items()})
    with pytest.raises(ValueError, match="streams must lie in"):
        Stepper("lstm", good, streams=0)
    stepper = Stepper("lstm", good)
    with pytest.raises(ValueError, match=r"x must have shape \(1, 3\), got \(1, 4\)"):
        stepper(np.ones(4, np.float32))
    with pytest.raises(ValueError, match="x must be float32, got float64"):
        stepper(np.ones(3))
    with pytest.raises(ValueError, match="contiguous"):
        stepper(np.ones(6, np.float32)[::2])
    out = np.ones(5, np.float32)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="out is read-only"):
        stepper(np.ones(3, np.float32), out)
    with pytest.raises(ValueError, match=r"h must have shape \(1, 5\)"):
        stepper.set_state({"h": np.zeros((2, 5), np.float32), "c": np.zeros((1, 5), np.float32)})
    with pytest.raises(EngineError, match="runs forwards"):
        Stepper.of(Recurrent(LSTMCell(3, 5), reverse=True))
