"""The nearest neighbour and MiniRocket: what a classifier of numeric sequences must stand beside.

Shapes: N rows, T time, I features of one step.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence

import numpy as np

#: Table cells that dynamic time warping may fill for one part: about a minute on one core.
_BUDGET = 400_000_000
#: The usual window of dynamic time warping, as a share of the series (Ratanamahatana, Keogh 2005, section 3).
BAND = 0.1


def resampled(row_TI: np.ndarray, steps: int) -> np.ndarray:
    """A row stretched or squeezed to `steps` steps by linear interpolation, (steps, I); zeros if it has none."""
    if len(row_TI) == 0:
        return np.zeros((steps, row_TI.shape[1]), dtype=np.float32)
    at = np.linspace(0, len(row_TI) - 1, steps)
    below = np.floor(at).astype(np.int64)
    above = np.minimum(below + 1, len(row_TI) - 1)
    share = (at - below)[:, None]
    return row_TI[below] * (1 - share) + row_TI[above] * share


def euclidean_neighbours(train: Sequence[np.ndarray], rows: Sequence[np.ndarray]) -> np.ndarray:
    """(N,) number of the train row nearest to each row, all brought to the train part's median length first."""
    steps = max(1, int(np.median([len(row) for row in train])))
    known = np.stack([resampled(row, steps).ravel() for row in train]).astype(np.float64)
    asked = np.stack([resampled(row, steps).ravel() for row in rows]).astype(np.float64)
    size = (known**2).sum(axis=1)
    nearest = [
        np.argmin(size - 2 * (known @ asked[start : start + 256].T).T, axis=1) for start in range(0, len(asked), 256)
    ]
    return np.concatenate(nearest)


def warping_cost(train: Sequence[np.ndarray], rows: Sequence[np.ndarray]) -> int:
    """How many table cells `warping_neighbours` fills."""
    return sum(len(row) for row in train) * sum(len(row) for row in rows)


def affordable(train: Sequence[np.ndarray], rows: Sequence[np.ndarray]) -> bool:
    """Whether dynamic time warping is quick enough to be worth its time here."""
    return warping_cost(train, rows) <= _BUDGET


def warping_neighbours(train: Sequence[np.ndarray], rows: Sequence[np.ndarray], *, band: float = BAND) -> np.ndarray:
    """(N,) number of the train row nearest to each row under dynamic time warping, all channels warped together.

    Source: Sakoe, Chiba 1978, "Dynamic programming algorithm optimization for spoken word recognition", symmetric form
        without slope constraint and without weights, with their window; squared Euclidean distance of steps.

    Args:
        train: (T, I) each.
        rows: likewise.
        band: how far two steps that are matched may lie from each other, as a share of their series; 1: anywhere.
    """
    longest = max(len(row) for row in train)
    known = np.full((len(train), longest, train[0].shape[1]), np.inf)
    for number, row in enumerate(train):
        known[number, : len(row)] = row
    ends = np.array([len(row) for row in train])
    return np.array([int(np.argmin(_warping(known, ends, np.asarray(row, dtype=np.float64), band))) for row in rows])


def _warping(known_NTI: np.ndarray, ends: np.ndarray, row_TI: np.ndarray, band: float) -> np.ndarray:
    """(N,) distances of one row to all train rows: the table's anti-diagonals, all train rows side by side."""
    count, across, _ = known_NTI.shape
    down = len(row_TI)
    if down == 0 or across == 0:
        return np.where(ends == down, 0.0, np.inf)
    padding = np.isinf(known_NTI[:, :, :1])
    clean = np.where(padding, 0.0, known_NTI)
    # A share of the longer series, and never less than a step of either: some path must stay inside.
    i, j = np.arange(1, across + 1)[None, :, None], np.arange(1, down + 1)[None, None, :]
    each = ends[:, None, None]
    inside = np.abs(i * down - j * each) <= np.maximum(band * each * down, np.maximum(each, down))
    cost = ((clean[:, :, None, :] - row_TI[None, None]) ** 2).sum(axis=-1)
    cost = np.where(inside, cost, np.inf)
    # table[:, i, j]: first i steps of the train row against first j steps of the row.
    table = np.full((count, across + 1, down + 1), np.inf)
    table[:, 0, 0] = 0.0
    for diagonal in range(2, across + down + 1):
        i = np.arange(max(1, diagonal - down), min(across, diagonal - 1) + 1)
        j = diagonal - i
        before = np.minimum(np.minimum(table[:, i - 1, j], table[:, i, j - 1]), table[:, i - 1, j - 1])
        table[:, i, j] = cost[:, i - 1, j - 1] + before
    distances: np.ndarray = table[np.arange(count), ends, down]
    return distances


def neighbour_probabilities(nearest: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    """(N, K): the whole probability on the class of the nearest train row."""
    probabilities: np.ndarray = np.eye(classes)[truth[nearest]]
    return probabilities


NEIGHBOURS: dict[str, Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], np.ndarray]] = {
    "1-NN Euclidean": euclidean_neighbours,
    "1-NN dynamic time warping": warping_neighbours,
}


#: What `minirocket` is called in reports, and the fewest steps that its kernels fit into.
MINIROCKET, _KERNEL = "MiniRocket", 9


def has_minirocket() -> bool:
    """Whether aeon, which holds it, is installed."""
    return importlib.util.find_spec("aeon") is not None


def minirocket(
    train: Sequence[np.ndarray], truth: np.ndarray, rows: Mapping[str, Sequence[np.ndarray]], *, seed: int
) -> dict[str, np.ndarray]:
    """The class number of each row by aeon's MiniRocket: convolutions with fixed kernels, and a ridge classifier.

    Source: Dempster et al. 2021, "MiniRocket: a very fast (almost) deterministic transform for time series
        classification".

    Args:
        train: (T, I) each; rows of unequal length are brought to the median length of these.
        truth: (N,) their class numbers.
        rows: those that are asked about, by split.
        seed: of the biases that are drawn.
    """
    from aeon.classification.convolution_based import MiniRocketClassifier

    steps = max(_KERNEL, int(np.median([len(row) for row in train])))

    def stacked(given: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([resampled(row, steps).T for row in given]).astype(np.float32)

    classifier = MiniRocketClassifier(random_state=seed)
    classifier.fit(stacked(train), truth)
    return {split: np.asarray(classifier.predict(stacked(given))) for split, given in rows.items()}
