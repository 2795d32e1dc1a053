"""Units that follow what happens in a text are found, and chance is not taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from unroll.errors import ConfigError
from unroll.inspect.flags import find_flags, labels_of, units_on_at
from unroll.inspect.properties import (
    after_negation,
    after_plural,
    after_shift,
    in_capitalised_word,
    in_upper_half_of_cycle,
    inside_brackets,
    inside_quotes,
    late_in_line,
    period,
    rising,
)
from unroll.inspect.trace import Trace, Track


def marked(text: str, found: np.ndarray) -> str:
    return "".join(character if on else "_" for character, on in zip(text, found, strict=True))


def test_properties_of_texts() -> None:
    assert marked('say "yes" or', inside_quotes('say "yes" or')) == '____"yes____'
    assert marked("“a\n\nb” c", inside_quotes("“a\n\nb” c")) == "“a______"
    assert marked("f(a[1]) b", inside_brackets("f(a[1]) b")) == "_(a[1]___"
    assert marked("(a\n\nb", inside_brackets("(a\n\nb")) == "(a___"
    text = "I did not go. Yes"
    assert marked(text, after_negation(text)) == "_________ go_____"
    assert marked("they run. He", after_plural("they run. He")) == "____ run____"
    assert marked("Ann saw it", in_capitalised_word("Ann saw it")) == "Ann_______"
    assert marked("0123456789\n0123", late_in_line("0123456789\n0123")) == "_____56789\n____"


def test_properties_of_series() -> None:
    t = np.arange(240)
    wave = np.sin(2 * np.pi * t / 24)
    assert period(wave) == 24
    clear = (t >= 24) & (np.abs(wave) > 1e-9)
    np.testing.assert_array_equal(in_upper_half_of_cycle(wave)[clear], wave[clear] > 0)
    assert rising(np.linspace(0, 5, 100))[20:].all()
    assert not rising(np.linspace(5, 0, 100))[20:].any()
    step = np.where(t < 100, 0.0, 3.0) + 0.1 * wave
    np.testing.assert_array_equal(after_shift(step), t >= 100)


def made(text: str, seed: int) -> Trace:
    """A network one of whose units follows quotes, nearly, and whose others follow nothing."""
    drawn = np.random.default_rng(seed)
    c = drawn.normal(size=(len(text), 6)).cumsum(axis=0).astype(np.float32) / 10
    on = inside_quotes(text)
    on = on ^ (drawn.random(len(text)) < 0.02)
    c[:, 4] = np.where(on, -1.0, 1.0) + 0.3 * drawn.normal(size=len(text))
    h = np.tanh(drawn.normal(size=(len(text), 6))).astype(np.float32)
    return Trace(
        "text", tuple(text), None, (Track("l", 0, "forward", "", "", tuple(text), ("h", "c"), {"h": h, "c": c}),), ()
    )


def test_the_unit_that_follows_quotes_is_found_with_its_side_and_score() -> None:
    drawn = np.random.default_rng(5)
    parts = ["he went home. " if drawn.random() < 0.6 else "“come with me,” she said. " for _ in range(400)]
    text = "".join(parts)
    half = len(text) // 2
    searched, held = made(text[:half], 0), made(text[half:], 1)
    flags = {flag.property: flag for flag in find_flags(searched, held)}
    flag = flags["inside quotes"]
    assert (flag.unit.track, flag.unit.state, flag.unit.unit, flag.unit.above) == ("layer 1, forward", "c", 4, False)
    # By hand, on the held-out part.
    on = held.tracks[0].values["c"][:, 4] <= flag.unit.threshold
    truth = inside_quotes(text[half:])
    precision, recall = (on & truth).sum() / on.sum(), (on & truth).sum() / truth.sum()
    assert flag.precision == pytest.approx(precision)
    assert flag.recall == pytest.approx(recall)
    assert flag.f1 == pytest.approx(2 * precision * recall / (precision + recall))
    assert flag.f1 > 0.9
    assert flag.shuffled < 0.6
    assert flag.always == pytest.approx(2 * truth.mean() / (1 + truth.mean()))
    assert flag.to_json()["unit"] == 4
    assert "after a negation" not in flags


def test_the_search_finds_the_best_threshold_there_is() -> None:
    drawn = np.random.default_rng(2)
    values = drawn.normal(size=(150, 3)).astype(np.float32)
    truth = values[:, 1] + 0.5 * drawn.normal(size=150) > 0.3
    labels = tuple(map(str, range(150)))
    trace = Trace("steps", labels, None, (Track("l", 0, "forward", "", "", labels, ("h",), {"h": values}),), ())
    start, stop = 40, 80
    span = np.zeros(150, dtype=bool)
    span[start:stop] = True
    best = 0.0
    for unit in range(3):
        for level in values[:, unit]:
            for on in (values[:, unit] > level, values[:, unit] <= level):
                best = max(best, 2 * (on & span).sum() / (on.sum() + span.sum()))
    (unit, f1), *_ = units_on_at(trace, start, stop)
    assert f1 == pytest.approx(best, abs=0.01)
    assert truth.any()
    with pytest.raises(ConfigError, match="span of steps"):
        units_on_at(trace, 0, 150)


def test_steps_that_are_words_have_the_property_of_their_last_letter() -> None:
    words = ("he", "said", "“come", "home”", "now")
    track = Track("l", 0, "forward", "", "", words, ("h",), {"h": np.zeros((5, 1))})
    assert labels_of(Trace("text", words, None, (track,), ()), inside_quotes).tolist() == [
        False,
        False,
        True,
        False,
        False,
    ]
