"""Write the results tables of README.md, README.ko.md and docs/results.md from the records in benchmarks/results.

The tables stand between `<!-- results -->` and `<!-- /results -->`. With --check nothing is written, and 1 is returned
if they are stale.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from records import Record, metric_of, reached, recorded, spread

from unroll.report import words

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- results -->", "<!-- /results -->"


class Language(NamedTuple):
    """The words of the table in one language."""

    heads: tuple[str, str, str, str, str, str]
    verdicts: tuple[str, str]
    seeds: str
    solves: tuple[str, str]
    nothing: str
    band: str
    machine: str


ENGLISH = Language(
    ("data", "goal", "test score", "best baseline, same split", "parameters", "training"),
    ("missed", "reached"),
    "{least} to {largest}, {count} seeds",
    ("not by {cells}", "solved by {cells}"),
    "remembers nothing",
    "{share}% band holds {held}",
    "Runs of {dates}, recorded by `scripts/recipes` with {versions} on {cpu}, {cores} cores, threads: {threads};"
    " the machine had other work, so the times are no measure of speed.",
)
KOREAN = Language(
    ("데이터", "목표", "테스트 점수", "같은 분할의 최고 기준선", "파라미터", "학습 시간"),
    ("미달", "달성"),
    "{least} to {largest}, 시드 {count}개",
    ("{cells}: 풀지 못함", "{cells}: 해결"),
    "아무것도 기억하지 않을 때",
    "{share}% 구간에 든 비율 {held}",
    "{dates}의 실행을 `scripts/recipes`로 기록. {versions}, {cpu}, 코어 {cores}개, 스레드 {threads}개."
    " 다른 작업과 함께 실행했으므로 시간은 속도의 기준이 아닙니다.",
)


def main() -> int:
    """Write the tables, or compare them."""
    parser = argparse.ArgumentParser(prog="scripts/results-table", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a table is stale")
    check = parser.parse_args().check
    records = recorded(ROOT / "benchmarks" / "results")
    stale = []
    for name, shown in PAGES.items():
        page = ROOT / name
        before = page.read_text(encoding="utf-8")
        after = with_table(before, shown(records))
        if after != before:
            stale.append(name)
            if not check:
                page.write_text(after, encoding="utf-8")
    if check and stale:
        print(f"{', '.join(stale)}: the results table is stale; run scripts/results-table", file=sys.stderr)
        return 1
    return 0


def with_table(text: str, shown: str) -> str:
    """Return a text with what stands between the markers replaced.

    Raises:
        ValueError: the text does not hold each marker once.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"expected {BEGIN} and {END} once each")
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{shown}\n{END}{rest.split(END)[1]}"


def table(records: Sequence[Record], language: Language, folder: str = "benchmarks/results") -> str:
    """Return the records as a Markdown table with a line for each, and under it where they were recorded."""
    lines = ["| " + " | ".join(language.heads) + " |", "| --- | --- | --- | --- | ---: | ---: |"]
    for record in records:
        cells = _memory_cells(record, language) if record["task"] == "memory" else _train_cells(record, language)
        lines.append(f"| [{record['name']}]({folder}/{record['name']}.json) | {' | '.join(cells)} |")
    places: dict[str, list[str]] = {}
    for run in (run for record in records for run in record["runs"]):
        machine = run["machine"]
        place = language.machine.format(
            dates="{dates}",
            versions=_versions(run, ("unroll", "torch")),
            cpu=_cpu(machine),
            cores=machine["cores"],
            threads=machine["threads"],
        )
        places.setdefault(place, []).append(run["date"])
    notes = [place.format(dates=_span(dates)) for place, dates in places.items()]
    return "\n".join([*lines, "", *notes])


def details(records: Sequence[Record]) -> str:
    """Return the table, and for each record a section with its command, every seed and every baseline."""
    sections = [table(records, ENGLISH, "../benchmarks/results")]
    for record in records:
        sections += ["", f"## {record['name']}", "", *_section(record)]
    return "\n".join(sections)


def _train_cells(record: Record, language: Language) -> list[str]:
    metric, goal = metric_of(record), record["goal"]
    found = spread(record)
    run = found.middle
    score = f"{words.metric_name(metric)} {words.metric_value(metric, run['test'][metric]['value'])}"
    if len(record["runs"]) > 1:
        count = len(record["runs"])
        least, _, largest = words.interval(metric, (found.least, found.largest)).partition(" to ")
        score += f" ({language.seeds.format(least=least, largest=largest, count=count)})"
    elif bounds := words.interval(metric, run["test"][metric]["interval"]):
        score += f" ({bounds})"
    band = _band(run, language)
    score += f"; {band}" if band else ""
    wanted = ""
    if goal:
        sign = "≥" if goal["higher_is_better"] else "≤"
        wanted = f"{sign} {words.metric_value(metric, run['bound'])}, {language.verdicts[reached(record)]}"
    best = words.best_baseline(run, metric, higher_is_better=goal["higher_is_better"] if goal else True)
    baseline = best and f"{words.metric_value(metric, best.entry['value'])} {words.model_name(best.name)}"
    return [
        wanted,
        score,
        baseline or "–",
        words.number(run["parameters"]),
        words.duration(run["seconds"]),
    ]


