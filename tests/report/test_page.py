"""The page: complete, self-contained, well-formed, and harmless whatever the data holds."""

from __future__ import annotations

from importlib import resources

import pytest

from report.reading import read
from unroll.report import Candidate, Comparison, Facts, Section, comparison_html, comparison_rows, report_html
from unroll.report.charts import Curve, Lane, Lanes, Matrix, Plot, Points
from unroll.report.tables import as_table

EVIL = '</style></td><script>alert("x")</script><img src=//evil onerror=y> &amp; \x00\x1b[31m \u202egpj.exe\u2066'


def score(value, interval=None):
    return {"value": value, "interval": interval}


def facts(**changes) -> Facts:
    metrics = {
        "task": "classify",
        "test": {"accuracy": score(0.95, [0.93, 0.97]), "log_loss": score(0.2)},
        "validation": {"accuracy": score(0.96, [0.94, 0.98])},
        "baselines": {
            "majority": {"validation": {"accuracy": score(0.6)}, "test": {"accuracy": score(0.61, [0.5, 0.7])}}
        },
        "parameters": 12345,
        "seconds": 83.2,
    }
    history = [
        {"epoch": 1, "loss": 1.0, "accuracy": 0.8, "f1": None},
        {"epoch": 2, "loss": 0.5, "accuracy": 0.96, "f1": 0.9},
    ]
    values = {
        "name": "run-1",
        "task": "classify",
        "summary": "classes",
        "data": "reviews.csv",
        "monitor": "accuracy",
        "higher_is_better": True,
        "metrics": metrics,
        "history": history,
        "best_epoch": 1,
        "notes": ["2 classes"],
        "sections": [Section("Worst examples", "one\n\ntwo", [{"text": "좋아요", "probability": 0.25}])],
        "config": {"seed": 0, "data": {"path": "이름.csv"}},
        "environment": {
            "python": "3.11",
            "packages": {"torch": "2"},
            "gpus": [],
            "data": [{"name": "reviews.csv", "bytes": 5}],
            "peak_memory_bytes": 3 * 2**20,
        },
        "folder": "runs/run 1",
    }
    return Facts(**{**values, **changes})


def test_the_page_says_all_that_it_must():
    reader = read(report_html(facts()))
    text = "\n".join(reader.text)
    for part in (
        "Accuracy on the test split is 95.0% (95% interval 93.0 to 97.0%).",
        "That is better than the best baseline, majority, at 61.0%.",
        "Learning curves",
        "Test split",
        "Validation split",
        "Worst examples",
        "좋아요",
        "Time and memory",
        "3 MiB",
        "2 classes",
        "torch 2",
        '"path": "이름.csv"',
        "unroll predict 'runs/run 1' --file NEW_DATA",
    ):
        assert part in text, part
    assert reader.tags.count("svg") == 3


def test_the_page_loads_nothing_and_runs_nothing():
    page = report_html(facts())
    reader = read(page)
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(reader.tags)
    for tag, name, value in reader.attributes:
        assert not name.startswith("on"), (tag, name)
        if name in ("href", "src"):
            assert (value or "").startswith(("#", "data:")), (tag, value)
    assert "http:" not in page
    assert "https:" not in page
    assert "default-src 'none'" in page


def hostile_charts():
    numbers = [0.0, 1.0]
    return [
        Plot(EVIL, [Curve(EVIL, numbers, numbers), Points(EVIL, numbers, numbers, [EVIL, EVIL])], wide=True),
        Lanes([Lane(EVIL, 0.5, None, EVIL, True)]),
        Matrix(EVIL, EVIL, EVIL, [EVIL, "b"], [[1, 2], [3, 4]]),
    ]


def hostile_facts() -> Facts:
    return facts(
        name=EVIL,
        task=EVIL,
        data=EVIL,
        folder=EVIL,
        monitor=EVIL,
        metrics={
            "test": {EVIL: score(0.5, [0.4, 0.6])},
            "baselines": {EVIL: {"test": {EVIL: score(0.4)}}},
        },
        history=[{"epoch": 1, "loss": 1.0, EVIL: 0.5}, {"epoch": 2, "loss": 0.5, EVIL: 0.6}],
        notes=[EVIL],
        sections=[Section(EVIL, EVIL, [{EVIL: EVIL, "n": 1}] * 30, hostile_charts)],
        config={EVIL: EVIL},
        environment={EVIL: EVIL, "data": [{"name": EVIL}], "packages": {EVIL: EVIL}, f"{EVIL} seconds": EVIL},
    )


def hostile_comparison() -> Comparison:
    history = [{"epoch": 1, EVIL: 0.5}, {"epoch": 2, EVIL: 0.6}]
    metrics = {**hostile_facts().metrics, "parameters": 9, "seconds": 1.0}
    candidates = [Candidate(EVIL, metrics, history), Candidate(EVIL + "2", metrics, history)]
    return Comparison(EVIL, EVIL, True, candidates, [EVIL])


