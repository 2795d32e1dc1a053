"""Log-mel against a Fourier transform that is written out, and the filter bank against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from unroll.data.audio.mel import LogMel, filter_bank, mel


def test_a_thousand_hertz_are_a_thousand_mel() -> None:
    assert float(mel(1000.0)) == pytest.approx(1000, abs=0.02)


def test_filters_are_triangles_between_their_neighbours() -> None:
    bank = filter_bank(16000, 4096, 20)
    centres = np.linspace(0, float(mel(8000.0)), 22)
    hertz = 700 * (10 ** (centres / 2595) - 1)
    frequencies = np.arange(2049) * 16000 / 4096
    for band in range(20):
        low, peak, high = hertz[band : band + 3]
        own = bank[:, band]
        assert not own[(frequencies < low) | (frequencies > high)].any()
        assert abs(frequencies[own.argmax()] - peak) <= 16000 / 4096
    inside = (frequencies > hertz[1]) & (frequencies < hertz[-2])
    # Between two peaks, one triangle falls as the next rises.
    np.testing.assert_allclose(bank.sum(axis=1)[inside], 1.0, atol=1e-12)


def test_features_agree_with_a_fourier_transform_written_out() -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 1000).astype(np.float32)
    features = LogMel(8000, 12)
    assert (features.hop, features.size) == (80, 256)
    window = np.zeros(256)
    window[28:228] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 200)
    found = features(samples).numpy()
    total = 1 + -(-(1000 - 256) // 80)
    assert found.shape == (total, 12)
    padded = np.concatenate([samples, np.zeros(256)])
    turn = np.exp(-2j * np.pi * np.outer(np.arange(129), np.arange(256)) / 256)
    for frame in range(total):
        power = np.abs(turn @ (padded[80 * frame : 80 * frame + 256] * window)) ** 2
        expected = np.log(power @ filter_bank(8000, 256, 12) + 1e-6)
        np.testing.assert_allclose(found[frame], expected, atol=2e-4)


@pytest.mark.parametrize("samples", [1, 255, 256, 257, 336, 337, 5000])
def test_frames_are_counted_as_they_are_made(samples: int) -> None:
    features = LogMel(8000, 12)
    assert len(features(np.zeros(samples, np.float32))) == features.frames(samples)


def test_silence_is_finite_and_nothing_has_no_frames() -> None:
    features = LogMel(16000, 40)
    assert np.isfinite(features(np.zeros(800, np.float32)).numpy()).all()
    assert features(np.empty(0, np.float32)).shape == (0, 40)


def test_long_sound_is_taken_in_blocks_that_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.random.default_rng(3).normal(0, 0.1, 8000).astype(np.float32)
    whole = LogMel(8000, 12)(samples)
    monkeypatch.setattr("unroll.data.audio.mel._BLOCK", 7)
    np.testing.assert_allclose(LogMel(8000, 12)(samples), whole, atol=1e-5)


def test_too_many_bands_are_refused() -> None:
    with pytest.raises(ValueError, match="bands are too many for 8000"):
        LogMel(8000, 200)
