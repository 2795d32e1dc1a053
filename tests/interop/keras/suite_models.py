"""Whole models: swapped in place, saved and loaded, written as lessons write them; and what cannot be done."""

from __future__ import annotations

import sys
import types
import zipfile

import keras
import numpy as np
import pytest

import unroll
import unroll.keras
from unroll.errors import BundleError, ConfigError, MissingExtraError
from unroll.interop.keras import backend
from unroll.interop.keras.swap import every_layer
from unroll.keras import GRU, LSTM

RNG = np.random.default_rng(0)
TOKENS = RNG.integers(1, 20, (16, 9))
TOKENS[:8, 6:] = 0
LABELS = TOKENS[:, 0] % 3


def model(home=keras.layers):
    """Every kind of layer and wrapper that a swap must find."""
    keras.utils.set_random_seed(0)
    made = keras.Sequential(
        [
            keras.Input((None,)),
            keras.layers.Embedding(20, 8, mask_zero=True),
            keras.layers.Bidirectional(home.LSTM(6, return_sequences=True)),
            home.GRU(5, return_sequences=True, reset_after=False),
            home.SimpleRNN(6, return_sequences=True, dropout=0.1, seed=1),
            keras.layers.RNN([keras.layers.GRUCell(4), keras.layers.LSTMCell(4)], return_sequences=True),
            keras.layers.Bidirectional(home.GRU(5), merge_mode="ave"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    made.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return made


def recurrent(made):
    return [layer for layer in every_layer(made) if isinstance(layer, keras.layers.RNN)]


def test_a_model_is_swapped_in_place_and_trains_on_as_keras_would():
    left, right = model(), model()
    for one in (left, right):
        one.fit(TOKENS, LABELS, epochs=2, verbose=0, shuffle=False)
    weights, state = [id(variable) for variable in right.weights], right.optimizer.variables
    assert unroll.accelerate(right) is right
    assert {type(layer).__module__ for layer in recurrent(right)} == {"unroll.interop.keras.layers"}
    assert len(recurrent(right)) == 7
    assert [id(variable) for variable in right.weights] == weights
    assert right.optimizer.variables is state or [*right.optimizer.variables] == [*state]
    seen = []
    for one in (left, right):
        callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["loss"]))
        one.fit(TOKENS, LABELS, epochs=3, verbose=0, shuffle=False, callbacks=[callback])
    np.testing.assert_allclose(seen[:3], seen[3:], rtol=1e-4)
    np.testing.assert_allclose(left.predict(TOKENS, verbose=0), right.predict(TOKENS, verbose=0), atol=1e-4)
    assert "native" in unroll.keras.explain(right, TOKENS)
    unroll.keras.plain(right)
    assert {type(layer).__module__.split(".")[0] for layer in recurrent(right)} == {"keras"}


def test_a_layer_that_cannot_be_swapped_is_named():
    class Own(keras.layers.LSTM):
        pass

    class OwnCell(keras.layers.GRUCell):
        pass

    made = keras.Sequential([keras.Input((4, 3)), Own(5, return_sequences=True, name="mine"), keras.layers.GRU(2)])
    with pytest.warns(UserWarning, match="'mine' stays as it is: it is a Own"):
        unroll.accelerate(made)
    assert type(made.layers[0]) is Own
    assert type(made.layers[1]) is GRU
    made = keras.layers.RNN(OwnCell(3), name="other")
    with pytest.warns(UserWarning, match="'other' stays as it is: its cell is OwnCell"):
        unroll.accelerate(made)


@pytest.mark.parametrize("writer", ["keras", "unroll", "unroll for keras"])
def test_keras_files_go_both_ways_bit_for_bit(tmp_path, writer):
    path = tmp_path / "model.keras"
    made = model(keras.layers if writer == "keras" else unroll.keras)
    made.fit(TOKENS, LABELS, verbose=0)
    if writer == "unroll for keras":
        unroll.keras.save_model(made, path)
        assert type(recurrent(made)[0]).__module__.startswith("unroll")
        assert "unroll." not in zipfile.ZipFile(path).read("config.json").decode()
    else:
        made.save(path)
    ours = unroll.keras.load_model(path)
    assert {type(layer).__module__ for layer in recurrent(ours)} == {"unroll.interop.keras.layers"}
    loaded = [ours]
    if writer != "unroll":
        loaded.append(keras.saving.load_model(path))
        assert {type(layer).__module__.split(".")[0] for layer in recurrent(loaded[1])} == {"keras"}
    for one in loaded:
        for found, expected in zip(one.get_weights(), made.get_weights(), strict=True):
            assert np.array_equal(found, expected)
        np.testing.assert_allclose(one.predict(TOKENS, verbose=0), made.predict(TOKENS, verbose=0), atol=1e-6)


@pytest.mark.parametrize(("source", "target"), [(keras.layers, unroll.keras), (unroll.keras, keras.layers)])
def test_weight_files_go_both_ways_bit_for_bit(tmp_path, source, target):
    path = tmp_path / "model.weights.h5"
    made, other = model(source), model(target)
    made.save_weights(path)
    other.set_weights([0 * weight for weight in other.get_weights()])
    other.load_weights(path)
    for found, expected in zip(other.get_weights(), made.get_weights(), strict=True):
        assert np.array_equal(found, expected)


def test_configuration_survives_a_round_trip():
    layer = LSTM(4, dropout=0.1, recurrent_dropout=0.2, unit_forget_bias=False, go_backwards=True, name="mine")
    again = LSTM.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert keras.layers.LSTM.from_config(layer.get_config()).get_config() == layer.get_config()


def test_damaged_files_are_one_line(tmp_path):
    path = tmp_path / "model.keras"
    with pytest.raises(BundleError, match="no such file"):
        unroll.keras.load_model(path)
    path.write_bytes(b"not a zip archive at all")
    with pytest.raises(BundleError, match=r"not a \.keras file"):
        unroll.keras.load_model(path)
    made = model()
    made.fit(TOKENS, LABELS, verbose=0)
    made.save(path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:200] + bytes(400) + whole[600:]):
        path.write_bytes(damaged)
        with pytest.raises(BundleError, match=r"damaged|not a"):
            unroll.keras.load_model(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", '{"module": "os", "class_name": "system", "config": {}}')
        archive.writestr("metadata.json", "{}")
    with pytest.raises(BundleError) as caught:
        unroll.keras.load_model(path)
    assert "\n" not in str(caught.value)


def test_encoder_and_decoder_share_states_in_a_functional_model():
    found = []
    for home in (keras.layers, unroll.keras):
        keras.utils.set_random_seed(1)
        source, target = keras.Input((None, 4)), keras.Input((None, 3))
        _, *states = home.LSTM(5, return_state=True)(source)
        y = home.LSTM(5, return_sequences=True)(target, initial_state=states)
        made = keras.Model([source, target], keras.layers.Dense(2)(y))
        made.compile("sgd", "mse")
        rng = np.random.default_rng(0)
        inputs = [rng.standard_normal((6, 7, 4)), rng.standard_normal((6, 5, 3))]
        made.fit(inputs, rng.standard_normal((6, 5, 2)), epochs=3, verbose=0, shuffle=False)
        found.append(made.predict(inputs, verbose=0))
    np.testing.assert_allclose(found[1], found[0], atol=1e-5)


def test_keras_that_is_missing_old_or_on_another_backend_is_one_line(monkeypatch):
    monkeypatch.setattr(backend.importlib.metadata, "version", lambda name: "3.2.1")
    with pytest.raises(ConfigError, match=r"needs Keras 3.3 or newer, and 3.2.1 is installed"):
        backend.check()
    monkeypatch.setattr(backend.importlib.metadata, "version", lambda name: "3.10.0")
    backend.check()
    elsewhere = types.SimpleNamespace(backend=types.SimpleNamespace(backend=lambda: "jax"))
    monkeypatch.setitem(sys.modules, "keras", elsewhere)
    with pytest.raises(ConfigError, match="Keras is set to 'jax'"):
        backend.check()

    def missing(name):
        raise backend.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(backend.importlib.metadata, "version", missing)
    with pytest.raises(MissingExtraError, match=r"unroll-rnn\[keras\]"):
        backend.check()
