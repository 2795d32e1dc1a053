"""What the bench makes of its times."""

from __future__ import annotations

from unroll.bench.measure import alternate, summary
from unroll.bench.run import ratio_to_best


def test_a_ratio_is_taken_within_each_round() -> None:
    # The machine is twice as slow in the last three rounds; the second contender takes half as long again in each.
    own, other = summary([1.0, 1.0, 2.0, 2.0, 2.0]), summary([1.5, 1.5, 3.0, 3.0, 3.0])
    assert other.over(own) == 1.5
    assert own.over(other) == 1 / 1.5
    assert (own.median, own.low, own.high) == (2.0, 1.0, 2.0)
    # One bad round of one contender moves nothing.
    assert summary([1.5, 15.0, 1.5]).over(summary([1.0, 1.0, 1.0])) == 1.5
    assert summary([2.0]).over(summary([1.0])) == 2.0


def test_every_contender_has_a_sample_of_every_round() -> None:
    calls: list[str] = []
    timings = alternate(
        [lambda: calls.append("a"), lambda: calls.append("b")],
        rounds=3,
        seconds=1e-7,
        between=lambda: calls.append("-"),
    )
    assert [len(timing.samples) for timing in timings] == [3, 3]
    assert [part[0] for part in "".join(calls).split("-")[1:]] == ["a", "b", "a"]


def test_the_best_peer_is_the_one_that_takes_the_least_of_our_time() -> None:
    row = {"contenders": {"unroll": {"times_ours": 1.0}, "torch": {"times_ours": 3.0}, "jax": {"times_ours": 1.25}}}
    assert ratio_to_best(row) == 1.25
    assert ratio_to_best({"contenders": {"unroll": {"times_ours": 1.0}}}) != ratio_to_best(row)
