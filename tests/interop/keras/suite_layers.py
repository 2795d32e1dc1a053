"""Layers against Keras's own: outputs, states and gradients."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import torch

import unroll.keras
from unroll.interop.keras.equations import equation_of

B, T, I, H = 4, 7, 5, 6  # noqa: E741 - the project's letters
NAMES = ("SimpleRNN", "LSTM", "GRU")
RNG = np.random.default_rng(0)
X = RNG.standard_normal((B, T, I)).astype("float32")
GAPS = RNG.random((B, T)) < 0.5
GAPS[2] = False
MASKS = {
    "none": None,
    "full": np.ones((B, T), bool),
    "right": np.arange(T) < np.array([7, 4, 0, 1])[:, None],
    "left": np.arange(T) >= np.array([0, 3, 7, 6])[:, None],
    "gaps": GAPS,
}
OPTIONS = [
    {},
    {"dropout": 0.3},
    {"recurrent_dropout": 0.3},
    {"dropout": 0.3, "recurrent_dropout": 0.3},
    {"activation": "relu"},
    {"activation": "softsign", "use_bias": False},
    {"recurrent_activation": "hard_sigmoid"},
    {"reset_after": False},
    {"reset_after": False, "recurrent_dropout": 0.3},
    {"unroll": True},
]


def both(name, **options):
    """Keras's layer and unroll's with the same weights."""
    pair = [getattr(home, name)(H, seed=3, **options) for home in (keras.layers, unroll.keras)]
    rng = np.random.default_rng(1)
    for layer in pair:
        layer.build((B, T, I))
    weights = [rng.standard_normal(value.shape).astype("float32") * 0.4 for value in pair[0].get_weights()]
    for layer in pair:
        layer.set_weights(weights)
    return pair


def results(layer, x=X, **call):
    """What a layer gives as a flat list, and the gradients of x and of the weights."""
    x = torch.tensor(x, requires_grad=True)
    given = keras.tree.flatten(layer(x, **call))
    scale = [torch.cos(torch.arange(value.numel(), dtype=value.dtype)).reshape(value.shape) for value in given]
    loss = sum((value * factor).sum() for value, factor in zip(given, scale, strict=True))
    gradients = torch.autograd.grad(loss, [x, *[variable.value for variable in layer.trainable_weights]])
    return [*[value.detach() for value in given], *gradients]


def assert_same(found, expected, tolerance=2e-5):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=tolerance, atol=tolerance)


def fits(name, options):
    return not (name == "SimpleRNN" and "recurrent_activation" in options) and not (
        name != "GRU" and "reset_after" in options
    )


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", NAMES)
def test_results_and_gradients_are_those_of_keras(name, mask):
    switches = [dict(zip(("return_sequences", "go_backwards", "zero_output_for_mask"), bits, strict=True))
                for bits in itertools.product([False, True], repeat=3)]  # fmt: skip
    for options, switch in itertools.product(OPTIONS, switches):
        if not fits(name, options) or (options and switch["zero_output_for_mask"]):
            continue
        if options.get("unroll") and switch["go_backwards"] and MASKS[mask] is not None:
            continue  # Keras itself fails here: it turns a list round as if it were a tensor.
        theirs, ours = both(name, return_state=True, **options, **switch)
        training = any("dropout" in option for option in options)
        call = {"mask": MASKS[mask], "training": training}
        assert_same(results(ours, **call), results(theirs, **call))


@pytest.mark.parametrize("name", NAMES)
def test_a_state_is_carried_from_batch_to_batch(name):
    theirs, ours = both(name, stateful=True, return_sequences=True)
    with torch.no_grad():
        for _ in range(2):
            assert_same([ours(X)], [theirs(X)])
    # Keras writes the new state over the old one, and its own gated layers then have no gradient. Here there is one,
    # and it is that of a layer which is given the same first state.
    first = [torch.tensor(np.asarray(state)) for state in ours.states]
    plain, _ = both(name, return_sequences=True)
    assert_same(results(ours), results(plain, initial_state=first))
    ours.reset_state()
    theirs.reset_state()
    with torch.no_grad():
        assert_same([ours(X)], [theirs(X)])


@pytest.mark.parametrize("name", NAMES)
def test_first_states_take_gradients(name):
    found = []
    for layer in both(name, return_state=True):
        first = [torch.tensor(X[:, 0, :1].repeat(H, 1), requires_grad=True) for _ in layer.state_size]
        y, *states = layer(torch.tensor(X), initial_state=first)
        loss = (y * y).sum() + sum((state**3).sum() for state in states)
        found.append(torch.autograd.grad(loss, first))
    assert_same(found[1], found[0])


# Values that the Keras project publishes in its tests of these layers: kernels 0.01, recurrent kernels 0.02, biases
# 0.03 (1 for the forget gate), numbers from 0 on as input.
PUBLISHED = {
    "SimpleRNN": ((2, 3, 4), False, [0.405432, 0.73605347]),
    "LSTM": ((3, 6, 4), False, [0.6288687, 0.86899155, 0.9460773]),
    "LSTM backwards": ((3, 6, 4), True, [0.35622165, 0.74789524, 0.8872726]),
    "GRU": ((3, 6, 4), False, [0.5217289, 0.6371659, 0.39384964]),
}


@pytest.mark.parametrize("case", PUBLISHED)
def test_published_values(case):
    shape, backwards, expected = PUBLISHED[case]
    units = 4 if case == "SimpleRNN" else 3
    layer = getattr(unroll.keras, case.split()[0])(
        units,
        kernel_initializer=keras.initializers.Constant(0.01),
        recurrent_initializer=keras.initializers.Constant(0.02),
        bias_initializer=keras.initializers.Constant(0.03),
        go_backwards=backwards,
    )
    found = layer(np.arange(np.prod(shape)).reshape(shape).astype("float32"))
    np.testing.assert_allclose(found.detach().numpy(), np.repeat(expected, units).reshape(-1, units), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_turned_once_while_they_stay_the_same(name):
    _, layer = both(name)
    equation = equation_of(layer.cell)
    with torch.no_grad():
        first = layer(X)
        for _ in range(5):
            layer(X)
        assert equation.times_turned == 1
        layer.set_weights([2 * weight for weight in layer.get_weights()])
        second = layer(X)
        layer(X)
    assert equation.times_turned == 2
    assert not torch.allclose(first, second)
    # A gradient goes through them, so they belong to that step's graph; and what was kept is kept on.
    layer(X)
    with torch.no_grad():
        layer(X)
    assert equation.times_turned == 3
    layer.trainable = False
    layer(X)
    assert equation.times_turned == 3


def test_weights_that_need_no_turning_are_still_seen_to_change():
    """A kernel of one column is its own transpose in memory."""
    layer = unroll.keras.SimpleRNN(1, use_bias=False)
    layer.build((1, 2, 1))
    x = np.ones((1, 2, 1), "float32")
    with torch.no_grad():
        before = float(layer(x)[0, 0])
        layer.set_weights([np.zeros((1, 1), "float32"), np.zeros((1, 1), "float32")])
        assert before != 0.0
        assert float(layer(x)[0, 0]) == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_mixed_precision_keeps_to_keras(name):
    for policy, tolerance in (("mixed_bfloat16", 0.05), ("mixed_float16", 0.01)):
        theirs, ours = both(name, dtype=policy, return_sequences=True)
        with torch.no_grad():
            expected, found = theirs(X), ours(X)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found.float().numpy(), expected.float().numpy(), atol=tolerance)


def test_layers_work_inside_kerass_wrappers():
    for wrap in (
        lambda layer: keras.layers.Bidirectional(layer),
        lambda layer: keras.layers.Bidirectional(layer, merge_mode="sum"),
    ):
        found = []
        for home in (keras.layers, unroll.keras):
            wrapped = wrap(home.LSTM(H, return_sequences=True))
            wrapped.build((B, T, I))
            rng = np.random.default_rng(2)
            wrapped.set_weights([rng.standard_normal(value.shape) * 0.3 for value in wrapped.get_weights()])
            found.append(results(wrapped, mask=MASKS["right"]))
        assert_same(found[1], found[0])
    assert type(wrapped.forward_layer) is unroll.keras.LSTM
    timed = keras.layers.TimeDistributed(unroll.keras.GRU(3))
    assert tuple(timed(np.zeros((2, 3, T, I), "float32")).shape) == (2, 3, 3)


@pytest.mark.parametrize("mask", ["none", "right", "gaps"])
def test_stacked_cells_run_as_keras_runs_them(mask):
    found = []
    for home in (keras.layers.RNN, unroll.keras.RNN):
        cells = [keras.layers.GRUCell(5), keras.layers.LSTMCell(4), keras.layers.SimpleRNNCell(3)]
        layer = home(cells, return_sequences=True, return_state=True)
        layer.build((B, T, I))
        rng = np.random.default_rng(2)
        layer.set_weights([rng.standard_normal(value.shape) * 0.3 for value in layer.get_weights()])
        found.append(results(layer, mask=MASKS[mask]))
    assert_same(found[1], found[0])


def test_explain_names_the_engine_and_the_way_of_a_mask():
    layer = unroll.keras.GRU(H)
    assert "right-padded" in unroll.keras.explain(layer, X, mask=MASKS["right"])
    assert "gaps" in unroll.keras.explain(layer, X, mask=MASKS["gaps"])
    said = unroll.keras.explain(unroll.keras.LSTM(H, activation="elu"), X)
    assert "reference" in said
    assert "elu" in said

    class Own(keras.layers.LSTMCell):
        pass

    assert "its cell is Own" in unroll.keras.explain(unroll.keras.RNN(Own(3)), X)


def test_a_cell_of_ones_own_runs_kerass_loop():
    class Counter(keras.layers.Layer):
        state_size = 1

        def call(self, inputs, states):
            return states[0] + 1, [states[0] + 1]

    assert float(unroll.keras.RNN(Counter())(X)[0, 0]) == T


def test_regularisers_and_constraints_are_kerass():
    layer = unroll.keras.LSTM(H, kernel_regularizer="l2", recurrent_constraint="unit_norm")
    layer(X)
    assert len(layer.losses) == 1
    assert layer.cell.recurrent_kernel.constraint is not None