def _band(run: Mapping[str, Any], language: Language) -> str:
    """How much of what came lay in a forecast's band, beside how much should; empty where there is no band."""
    coverage, levels = run["test"].get("coverage"), run.get("model", {}).get("quantiles", [])
    if coverage is None or len(levels) < 2:
        return ""
    share = words.number(round(100 * (levels[-1] - levels[0])))
    return language.band.format(share=share, held=words.metric_value("coverage", coverage["value"]))


def _memory_cells(record: Record, language: Language) -> list[str]:
    run, wanted = record["runs"][0], record["goal"]["solved"]
    parts = [
        language.solves[solved].format(cells=", ".join(cell for cell in wanted if wanted[cell] == solved))
        for solved in (True, False)
        if solved in wanted.values()
    ]
    scores = ", ".join(f"{result['cell']} {words.number(result['score'])}" for result in run["results"])
    chances = sorted({words.number(result["chance"]) for result in run["results"]})
    return [
        f"{'; '.join(parts)}: {language.verdicts[reached(record)]}",
        f"{record['measure']} {scores}",
        f"{' – '.join(chances)} {language.nothing}",
        "",
        words.duration(run["seconds"]),
    ]


def _section(record: Record) -> list[str]:
    """The section of a record: commands, where the goal comes from, a line for each seed, all baselines."""
    commands = record.get("commands") or [
        f"{record['pretraining']} --out PRETRAINED" if "pretraining" in record else "",
        record["command"],
    ]
    lines = ["```sh", *(f"{command} --seed SEED" for command in commands if command), "```", ""]
    if "prepared" in record:
        lines += [f"PREPARED holds: {record['prepared'][0].lower()}{record['prepared'][1:]}", ""]
    if record["goal"]:
        lines += [f"Goal: {record['goal']['source']}.", ""]
    lines += _memory_lines(record) if record["task"] == "memory" else _train_lines(record)
    for place, seeds in _places(record).items():
        lines.append(f"Seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}: {place}.")
    return lines


def _train_lines(record: Record) -> list[str]:
    metric = metric_of(record)
    lines = [
        f"| seed | {words.metric_name(metric)} (95% interval) | validation | parameters | seconds |",
        "| ---: | --- | --- | ---: | ---: |",
    ]
    for run in record["runs"]:
        bounds = words.interval(metric, run["test"][metric]["interval"])
        own = run["validation"].get(metric)
        cells = (
            str(run["seed"]),
            words.metric_value(metric, run["test"][metric]["value"]) + (f" ({bounds})" if bounds else ""),
            "–" if own is None else words.metric_value(metric, own["value"]),
            words.number(run["parameters"]),
            words.number(run["seconds"]),
        )
        lines.append(f"| {' | '.join(cells)} |")
    shown = spread(record).middle
    baselines = [
        f"{name} {words.metric_value(metric, parts['test'][metric]['value'])}"
        for name, parts in shown["baselines"].items()
        if metric in parts.get("test", {})
    ]
    if baselines:
        lines += ["", f"Baselines, seed {shown['seed']}: {'; '.join(baselines)}."]
    bands = [f"{band}, seed {run['seed']}" for run in record["runs"] if (band := _band(run, ENGLISH))]
    if bands:
        lines += ["", f"Of what came, the {'; the '.join(bands)}."]
    return [*lines, ""]


def _memory_lines(record: Record) -> list[str]:
    lines = [
        f"| seed | network | lag | {record['measure']} | remembers nothing | solved | steps | parameters |",
        "| ---: | --- | ---: | ---: | ---: | --- | ---: | ---: |",
    ]
    for run in record["runs"]:
        for result in run["results"]:
            cells = (
                str(run["seed"]),
                result["cell"],
                str(result["lag"]),
                words.number(result["score"]),
                words.number(result["chance"]),
                "yes" if result["solved"] else "no",
                words.number(result["steps"]),
                words.number(result["parameters"]),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _places(record: Record) -> dict[str, list[int]]:
    """The seeds of each place, time and state of the code at which a record's runs were made."""
    found: dict[str, list[int]] = {}
    for run in record["runs"]:
        machine = run["machine"]
        code = f", commit {run['commit']}" if run["commit"] else ""
        place = f"{run['date']}{code}, {_versions(run, ('python', 'unroll', 'torch'))}; {_cpu(machine)},"
        found.setdefault(f"{place} {machine['cores']} cores, threads: {machine['threads']}", []).append(run["seed"])
    return found


def _versions(run: Mapping[str, Any], names: Sequence[str]) -> str:
    return ", ".join(f"{name} {run['versions'][name]}" for name in names if run["versions"].get(name))


def _cpu(machine: Mapping[str, Any]) -> str:
    return re.sub(r"\s+", " ", machine["cpu"])


def _span(dates: Sequence[str]) -> str:
    first, last = min(dates), max(dates)
    return first if first == last else f"{first} – {last}"


PAGES: dict[str, Callable[[Sequence[Record]], str]] = {
    "README.md": lambda records: table(records, ENGLISH),
    "README.ko.md": lambda records: table(records, KOREAN),
    "docs/results.md": details,
}


if __name__ == "__main__":
    sys.exit(main())
