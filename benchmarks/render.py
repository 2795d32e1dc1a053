"""A recorded `unroll bench layers` run as a Markdown page, a plot, and the part of the README between two marks.

Usage: python benchmarks/render.py benchmarks/results/layers/MACHINE_DATE.json [--readme README.md [--mark MARK]]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from unroll.bench.peers import OWN
from unroll.bench.run import ratio_to_best
from unroll.bench.table import table

#: The marks in the README are `<!-- MARK -->` and `<!-- /MARK -->`; a run at a lesser level has its own beside these.
MARK = "layers"


def plot(results: dict[str, Any], path: Path) -> None:
    """Times relative to the fastest peer's, one bar per case: forward above, training below."""
    import matplotlib

    matplotlib.use("svg")
    # Text as text, and the same bytes for the same data.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "unroll"})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 1, figsize=(9, 7), layout="constrained")
    for axis, training in zip(axes, (False, True), strict=True):
        rows = [row for row in results["cases"] if row["training"] is training]
        names = []
        for row in rows:
            case = row["case"]
            shape = "{steps}, {batch}, {input_size}, {hidden_size}".format(**case)
            names.append(f"{case['cell']} {shape}")
        ratios = [ratio_to_best(row) for row in rows]
        axis.bar(range(len(rows)), ratios, color=["#2a6f97" if ratio >= 1 else "#bc4749" for ratio in ratios])
        axis.axhline(1.0, color="black", linewidth=0.8)
        axis.set_xticks(range(len(rows)), names, rotation=60, ha="right", fontsize=7)
        axis.set_ylabel("times faster than\nthe fastest peer")
        peers = sorted({name for row in rows for name in row["contenders"]} - {OWN})
        axis.set_title(f"{'Forward and backward' if training else 'Forward'} (peers: {', '.join(peers)}; T, B, I, H)")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def with_part(text: str, part: str, mark: str = MARK) -> str:
    """The text with what stands between the two marks replaced.

    Raises:
        ValueError: a mark is missing.
    """
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    if begin not in text or end not in text:
        raise ValueError(f"the page must hold the lines '{begin}' and '{end}'")
    head, rest = text.split(begin, 1)
    return f"{head}{begin}\n{part}\n{end}{rest.split(end, 1)[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--readme", type=Path)
    parser.add_argument(
        "--mark", default=MARK, help="which part of the README: layers, or for another level layers avx2"
    )
    arguments = parser.parse_args()
    results = json.loads(arguments.results.read_text(encoding="utf-8"))
    page = table(results)
    arguments.results.with_suffix(".md").write_text(page + "\n", encoding="utf-8")
    picture = arguments.results.with_suffix(".svg")
    plot(results, picture)
    if arguments.readme is not None:
        text = arguments.readme.read_text(encoding="utf-8")
        part = (
            f"![Times faster than the fastest peer]({picture.as_posix()})\n\n"
            f"<details>\n<summary>Every time and error; every target, met or missed</summary>\n\n{page}\n\n</details>"
        )
        arguments.readme.write_text(with_part(text, part, arguments.mark), encoding="utf-8")


if __name__ == "__main__":
    main()
