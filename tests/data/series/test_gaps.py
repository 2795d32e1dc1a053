"""Gaps in a row that is one series."""

import numpy as np
from numpy.testing import assert_array_equal

from unroll.data.series.gaps import mended

NAN = np.nan


def test_gaps_lie_on_straight_lines_and_empty_steps_at_the_end_are_none() -> None:
    given = np.array([[NAN, 1], [2, NAN], [NAN, NAN], [4, 7], [NAN, NAN]])
    whole = mended(given)
    assert whole is not None
    assert_array_equal(whole.values, [[2, 1], [2, 3], [3, 5], [4, 7]])
    assert (whole.filled, whole.missing) == (4, 0)
    assert np.isnan(given[0, 0])


def test_a_whole_series_is_given_back_as_it_is() -> None:
    given = np.arange(6.0).reshape(3, 2)
    whole = mended(given)
    assert whole is not None
    assert whole.values is given
    assert (whole.filled, whole.missing) == (0, None)
    shorter = mended(np.array([[1.0], [NAN]]))
    assert shorter is not None
    assert (len(shorter.values), shorter.filled, shorter.missing) == (1, 0, None)


def test_a_feature_without_a_value_cannot_be_mended() -> None:
    assert mended(np.array([[1.0, NAN], [2.0, NAN]])) is None
    assert mended(np.full((2, 1), NAN)) is None
