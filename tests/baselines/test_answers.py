"""Answers without a model, on texts small enough to see the window."""

from __future__ import annotations

import math

from unroll.baselines.answers import SlidingWindow, WindowSpan, _densest, most_frequent


def test_the_most_frequent_answer_and_its_ties() -> None:
    assert most_frequent(["b", "a", "b"]) == "b"
    assert most_frequent(["b", "a"]) == "a"
    assert most_frequent([]) == ""


def test_the_densest_window_equals_looking_at_every_window() -> None:
    import numpy as np

    weights = np.random.default_rng(0).random(13)
    for size in (1, 3, 13, 20):
        own = min(size, 13)
        looked = max(math.fsum(weights[at : at + own]) for at in range(13 - own + 1))
        assert abs(_densest(weights, size) - looked) < 1e-12


def test_the_answer_near_the_words_of_the_question_wins() -> None:
    window = SlidingWindow(["kitchen", "garden", "garden", "cellar"])
    text = "Mary chose kitchen. A dog slept all day long by the gate. John chose garden."
    assert window.answer(text, "Where is Mary?") == "kitchen"
    assert window.answer(text, "Where is John?") == "garden"
    # Where the text knows no answer, the most frequent one of training stands.
    assert window.answer("Nobody came.", "Where is John?") == "garden"


def test_a_span_is_found_near_the_words_of_the_question() -> None:
    texts = ["the cat was seen by the house", "the dog was fed by a man in it", "the sun is in the sky"]
    spans = WindowSpan(texts)
    text = "Rain fell in the north for many days and nobody left. The engine was built by James Watt in Glasgow."
    assert "James Watt" in spans.answer(text, "Who built the engine?")
    assert spans.answer("the the", "Who?") == ""
    assert spans.answer("", "Who?") == ""
