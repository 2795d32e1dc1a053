"""A stream gives the same numbers to the bit however it is cut, and the words of the whole recording."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unroll.errors import ConfigError
from unroll.tasks.transcribe.listening import StepStream
from unroll.tasks.transcribe.network import build_network
from unroll.tasks.transcribe.predictor import TranscribePredictor
from unroll.tasks.transcribe.reading import Reading
from unroll.tasks.transcribe.settings import Saved, TranscribeSettings
from unroll.tasks.transcribe.sound import ears_of

SAVED = Saved(audio="audio", rate_column=None, target="text", rate=8000, letters=(" ", "a", "b"), delay=3)


def predictor(*, both: bool = False, cell: str = "lstm", width: int = 4) -> TranscribePredictor:
    torch.manual_seed(0)
    settings = TranscribeSettings.model_validate(
        {"hidden_size": 8, "encoder": cell, "bidirectional": both, "delay": 3, "bands": 12}
    )
    network = build_network(SAVED, settings)
    network.mean.fill_(-6.0)
    # An untrained network says little; a louder one says letters all the time, and changes its mind.
    network.output.weight.data.mul_(8.0)
    reading = Reading(width, decide=True)
    return TranscribePredictor(network, SAVED, ears_of(8000, settings), reading, longest=60.0, seed=0)


def logits(made: TranscribePredictor, pieces: list[np.ndarray], rate: int) -> np.ndarray:
    stream = StepStream(made.recognizer, made.ears, rate)
    found = [log_p for piece in pieces for log_p in stream.push(piece)]
    return np.concatenate([*found, *stream.finish()])


@pytest.mark.parametrize(("cell", "rate"), [("lstm", 8000), ("lstm", 44100), ("gru", 11025)])
def test_logits_are_the_same_to_the_bit_for_any_cut(cell: str, rate: int) -> None:
    made = predictor(cell=cell)
    draw = np.random.default_rng(0)
    samples = draw.normal(0, 0.1, rate).astype(np.float32)
    whole = logits(made, [samples], rate)
    assert len(whole) > 30
    for count in (1, 7, 60):
        cuts = np.sort(draw.integers(0, len(samples), count))
        np.testing.assert_array_equal(logits(made, np.split(samples, cuts), rate), whole)
    single = [samples[at : at + 1] for at in range(30)]
    np.testing.assert_array_equal(logits(made, [*single, samples[30:]], rate), whole)


@pytest.mark.parametrize("width", [0, 1, 4])
def test_words_are_those_of_the_whole_recording(width: int) -> None:
    made = predictor(width=width)
    draw = np.random.default_rng(1)
    samples = (draw.normal(0, 0.2, 24000) * (np.sin(np.arange(24000) / 900) > 0)).astype(np.float32)
    (answer,) = made.predict([{"audio": samples, "rate": 8000}])
    assert len(answer["text"]) > 5
    for count in (1, 50):
        listener = made.listen(8000)
        text = "".join(listener.push(piece) for piece in np.split(samples, np.sort(draw.integers(0, 24000, count))))
        assert text + listener.finish() == answer["text"]


def test_the_stream_agrees_with_the_batch() -> None:
    made = predictor()
    samples = np.random.default_rng(2).normal(0, 0.1, 9000).astype(np.float32)
    x, lengths = made.encode([{"audio": samples, "rate": 8000}])
    with torch.no_grad():
        log_p, steps = made.network(x, lengths)
    whole = logits(made, [samples], 8000)
    assert len(whole) == int(steps[0])
    np.testing.assert_allclose(whole, log_p[0].numpy(), atol=1e-4)


@pytest.mark.parametrize("samples", [0, 1, 100, 255, 257])
def test_streams_of_next_to_nothing(samples: int) -> None:
    made = predictor()
    found = StepStream(made.recognizer, made.ears, 8000)
    sound = np.full(samples, 0.1, np.float32)
    steps = sum(len(part) for part in (*found.push(sound), *found.finish()))
    assert steps == (0 if not samples else made.ears.steps(samples, 8000))


def test_words_come_before_the_end_and_memory_stays_bounded() -> None:
    made = predictor()
    listener = made.listen(8000)
    draw = np.random.default_rng(3)
    early = ""
    for _ in range(30):
        early += listener.push(draw.normal(0, 0.2, 4000).astype(np.float32))
    assert len(early) > 10
    assert len(listener._steps._held) < 8000
    assert max(map(len, listener._text._decoder._paths)) < 60


def test_a_model_that_reads_from_both_ends_cannot_listen() -> None:
    with pytest.raises(ConfigError, match=r"reads every recording from both ends.*--no-bidirectional"):
        predictor(both=True).listen(8000)
