"""Alerts held against windows."""

from __future__ import annotations

import math

from unroll.metrics.alerts import Alerts, alert_scores


def test_alerts_are_counted_over_all_series_and_probation_is_not() -> None:
    found = alert_scores(
        [
            Alerts([2, 12, 13, 40], [(0, 3), (10, 20), (50, 60)], 5),
            Alerts([8], [], 3),
            Alerts([6], [(1, 8)], 5),
        ]
    )
    assert (found.alerts, found.right, found.windows, found.found) == (5, 3, 3, 2)
    assert found.delays == (2, 1), "a window that begins in the probation can be found only after it"
    assert found.precision == 3 / 5
    assert found.recall == 2 / 3
    assert math.isclose(found.f1, 2 * 0.6 * (2 / 3) / (0.6 + 2 / 3))


def test_nothing_to_find_and_nothing_said_is_not_a_number() -> None:
    none = alert_scores([Alerts([], [], 0)])
    assert math.isnan(none.precision)
    assert math.isnan(none.recall)
    assert math.isnan(none.f1)
    assert alert_scores([Alerts([], [(1, 2)], 0)]).f1 == 0.0
    assert alert_scores([Alerts([5], [], 0)]).f1 == 0.0
