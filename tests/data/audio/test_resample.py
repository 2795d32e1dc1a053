"""Resampling: tones stay tones, what the new rate cannot hold is gone, and cuts change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from unroll.data.audio.resample import Resampler, resample

RATES = [(44100, 16000), (8000, 16000), (16000, 8000), (11025, 8000), (22050, 16001)]


def sine(hertz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize(("before", "after"), RATES)
def test_a_tone_is_the_same_tone_at_the_other_rate(before: int, after: int) -> None:
    found = resample(sine(440, before).astype(np.float32), before, after)
    expected = sine(440, after, 0.6)[: len(found)]
    assert len(found) == -(-round(0.5 * before) * after // before)
    # At the ends there is silence beside the tone, which no filter of finite length can follow.
    assert np.abs(found - expected)[200:-200].max() < 5e-5


@pytest.mark.parametrize(("before", "after"), [(16000, 8000), (44100, 16000), (48000, 8000)])
def test_what_the_lower_rate_cannot_hold_is_cut_off(before: int, after: int) -> None:
    found = resample(sine(after / 2 * 1.05, before).astype(np.float32), before, after)
    assert np.abs(found)[200:-200].max() < 1e-3


@pytest.mark.parametrize(("before", "after"), RATES)
def test_cuts_change_no_bit(before: int, after: int) -> None:
    draw = np.random.default_rng(1)
    samples = draw.normal(size=7000).astype(np.float32)
    whole = resample(samples, before, after)
    for cuts in (np.sort(draw.integers(0, 7000, 25)), np.arange(1, 40)):
        resampler = Resampler(before, after)
        parts = [*(resampler.push(part) for part in np.split(samples, cuts)), resampler.flush()]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_it_holds_no_more_than_it_needs() -> None:
    resampler = Resampler(44100, 16000)
    for _ in range(50):
        resampler.push(np.zeros(4410, np.float32))
    assert len(resampler._held) < 4410 * 2


def test_the_same_rate_changes_nothing() -> None:
    samples = np.random.default_rng(2).normal(size=100).astype(np.float32)
    np.testing.assert_array_equal(resample(samples, 8000, 8000), samples)


def test_nothing_gives_nothing() -> None:
    assert len(resample(np.empty(0, np.float32), 44100, 16000)) == 0