@pytest.mark.parametrize("page", [lambda: report_html(hostile_facts()), lambda: comparison_html(hostile_comparison())])
def test_hostile_text_is_shown_and_does_nothing(page):
    html = page()
    reader = read(html)
    assert not {"script", "img"} & set(reader.tags)
    assert not [name for _, name, _ in reader.attributes if name.startswith("on")]
    shown = "".join(reader.text)
    assert '<script>alert("x")</script>' in shown
    assert "␀␛[31m" in shown
    assert "[U+202E]gpj.exe[U+2066]" in shown
    acting = {chr(code) for code in (*range(9), *range(0x0B, 0x20), *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
    assert not acting & set(html)


def test_only_style_sheets_of_the_package_are_written_unescaped():
    templates = resources.files("unroll.report").joinpath("templates")
    for template in templates.iterdir():
        text = template.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", ""), template.name
        assert "autoescape" not in text, template.name


def test_a_long_table_is_folded_and_not_cut():
    rows = [{"row": f"r{index}"} for index in range(40)]
    reader = read(report_html(facts(sections=[Section("Long", table=rows)])))
    assert [text for text in reader.text if text.startswith("r") and text[1:].isdigit()] == [row["row"] for row in rows]
    assert "15 more rows" in reader.text


def test_numbers_are_aligned_and_words_are_not():
    table = as_table([{"n": 1.5, "w": "x", "b": True}, {"n": None, "w": "y", "b": False}], "t")
    assert [(column.name, column.kind) for column in table.columns] == [("n", "n"), ("w", "short"), ("b", "short")]
    assert table.shown == [["1.5", "x", "yes"], ["", "y", "no"]]


def test_a_score_by_another_name_is_called_by_the_fields():
    entry = score(0.2285, [0.2, 0.25])
    given = facts(
        monitor="score",
        metrics={"test": {"score": entry, "entity_f1": entry, "token_accuracy": score(0.9)}},
        history=[{"epoch": 1, "loss": 1.0, "score": 0.2, "entity_f1": 0.2, "token_accuracy": 0.8}],
    )
    text = "\n".join(read(report_html(given)).text)
    assert "Entity F1 on the test split is 22.9% (95% interval 20.0 to 25.0%)." in text
    assert "Validation: entity F1" in text
    assert "score" not in [line.strip().lower() for line in text.splitlines()]
    assert "0.2285" not in text


def test_a_run_without_scores_history_or_environment_has_a_page():
    bare = facts(metrics={}, history=[], best_epoch=None, notes=[], sections=[], config={}, environment={})
    text = "\n".join(read(report_html(bare)).text)
    assert "The run holds no score yet." in text
    assert "Learning curves" not in text


def test_scores_that_are_not_numbers_are_shown_as_unknown():
    metrics = {
        "test": {"accuracy": score(None)},
        "validation": {},
        "baselines": {"b": {"test": {"accuracy": score(0.5)}}},
    }
    assert "unknown" in report_html(facts(metrics=metrics))


@pytest.mark.parametrize(
    ("changes", "advice", "given"),
    [
        ({"best_epoch": 2}, "still learning", True),
        ({"best_epoch": 1}, "still learning", False),
        ({"higher_is_better": False}, "does better on this split", True),
        ({}, "does better on this split", False),
    ],
)
def test_advice_fits_the_run(changes, advice, given):
    assert (advice in report_html(facts(**changes))) == given


def comparison(**changes) -> Comparison:
    history = [{"epoch": 1, "accuracy": 0.5}, {"epoch": 2, "accuracy": None}, {"epoch": 3, "accuracy": 0.9}]
    base = facts().metrics
    other = {**base, "test": {"accuracy": score(0.97, [0.94, 0.99])}, "baselines": {}, "parameters": 99, "seconds": 5.0}
    candidates = [Candidate("lstm", base, history), Candidate("<gru>", other, history)]
    return Comparison("two on reviews", "accuracy", True, candidates, ["note <1>"])._replace(**changes)


def test_a_comparison_is_ordered_and_holds_the_baselines_once():
    rows = comparison_rows(comparison())
    assert [row.name for row in rows] == ["<gru>", "LSTM", "baseline: majority"]
    assert rows[2].parameters is None
    assert comparison_rows(comparison(higher_is_better=False))[0].name == "baseline: majority"


def test_a_comparison_has_a_page_that_admits_what_is_level():
    reader = read(comparison_html(comparison()))
    text = "\n".join(reader.text)
    assert "<gru> is best: accuracy 97.0%." in text
    assert "Within its interval lie also: LSTM." in text
    assert "note <1>" in text
    assert "gru" not in reader.tags
    assert reader.tags.count("svg") == 3


def test_runs_of_the_same_score_are_level_and_none_is_best():
    level = comparison(candidates=[Candidate("lstm", facts().metrics), Candidate("gru", facts().metrics)])
    text = "\n".join(read(comparison_html(level)).text)
    assert "LSTM and GRU are level: accuracy 95.0%." in text
    assert "is best" not in text


def test_a_comparison_without_scores_has_a_page():
    empty = comparison(candidates=[Candidate("x", {"test": {}, "validation": {}})])
    assert "No run holds a score." in "\n".join(read(comparison_html(empty)).text)
