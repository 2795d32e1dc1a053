"""A recorded `unroll bench layers` run as a Markdown page and a plot; with --docs in docs/speed.md and READMEs too.

Usage: python benchmarks/render.py benchmarks/results/layers/MACHINE_DATE.json [--docs [--mark MARK]]
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from unroll.bench.peers import OWN
from unroll.bench.run import ratio_to_best
from unroll.bench.table import table

ROOT = Path(__file__).resolve().parent.parent

#: Names of the peers as their makers write them.
PEERS = {"jax": "JAX", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "torch": "torch"}

#: What both READMEs say of a run.
SENTENCES = {
    "README.md": (
        "LSTM, GRU and RNN on a CPU in {shapes} shapes, each beside the fastest of {peers}: forward {forward:.2f} times"
        " as fast, training {training:.2f} times (geometric means; in the least favourable shape {least_forward:.2f}"
        " and {least_training:.2f}; {cpu}, {cores} cores, {date}). Every row and target, also the missed ones, is in"
        " [docs/speed.md](docs/speed.md); `unroll bench layers` measures on your machine."
    ),
    "README.ko.md": (
        "CPU에서 LSTM, GRU, RNN을 {shapes}가지 크기로 돌려, 매번 {peers} 가운데 가장 빠른 것과 견주었습니다."
        " 순전파는 {forward:.2f}배, 학습은 {training:.2f}배 빠릅니다(기하 평균. 가장 불리한 크기에서는"
        " {least_forward:.2f}배와 {least_training:.2f}배. {cpu}, 코어 {cores}개, {date})."
        " 목표에 못 미친 것까지 모든 행이 [docs/speed.md](docs/speed.md)에 있으며, 직접 재려면"
        " `unroll bench layers`를 실행하세요."
    ),
}

#: The marks in docs/speed.md are `<!-- MARK -->` and `<!-- /MARK -->`; a run at a lesser level has its own.
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


def sentence(results: dict[str, Any], page: str) -> str:
    """What a README says of a run."""
    ratios = {
        training: [ratio_to_best(r) for r in results["cases"] if r["training"] is training]
        for training in (False, True)
    }
    peers = sorted({name for row in results["cases"] for name in row["contenders"]} - {OWN})
    return SENTENCES[page].format(
        peers=", ".join(peers),
        shapes=len(ratios[False]),
        forward=statistics.geometric_mean(ratios[False]),
        training=statistics.geometric_mean(ratios[True]),
        least_forward=min(ratios[False]),
        least_training=min(ratios[True]),
        cpu=" ".join(results["machine"]["cpu"].split()),
        cores=results["machine"]["cores"],
        date=results["date"][:10],
    )


def pages(results: dict[str, Any], file: Path, mark: str = MARK) -> dict[str, str]:
    """The pages of the documentation with this run in them, by name; the READMEs speak of the best level alone."""
    picture = file.with_suffix(".svg").resolve().relative_to(ROOT).as_posix()
    part = f"![Times faster than the fastest peer](../{picture})\n\n{table(results)}"
    changed = {"docs/speed.md": (part, mark)}
    if mark == MARK:
        changed |= {page: (sentence(results, page), "speed") for page in SENTENCES}
    return {name: with_part((ROOT / name).read_text(encoding="utf-8"), *part) for name, part in changed.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--docs", action="store_true", help="also write docs/speed.md and the READMEs' sentence")
    parser.add_argument(
        "--mark", default=MARK, help="which part of docs/speed.md: layers, or for another level layers avx2"
    )
    arguments = parser.parse_args()
    results = json.loads(arguments.results.read_text(encoding="utf-8"))
    arguments.results.with_suffix(".md").write_text(table(results) + "\n", encoding="utf-8")
    plot(results, arguments.results.with_suffix(".svg"))
    if arguments.docs:
        for name, text in pages(results, arguments.results, arguments.mark).items():
            (ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
