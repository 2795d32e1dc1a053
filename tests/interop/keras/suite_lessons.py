"""Networks as textbooks and lessons write them, with another import line."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import unroll.keras
from unroll.errors import ConfigError
from unroll.keras import Bidirectional, Dense, Embedding, Sequential, SimpleRNN
from unroll.keras.layers import (
    GRU,
    LSTM,
    Activation,
    Dropout,
    Flatten,
    Input,
    Masking,
    RepeatVector,
    TimeDistributed,
    concatenate,
)
from unroll.keras.models import Model, load_model

RNG = np.random.default_rng(0)
TOKENS = RNG.integers(1, 20, (16, 9))
LABELS = TOKENS[:, 0] % 3


@pytest.mark.parametrize(
    ("first", "shape", "weights"),
    [
        (lambda: SimpleRNN(3, input_length=2, input_dim=10), (None, 3), 42),
        (lambda: SimpleRNN(3, input_shape=(2, 10), return_sequences=True), (None, 2, 3), 42),
        (lambda: SimpleRNN(3, batch_input_shape=(8, 2, 10), return_sequences=True), (8, 2, 3), 42),
        (lambda: SimpleRNN(units=3, input_shape=(None, 10), return_sequences=True), (None, None, 3), 42),
        (lambda: LSTM(3, input_dim=10), (None, 3), 168),
        (lambda: LSTM(3, activation="relu", input_shape=(2, 10)), (None, 3), 168),
        (lambda: GRU(3, input_shape=[2, 10]), (None, 3), 135),
        (lambda: Bidirectional(SimpleRNN(3, return_sequences=True), input_shape=(2, 10)), (None, 2, 6), 84),
        (lambda: Bidirectional(LSTM(3), merge_mode="sum", input_length=2, input_dim=10), (None, 3), 336),
        (lambda: Bidirectional(GRU(3, stateful=True), batch_input_shape=(8, 2, 10)), (8, 6), 270),
        (lambda: Embedding(20, 8, input_length=9), (None, 9, 8), 160),
        (lambda: Embedding(20, 8, batch_input_shape=[4, None]), (4, None, 8), 160),
        (lambda: Masking(mask_value=0.0, input_shape=(2, 10)), (None, 2, 10), 0),
        (lambda: Masking(0.0, batch_input_shape=(8, 2, 10)), (8, 2, 10), 0),
        (lambda: TimeDistributed(Dense(3), input_shape=(2, 10)), (None, 2, 3), 33),
        (lambda: TimeDistributed(Dense(3), batch_input_shape=(8, 2, 10)), (8, 2, 3), 33),
        (lambda: Dense(3, input_dim=10), (None, 3), 33),
    ],
)
def test_a_first_layer_says_the_shape_of_its_input(first, shape, weights):
    model = Sequential()
    model.add(first())
    assert model.output_shape == shape
    assert model.count_params() - sum(value.size for value in model.non_trainable_weights) == weights
    # Written in one list it is the same, and what was written is not needed again to load it.
    again = Sequential([first()])
    assert again.output_shape == shape
    assert Sequential.from_config(again.get_config()).output_shape == shape


def test_a_shape_that_lacks_a_part_or_is_misspelt_is_one_line():
    with pytest.raises(ConfigError, match=r"LSTM: input_length=2 needs input_dim"):
        LSTM(3, input_length=2)
    with pytest.raises(ValueError, match="input_dims"):
        SimpleRNN(3, input_dims=2)


def test_the_deep_bidirectional_network_of_the_textbook():
    hidden_size, timesteps, input_dim = 4, 5, 7
    model = Sequential()
    model.add(Bidirectional(SimpleRNN(hidden_size, return_sequences=True), input_shape=(timesteps, input_dim)))
    model.add(Bidirectional(SimpleRNN(hidden_size, return_sequences=True)))
    assert model.output_shape == (None, 5, 8)
    assert unroll.keras.explain(model, np.zeros((2, 5, 7))).count("native") == 4


def test_a_reader_of_texts_learns(capsys):
    model = Sequential()
    model.add(Embedding(20, 8, input_length=9))
    model.add(Dropout(0.1))
    model.add(LSTM(8, dropout=0.1, recurrent_dropout=0.1, return_sequences=True))
    model.add(GRU(8))
    model.add(Dense(3))
    model.add(Activation("softmax"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["acc"])
    model.summary()
    said = capsys.readouterr().out
    assert "lstm" in said
    assert "(None, 9, 8)" in said
    losses = model.fit(TOKENS, LABELS, epochs=8, batch_size=8, validation_split=0.25, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_a_forecaster_that_repeats_its_summary_for_each_step():
    model = Sequential()
    model.add(LSTM(6, activation="relu", input_shape=(4, 1)))
    model.add(RepeatVector(3))
    model.add(LSTM(6, activation="relu", return_sequences=True))
    model.add(TimeDistributed(Dense(1)))
    model.compile(optimizer="adam", loss="mse")
    model.fit(RNG.random((8, 4, 1)), RNG.random((8, 3, 1)), verbose=0)
    assert model.predict(RNG.random((2, 4, 1)), verbose=0).shape == (2, 3, 1)


def test_a_stateful_network_goes_on_until_it_is_told_to_begin_anew():
    model = Sequential()
    model.add(LSTM(4, batch_input_shape=(2, 3, 1), stateful=True, return_sequences=True))
    model.add(Bidirectional(GRU(3, stateful=True)))
    model.add(Dense(1))
    model.compile(loss="mean_squared_error", optimizer="adam")
    x = RNG.random((2, 3, 1))
    for _ in range(2):
        model.fit(x, RNG.random((2, 1)), epochs=1, batch_size=2, verbose=0, shuffle=False)
        model.reset_states()
    first, second = (model.predict(x, batch_size=2, verbose=0) for _ in range(2))
    assert not np.allclose(first, second)
    model.reset_states()
    np.testing.assert_allclose(model.predict(x, batch_size=2, verbose=0), first, atol=1e-6)
    model.layers[0].reset_states()
    model.layers[1].reset_states()
    np.testing.assert_allclose(model.predict(x, batch_size=2, verbose=0), first, atol=1e-6)


def test_a_translator_is_trained_whole_and_then_asked_in_parts():
    latent, source_size, target_size = 5, 4, 3
    encoder_inputs = Input(shape=(None, source_size))
    _, state_h, state_c = LSTM(latent, return_state=True)(encoder_inputs)
    encoder_states = [state_h, state_c]
    decoder_inputs = Input(shape=(None, target_size))
    decoder_lstm = LSTM(latent, return_sequences=True, return_state=True)
    decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=encoder_states)
    decoder_dense = Dense(target_size, activation="softmax")
    model = Model([encoder_inputs, decoder_inputs], decoder_dense(decoder_outputs))
    model.compile(optimizer="rmsprop", loss="categorical_crossentropy")
    source = RNG.random((6, 7, source_size))
    target = np.eye(target_size)[RNG.integers(0, target_size, (6, 5))]
    model.fit([source, target], target, epochs=2, batch_size=3, verbose=0)
    encoder = Model(encoder_inputs, encoder_states)
    given = [Input(shape=(latent,)), Input(shape=(latent,))]
    y, h, c = decoder_lstm(decoder_inputs, initial_state=given)
    decoder = Model([decoder_inputs, *given], [decoder_dense(y), h, c])
    states, steps = encoder.predict(source, verbose=0), []
    for step in range(5):
        y, *states = decoder.predict([target[:, step : step + 1], *states], verbose=0)
        steps.append(y)
    np.testing.assert_allclose(np.concatenate(steps, 1), model.predict([source, target], verbose=0), atol=1e-5)


def test_branches_join_and_a_file_comes_back(tmp_path):
    x = Input(shape=(4, 2))
    y = concatenate([GRU(3)(x), Flatten()(x)])
    model = Model(inputs=x, outputs=Dense(1)(y))
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    data = RNG.random((3, 4, 2))
    assert np.array_equal(again.predict(data, verbose=0), model.predict(data, verbose=0))


def test_every_other_name_is_kerass_own():
    from unroll import keras as named
    from unroll.keras import Conv1D, callbacks, layers, models, optimizers

    assert Conv1D is keras.layers.Conv1D
    assert optimizers.Adam is named.optimizers.Adam is keras.optimizers.Adam
    assert callbacks.EarlyStopping is keras.callbacks.EarlyStopping
    assert named.layers.LSTM is layers.LSTM is named.LSTM is LSTM
    assert named.layers.Conv1D is Conv1D
    assert models.Sequential is named.models.Sequential is Sequential
    assert models.Model is named.Model is keras.Model
    with pytest.raises(AttributeError, match=r"'unroll.keras' has no attribute 'LTSM', nor has Keras \(did you mean"):
        named.LTSM  # noqa: B018 - the access itself is what is tested


def test_files_for_keras_name_nothing_of_unroll(tmp_path):
    layers = [Embedding(20, 8, mask_zero=True), Bidirectional(LSTM(3, return_sequences=True)), Masking(), GRU(2)]
    model = Sequential([*layers, Dense(1)])
    expected = model.predict(TOKENS, verbose=0)
    unroll.keras.save_model(model, tmp_path / "model.keras")
    assert type(model.layers[0]) is Embedding
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert {type(layer).__module__.split(".")[0] for layer in again._flatten_layers()} == {"keras"}
    assert np.array_equal(keras.ops.shape(again.predict(TOKENS, verbose=0)), expected.shape)
    np.testing.assert_allclose(again.predict(TOKENS, verbose=0), expected, atol=1e-6)
