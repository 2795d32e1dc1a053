"""Write the results tables of README.md and README.ko.md from the recorded runs in benchmarks/results.

The tables stand between `<!-- results -->` and `<!-- /results -->`. With --check nothing is written, and 1 is returned
if they are stale.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from unroll.report import words

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- results -->", "<!-- /results -->"


class Language(NamedTuple):
    """The words of the table in one language."""

    readme: str
    heads: tuple[str, str, str, str, str]
    missed: str
    machine: str


LANGUAGES = (
    Language(
        "README.md",
        ("data", "test score (95% interval)", "best baseline, same split", "parameters", "training"),
        "below the goal of",
        "Runs of {dates}, recorded by `scripts/recipes` with {versions} on {cpu}, {cores} cores, threads: {threads};"
        " the machine had other work, so the times are no measure of speed.",
    ),
    Language(
        "README.ko.md",
        ("데이터", "테스트 점수(95% 구간)", "같은 분할의 최고 기준선", "파라미터", "학습 시간"),
        "목표 미달:",
        "{dates}의 실행을 `scripts/recipes`로 기록. {versions}, {cpu}, 코어 {cores}개, 스레드 {threads}개."
        " 다른 작업과 함께 실행했으므로 시간은 속도의 기준이 아닙니다.",
    ),
)


def main() -> int:
    """Write the tables, or compare them."""
    parser = argparse.ArgumentParser(prog="scripts/results-table", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a table is stale")
    check = parser.parse_args().check
    results = recorded(ROOT / "benchmarks" / "results")
    stale = []
    for language in LANGUAGES:
        readme = ROOT / language.readme
        before = readme.read_text(encoding="utf-8")
        after = with_table(before, table(results, language))
        if after != before:
            stale.append(language.readme)
            if not check:
                readme.write_text(after, encoding="utf-8")
    if check and stale:
        print(f"{', '.join(stale)}: the results table is stale; run scripts/results-table", file=sys.stderr)
        return 1
    return 0


def recorded(folder: Path) -> list[dict[str, Any]]:
    """Return the recorded recipes in the order of their names."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return [result for result in found if isinstance(result, dict) and result.get("kind") == "recipe"]


def with_table(text: str, shown: str) -> str:
    """Return a text with what stands between the markers replaced.

    Raises:
        ValueError: the text does not hold each marker once.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"expected {BEGIN} and {END} once each")
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{shown}\n{END}{rest.split(END)[1]}"


def table(results: Sequence[Mapping[str, Any]], language: Language) -> str:
    """Return the recorded runs as a Markdown table, and under it where they were recorded."""
    lines = ["| " + " | ".join(language.heads) + " |", "| --- | --- | --- | ---: | ---: |"]
    lines += ["| " + " | ".join(_cells(result, language)) + " |" for result in results]
    places: dict[str, list[str]] = {}
    for result in results:
        machine, versions = result["machine"], result["versions"]
        place = language.machine.format(
            dates="{dates}",
            versions=", ".join(f"{name} {versions[name]}" for name in ("unroll", "torch") if name in versions),
            cpu=re.sub(r"\s+", " ", machine["cpu"]),
            cores=machine["cores"],
            threads=machine["threads"],
        )
        places.setdefault(place, []).append(result["date"])
    notes = [place.format(dates=_span(dates)) for place, dates in places.items()]
    return "\n".join([*lines, "", *notes])


def _cells(result: Mapping[str, Any], language: Language) -> list[str]:
    goal = result["goal"]
    metric = goal["metric"] if goal else next(iter(result["test"]))
    entry = result["test"][metric]
    bounds = words.interval(metric, entry["interval"])
    score = f"{words.metric_name(metric)} {words.metric_value(metric, entry['value'])}"
    if bounds:
        score += f" ({bounds})"
    if not result["reached"]:
        goal_value = goal["value"] if isinstance(goal["value"], str) else words.metric_value(metric, goal["value"])
        score += f", {language.missed} {goal_value}"
    baseline = words.best_baseline(result, metric, higher_is_better=goal["higher_is_better"] if goal else True)
    beside = "–" if baseline is None else f"{words.metric_value(metric, baseline.entry['value'])} {baseline.name}"
    return [
        f"[{result['name']}](benchmarks/results/{result['name']}.json)",
        score,
        beside,
        words.number(result["parameters"]),
        words.duration(result["seconds"]),
    ]


def _span(dates: Sequence[str]) -> str:
    first, last = min(dates), max(dates)
    return first if first == last else f"{first} – {last}"


if __name__ == "__main__":
    sys.exit(main())
