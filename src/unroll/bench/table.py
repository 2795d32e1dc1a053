"""A results file as Markdown."""

from __future__ import annotations

from typing import Any

from unroll.bench.held import FREE
from unroll.bench.peers import OWN
from unroll.bench.run import ratio_to_best


def _cells(values: list[str]) -> str:
    return "| " + " | ".join(values) + " |"


def _conditions(settings: dict[str, Any]) -> list[str]:
    """What was unusual about a run; older results do not say."""
    lines = []
    if settings.get("simd") is not None:
        free = [name for name in settings["peers"] if name in FREE]
        told = f"Everyone was held to {settings['simd']}"
        lines.append(f"{told}, but {', '.join(free)}, which cannot be told." if free else f"{told}.")
    if settings.get("busy"):
        lines.append("One other process was busy all the time.")
    return lines


def table(results: dict[str, Any]) -> str:
    """Three tables: forward, training, and the targets; with machine, versions and date below."""
    lines: list[str] = []
    for training in (False, True):
        rows = [row for row in results["cases"] if row["training"] is training]
        if not rows:
            continue
        names = [OWN, *sorted({name for row in rows for name in row["contenders"]} - {OWN})]
        title = "Forward and backward" if training else "Forward"
        lines += [f"### {title} (milliseconds, median; error relative to float64)", ""]
        lines.append(_cells(["cell", "T, B, I, H", *names, "share of peak", "x best peer", "error (torch's)"]))
        lines.append(_cells(["---"] * (len(names) + 5)))
        for row in rows:
            case, taking_part = row["case"], row["contenders"]
            mine = taking_part[OWN]
            shape = ", ".join(str(case[key]) for key in ("steps", "batch", "input_size", "hidden_size"))
            times = [f"{taking_part[name]['ms']:.3g}" if name in taking_part else "" for name in names]
            times[0] = f"**{times[0]}** ({mine['low_ms']:.3g} to {mine['high_ms']:.3g})"
            errors = f"{mine['error']:.0e}"
            if "torch" in taking_part:
                errors += f" ({taking_part['torch']['error']:.0e})"
            share = f"{100 * mine['share_of_peak']:.0f} %"
            lines.append(_cells([case["cell"], shape, *times, share, f"{ratio_to_best(row):.2f}", errors]))
        lines.append("")
    lines += ["### Targets", "", _cells(["what", "target", "measured", "", "where"]), _cells(["---"] * 5)]
    for row in results["targets"]:
        sign = "<=" if row.get("at_most") else ">="
        verdict = "met" if row["met"] else "**missed**"
        unit = f" {row['unit']}" if row["unit"] else ""
        lines.append(
            _cells(
                [row["what"], f"{sign} {row['target']:g}{unit}", f"{row['value']:.3g}", verdict, row.get("detail", "")]
            )
        )
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    peaks = [row["peak_gflops"] for row in results["cases"]]
    peak = f"; FMA peak in the run {min(peaks):.0f} to {max(peaks):.0f} GFLOP/s" if peaks else ""
    lines += [
        "",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads, {machine['simd']}{peak};"
        f" {versions}; commit {results['commit']}; {results['date']}.",
        "",
        "Times are medians over the rounds; ratios and shares are medians of what they were in each round.",
        *_conditions(results["settings"]),
    ]
    return "\n".join(lines)
