"""The nearest neighbour against the definition of its distances, step by step."""

import sys
import types

import numpy as np
import pytest

from unroll.baselines.series_classification import (
    affordable,
    euclidean_neighbours,
    minirocket,
    neighbour_probabilities,
    resampled,
    warping_cost,
    warping_neighbours,
)


def plain_warping(a: np.ndarray, b: np.ndarray, band: float = 1.0) -> float:
    """The textbook recursion, one cell at a time."""
    width = max(band * len(a) * len(b), len(a), len(b))
    table = np.full((len(a) + 1, len(b) + 1), np.inf)
    table[0, 0] = 0
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            if abs(i * len(b) - j * len(a)) > width:
                continue
            before = min(table[i - 1, j], table[i, j - 1], table[i - 1, j - 1])
            table[i, j] = ((a[i - 1] - b[j - 1]) ** 2).sum() + before
    return float(table[-1, -1])


def ragged(seed: int, count: int) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    return [draw.normal(size=(int(draw.integers(1, 9)), 2)).astype(np.float32) for _ in range(count)]


def test_warping_finds_the_same_neighbour_as_the_textbook_recursion() -> None:
    train, rows = ragged(0, 12), ragged(1, 20)
    expected = [int(np.argmin([plain_warping(known, row) for known in train])) for row in rows]
    assert warping_neighbours(train, rows, band=1.0).tolist() == expected


def test_warping_stays_within_its_band() -> None:
    train, rows = ragged(0, 12), ragged(1, 20)
    for band in (0.0, 0.3):
        expected = [int(np.argmin([plain_warping(known, row, band) for known in train])) for row in rows]
        assert warping_neighbours(train, rows, band=band).tolist() == expected


def test_minirocket_is_given_rows_of_one_length_channels_first(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, tuple[int, ...]] = {}

    class Standing:
        """Answers with the class of the first train row."""

        def __init__(self, random_state: int) -> None:
            self.seed = random_state

        def fit(self, x: np.ndarray, y: np.ndarray) -> None:
            seen["fit"], self.first = x.shape, y[0]

        def predict(self, x: np.ndarray) -> np.ndarray:
            seen["predict"] = x.shape
            return np.full(len(x), self.first)

    for name in ("aeon", "aeon.classification", "aeon.classification.convolution_based"):
        module = types.ModuleType(name)
        module.__dict__["MiniRocketClassifier"] = Standing
        monkeypatch.setitem(sys.modules, name, module)
    train, rows = [np.zeros((n, 2)) for n in (10, 12, 14)], [np.zeros((3, 2))] * 5
    answers = minirocket(train, np.array([2, 0, 1]), {"test": rows}, seed=0)
    assert answers["test"].tolist() == [2] * 5
    assert seen == {"fit": (3, 2, 12), "predict": (5, 2, 12)}


def test_warping_forgives_a_shift_that_euclid_does_not() -> None:
    bump = np.zeros((12, 1), dtype=np.float32)
    bump[2] = 1.0
    late = np.roll(bump, 6, axis=0)
    flat = np.full((12, 1), 0.05, dtype=np.float32)
    assert warping_neighbours([bump, flat], [late], band=0.5).tolist() == [0]
    assert warping_neighbours([bump, flat], [late], band=0.1).tolist() == [1]
    assert euclidean_neighbours([bump, flat], [late]).tolist() == [1]


def test_euclidean_neighbour_is_the_least_distance() -> None:
    draw = np.random.default_rng(2)
    train = [draw.normal(size=(5, 3)) for _ in range(15)]
    rows = [draw.normal(size=(5, 3)) for _ in range(300)]
    expected = [int(np.argmin([((row - known) ** 2).sum() for known in train])) for row in rows]
    assert euclidean_neighbours(train, rows).tolist() == expected


def test_resampling_keeps_ends_and_straight_lines() -> None:
    line = np.linspace(0, 6, 4)[:, None]
    np.testing.assert_allclose(resampled(line, 7)[:, 0], np.arange(7.0))
    np.testing.assert_array_equal(resampled(line, 4), line)
    np.testing.assert_array_equal(resampled(np.zeros((0, 2)), 3), np.zeros((3, 2)))


def test_cost_counts_the_cells_of_all_tables() -> None:
    train, rows = ragged(3, 4), ragged(4, 3)
    assert warping_cost(train, rows) == sum(len(a) * len(b) for a in train for b in rows)
    assert affordable(train, rows)
    assert not affordable([np.zeros((50_000, 1))], [np.zeros((50_000, 1))])


def test_the_whole_probability_goes_to_the_neighbours_class() -> None:
    out = neighbour_probabilities(np.array([2, 0]), np.array([1, 0, 2]), 3)
    np.testing.assert_array_equal(out, [[0, 0, 1], [0, 1, 0]])
