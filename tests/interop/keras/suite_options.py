"""Options of Keras's layers that are not about one pass: first weights, training, configuration, precision."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

import unroll.keras

B, T, I, H = 4, 7, 5, 6  # noqa: E741 - the project's letters
NAMES = ("SimpleRNN", "LSTM", "GRU")
HOMES = (keras.layers, unroll.keras)
RNG = np.random.default_rng(0)
X = RNG.standard_normal((B, T, I)).astype("float32")
Y = RNG.standard_normal((B, 2)).astype("float32")

#: A value of every argument that is not its default.
EVERYTHING = {
    "activation": "relu",
    "use_bias": True,
    "kernel_initializer": "he_normal",
    "recurrent_initializer": "glorot_uniform",
    "bias_initializer": "ones",
    "kernel_regularizer": "l2",
    "recurrent_regularizer": "l1",
    "bias_regularizer": "l2",
    "activity_regularizer": "l2",
    "kernel_constraint": "max_norm",
    "recurrent_constraint": "unit_norm",
    "bias_constraint": "non_neg",
    "dropout": 0.1,
    "recurrent_dropout": 0.2,
    "return_sequences": True,
    "return_state": True,
    "go_backwards": True,
    "stateful": True,
    "unroll": True,
    "zero_output_for_mask": True,
    "seed": 5,
    "name": "mine",
    "trainable": False,
    "dtype": "mixed_bfloat16",
}
GATED = {"recurrent_activation": "hard_sigmoid"}
OF_ONE = {"SimpleRNN": {}, "LSTM": {**GATED, "unit_forget_bias": False}, "GRU": {**GATED, "reset_after": False}}


def seeded(home, kind, **options):
    """A layer as it is made, with the first weights that it draws itself."""
    keras.utils.set_random_seed(3)
    layer = getattr(home, kind)(H, **options)
    layer.build((B, T, I))
    return layer


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SimpleRNN", {}),
        ("LSTM", {"unit_forget_bias": True}),
        ("LSTM", {"unit_forget_bias": False, "bias_initializer": "ones"}),
        ("GRU", {"reset_after": True, "recurrent_initializer": "he_normal"}),
        ("GRU", {"reset_after": False}),
    ],
)
def test_first_weights_are_those_that_keras_draws(name, options):
    theirs, ours = (seeded(home, name, **options).get_weights() for home in HOMES)
    assert len(ours) == 3
    for found, expected in zip(ours, theirs, strict=True):
        assert np.array_equal(found, expected)
    if name == "LSTM":
        assert ours[2][H : 2 * H].all()
        assert ours[2][:H].any() != options["unit_forget_bias"]


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_goes_through_a_configuration_both_ways(name):
    ours, theirs = (seeded(home, name, **EVERYTHING, **OF_ONE[name]) for home in reversed(HOMES))
    assert ours.get_config() == theirs.get_config()
    own = getattr(unroll.keras, name)
    for kind in (own, getattr(keras.layers, name)):
        again = kind.from_config(theirs.get_config())
        assert type(again) is kind
        assert again.get_config() == ours.get_config()
    held = keras.saving.serialize_keras_object(ours)
    assert type(keras.saving.deserialize_keras_object(held)) is own


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("implementation", [1, 2])
def test_penalties_and_constraints_act_in_training_as_in_keras(name, implementation):
    options = {key: EVERYTHING[key] for key in EVERYTHING if key.endswith(("regularizer", "constraint"))}
    if name != "SimpleRNN":
        options["implementation"] = implementation
    found = []
    for home in HOMES:
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((T, I)), getattr(home, name)(H, **options), keras.layers.Dense(2)])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        losses = [float(model.train_on_batch(X, Y)) for _ in range(4)]
        found.append([np.array(losses), *model.get_weights()])
    for ours, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    # The norm of the columns is one, and no bias is negative.
    np.testing.assert_allclose(np.linalg.norm(found[1][2], axis=0), 1.0, atol=1e-4)
    assert found[1][3].min() >= 0.0


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_training_in_mixed_precision_goes_as_in_keras(name, policy):
    losses = []
    for home in HOMES:
        keras.utils.set_random_seed(1)
        layer = getattr(home, name)(H, dtype=policy, dropout=0.2, seed=2)
        model = keras.Sequential([keras.Input((T, I)), layer, keras.layers.Dense(2, dtype="float32")])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        losses.append([float(model.train_on_batch(X, Y)) for _ in range(6)])
        assert layer.cell.kernel.dtype == ("float64" if policy == "float64" else "float32")
        assert layer.compute_dtype == policy.removeprefix("mixed_")
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5 if policy == "float64" else 0.03)
    assert len(set(losses[1])) == 6


def test_masks_of_dropout_follow_the_type_of_the_weights():
    """A wrapper hands x over as it is, and its mask is drawn in the type of x."""
    found = []
    for home in HOMES:
        layer = home.SimpleRNN(H, dtype="bfloat16", recurrent_initializer="glorot_uniform", dropout=0.5, seed=2)
        timed = keras.layers.TimeDistributed(layer)
        timed.build((2, B, T, I))
        for value in layer.trainable_weights:
            value.assign(0.1 * np.ones(value.shape))
        found.append(timed(np.stack([X, -X]), training=True).detach().float().numpy())
    np.testing.assert_allclose(found[1], found[0], atol=0.05)


def test_a_masking_layer_hides_steps_in_the_middle():
    x = X.copy()
    x[0, 2:4] = x[1, 5:] = x[2, 0] = x[3] = -1.0
    found = []
    for home in HOMES:
        keras.utils.set_random_seed(1)
        layers = [home.Masking(-1.0), keras.layers.Bidirectional(home.GRU(H, return_sequences=True)), home.LSTM(3)]
        model = keras.Sequential([keras.Input((T, I)), *layers])
        found.append(model.predict(x, verbose=0))
    np.testing.assert_allclose(found[1], found[0], atol=1e-5)
    assert unroll.keras.explain(model, x).count("the mask has gaps") == 3


def test_callbacks_see_and_change_what_they_do_in_keras(tmp_path):
    found = []
    for home in HOMES:
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((T, I)), home.LSTM(H), keras.layers.Dense(2)])
        model.compile(keras.optimizers.Adam(0.1), "mse")
        best = tmp_path / f"{home.__name__}.keras"
        callbacks = [
            keras.callbacks.ModelCheckpoint(best, save_best_only=True, monitor="loss"),
            keras.callbacks.EarlyStopping("loss", patience=2, min_delta=0.2, restore_best_weights=True),
            keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.2),
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        ]
        history = model.fit(X, Y, epochs=12, verbose=0, shuffle=False, callbacks=callbacks).history
        found.append([history["loss"], history["learning_rate"], model.predict(X, verbose=0)])
        assert len(history["loss"]) < 12
        saved = keras.saving.load_model(best)
        assert type(saved.layers[0]) is home.LSTM
    for ours, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_a_gru_of_an_older_keras_drops_its_state_in_kerass_own_loop():
    layer = unroll.keras.GRU(H, recurrent_dropout=0.3)
    assert "Keras's own loop" not in unroll.keras.explain(layer, X, training=True)
    del layer.cell.dropout_mask_count
    assert "before Keras 3.8" in unroll.keras.explain(layer, X, training=True)
    assert "Keras's own loop" not in unroll.keras.explain(layer, X)


def test_rows_that_are_masked_from_end_to_end_can_be_trained_on():
    layer = unroll.keras.LSTM(H, dtype="float16", recurrent_initializer="glorot_uniform")
    y = layer(X, mask=np.zeros((B, T), bool))
    gradients = torch.autograd.grad(y.sum(), [value.value for value in layer.trainable_weights])
    assert not y.any()
    assert not any(gradient.any() for gradient in gradients)
