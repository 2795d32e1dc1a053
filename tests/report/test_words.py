from __future__ import annotations

import math

import pytest

from unroll.report import words


def entry(value, interval=None):
    return {"value": value, "interval": interval}


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("accuracy", 0.98678, "98.7%"),
        ("macro_f1", 1.0, "100.0%"),
        ("roc_auc", 0.5, "50.0%"),
        ("smape", 18.3812, "18.38"),
        ("mse", 0.0000123456, "1.235e-05"),
        ("mae", 123456.0, "123,456"),
        ("mae", 123456.7, "123457"),
        ("calibration_error", 0.0123, "1.2%"),
        ("mse", math.nan, "not a number"),
        ("mse", -math.inf, "infinite"),
        ("mse", None, "unknown"),
    ],
)
def test_values_are_written_as_people_read_them(metric, value, text):
    assert words.metric_value(metric, value) == text


def test_names_are_written_as_people_write_them():
    assert words.metric_name("macro_f1") == "macro F1"
    assert words.metric_name("smape") == "sMAPE"
    assert words.sentence_case("accuracy") == "Accuracy"
    assert words.sentence_case("sMAPE of all") == "sMAPE of all"


def test_intervals_say_percent_once():
    assert words.interval("accuracy", [0.978, 0.9958]) == "97.8 to 99.6%"
    assert words.interval("mae", (1.5, 2.25)) == "1.5 to 2.25"
    assert words.interval("mae", None) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "250 ms"), (83.21, "83.2 s"), (119.9, "119.9 s"), (600, "10 min"), (7260, "2 h 1 min")],
)
def test_durations_have_the_units_people_choose(seconds, text):
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("amount", "text"), [(512, "512 bytes"), (2048, "2 KiB"), (5 * 2**20, "5 MiB"), (3 * 2**30, "3.00 GiB")]
)
def test_sizes_have_binary_units(amount, text):
    assert words.size(amount) == text


def metrics(own, interval, **baselines):
    return {
        "test": {"accuracy": entry(own, interval)},
        "validation": {"accuracy": entry(0.99)},
        "baselines": {
            name: {"validation": {"accuracy": entry(v)}, "test": {"accuracy": entry(t)}}
            for name, (v, t) in baselines.items()
        },
    }


@pytest.mark.parametrize(
    ("own", "interval", "other", "verdict"),
    [
        (0.98, [0.97, 0.99], 0.90, "That is better than the best baseline, simple, at 90.0%."),
        (0.90, [0.88, 0.92], 0.95, "That is worse than the best baseline, simple, at 95.0%."),
        (0.98, [0.97, 0.99], 0.975, "That is level with the best baseline, simple, at 97.5%: the difference is within"
            " the interval."),
        (0.98, None, 0.975, "That is better than the best baseline, simple, at 97.5%."),
        (0.98, None, 0.98, "That is level with the best baseline, simple, at 98.0%."),
    ],
)  # fmt: skip
def test_the_verdict_claims_no_more_than_the_interval(own, interval, other, verdict):
    found = words.headline(metrics(own, interval, simple=(0.5, other)), "accuracy", higher_is_better=True)
    assert found[1] == verdict


def test_lower_is_better_turns_the_verdict():
    given = {"test": {"mse": entry(0.1)}, "baselines": {"naive": {"test": {"mse": entry(0.2)}}}}
    result, verdict = words.headline(given, "mse", higher_is_better=False)
    assert result == "MSE on the test split is 0.1."
    assert verdict == "That is better than the best baseline, naive, at 0.2."


def test_the_baseline_is_chosen_on_validation_not_on_test():
    found = words.best_baseline(
        metrics(0.9, None, lucky=(0.6, 0.99), sound=(0.8, 0.85)), "accuracy", higher_is_better=True
    )
    assert found is not None
    assert found.name == "sound"
    assert found.entry["value"] == 0.85


def test_a_run_without_a_test_part_is_quoted_on_validation():
    given = {"validation": {"accuracy": entry(0.9)}, "test": {}, "baselines": {}}
    assert words.headline(given, "accuracy", higher_is_better=True) == (
        "Accuracy on the validation split is 90.0%.",
        "",
    )


@pytest.mark.parametrize(
    "given", [{}, {"test": {}}, {"test": {"accuracy": entry(None)}}, {"test": {"other": entry(1.0)}}]
)
def test_a_run_without_a_score_says_so(given):
    assert words.headline(given, "accuracy", higher_is_better=True) == ("The run holds no score yet.", "")


def test_of_baselines_that_are_level_on_validation_the_better_one_is_quoted():
    found = words.best_baseline(metrics(0.9, None, one=(0.8, 0.5), two=(0.8, 0.7)), "accuracy", higher_is_better=True)
    assert found is not None
    assert found.name == "two"
