"""Write the results tables from the records in benchmarks/results: all into docs/results.md, a few into both READMEs.

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


#: Records that a newcomer sees, and what each is about, in English and Korean; one of them is lost.
SHOWN = {
    "clinc150": ("what a short question wants, of 150 intents", "짧은 질문의 의도, 150가지"),
    "klue_ner": ("people, places, dates in Korean sentences", "한국어 문장 속 사람, 장소, 날짜"),
    "multi30k": ("German captions of pictures in English", "사진 설명을 독일어에서 영어로"),
    "co2": ("CO₂ in the air, forecast", "대기 중 CO₂ 예측"),
    "war_and_peace": ("the next letter of War and Peace", "《전쟁과 평화》의 다음 글자"),
    "fill_war_and_peace": ("a missing word of War and Peace", "《전쟁과 평화》의 빠진 단어"),
}


class Language(NamedTuple):
    """The words of the short table in one language."""

    heads: tuple[str, str, str]
    lower: str
    place: int


ENGLISH = Language(("data", "unroll, on the test split", "best simple method"), "lower is better", 0)
KOREAN = Language(("데이터", "unroll, 테스트 분할", "가장 나은 단순한 방법"), "낮을수록 좋음", 1)

HEADS = ("data", "goal", "test score", "best baseline, same split", "parameters", "training")
MACHINE = (
    "Runs of {dates}, recorded by `scripts/recipes` with {versions} on {cpu}, {cores} cores, threads: {threads};"
    " the machine had other work, so the times are no measure of speed."
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


def short_table(records: Sequence[Record], language: Language) -> str:
    """Return the records that a newcomer sees as a Markdown table."""
    named = {record["name"]: record for record in records}
    lines = [f"| {' | '.join(language.heads)} |", "| --- | --- | --- |"]
    for name, about in SHOWN.items():
        record = named[name]
        metric, middle = metric_of(record), spread(record).middle
        score = f"{words.metric_name(metric)} {words.metric_value(metric, middle['test'][metric]['value'])}"
        if not record["goal"]["higher_is_better"]:
            score += f" ({language.lower})"
        link = f"[{about[language.place]}](docs/results.md#{name.lower()})"
        lines.append(f"| {link} | {score} | {_baseline(record, middle) or '–'} |")
    return "\n".join(lines)


def table(records: Sequence[Record]) -> str:
    """Return the records as a Markdown table with a line for each, and under it where they were recorded."""
    lines = [f"| {' | '.join(HEADS)} |", "| --- | --- | --- | --- | ---: | ---: |"]
    for record in records:
        cells = _memory_cells(record) if record["task"] == "memory" else _train_cells(record)
        lines.append(f"| [{record['name']}](../benchmarks/results/{record['name']}.json) | {' | '.join(cells)} |")
    places: dict[str, list[str]] = {}
    for run in (run for record in records for run in record["runs"]):
        machine = run["machine"]
        place = MACHINE.format(
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
    sections = [table(records)]
    for record in records:
        sections += ["", f"## {record['name']}", "", *_section(record)]
    return "\n".join(sections)


def _train_cells(record: Record) -> list[str]:
    metric, goal = metric_of(record), record["goal"]
    measured = spread(record)
    run = measured.middle
    score = f"{words.metric_name(metric)} {words.metric_value(metric, run['test'][metric]['value'])}"
    if len(record["runs"]) > 1:
        score += f" ({words.interval(metric, (measured.least, measured.largest))}, {len(record['runs'])} seeds)"
    elif bounds := words.interval(metric, run["test"][metric]["interval"]):
        score += f" ({bounds})"
    band = _band(run)
    score += f"; {band}" if band else ""
    wanted = ""
    if goal:
        sign = "≥" if goal["higher_is_better"] else "≤"
        wanted = f"{sign} {words.metric_value(metric, run['bound'])}, {'reached' if reached(record) else 'missed'}"
    return [
        wanted,
        score,
        _baseline(record, run) or "–",
        words.number(run["parameters"]),
        words.duration(run["seconds"]),
    ]


def _baseline(record: Record, run: Mapping[str, Any]) -> str:
    """The best baseline of a run and its score, empty if there is none."""
    metric, goal = metric_of(record), record["goal"]
    best = words.best_baseline(run, metric, higher_is_better=goal["higher_is_better"] if goal else True)
    return f"{words.metric_value(metric, best.entry['value'])} {words.model_name(best.name)}" if best else ""


def _band(run: Mapping[str, Any]) -> str:
    """How much of what came lay in a forecast's band, beside how much should; empty where there is no band."""
    coverage, levels = run["test"].get("coverage"), run.get("model", {}).get("quantiles", [])
    if coverage is None or len(levels) < 2:
        return ""
    share = words.number(round(100 * (levels[-1] - levels[0])))
    return f"{share}% band holds {words.metric_value('coverage', coverage['value'])}"


def _memory_cells(record: Record) -> list[str]:
    run, wanted = record["runs"][0], record["goal"]["solved"]
    parts = []
    for solved, said in ((True, "solved by"), (False, "not by")):
        if solved in wanted.values():
            parts.append(f"{said} {', '.join(cell for cell in wanted if wanted[cell] == solved)}")
    scores = ", ".join(f"{result['cell']} {words.number(result['score'])}" for result in run["results"])
    chances = sorted({words.number(result["chance"]) for result in run["results"]})
    return [
        f"{'; '.join(parts)}: {'reached' if reached(record) else 'missed'}",
        f"{record['measure']} {scores}",
        f"{' – '.join(chances)} remembers nothing",
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
    bands = [f"{band}, seed {run['seed']}" for run in record["runs"] if (band := _band(run))]
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
    "README.md": lambda records: short_table(records, ENGLISH),
    "README.ko.md": lambda records: short_table(records, KOREAN),
    "docs/results.md": details,
}


if __name__ == "__main__":
    sys.exit(main())
