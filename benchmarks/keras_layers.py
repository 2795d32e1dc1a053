"""Keras's recurrent layers beside unroll's: two layers and a dense one, predicting and training on a batch.

    KERAS_BACKEND=torch python benchmarks/keras_layers.py --out benchmarks/results/keras

Both stand in one process on Keras's torch backend and take turns. `--also jax` times Keras on another backend in a
process of its own, where it is installed. One thread, so pin the process: `taskset -c 0`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

BATCH = 32
CASES = [(name, steps, size) for name in ("SimpleRNN", "LSTM", "GRU")
         for steps, size in ((100, 64), (100, 128), (100, 256), (20, 128))]  # fmt: skip
PASSES = ("predict", "train")


def calls(home: Any, name: str, steps: int, size: int) -> dict[str, Callable[[], Any]]:
    """What is timed of a network of two layers on one batch."""
    import keras
    import numpy as np

    layer = getattr(home, name)
    model = keras.Sequential(
        [keras.Input((steps, size)), layer(size, return_sequences=True), layer(size), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((BATCH, steps, size)).astype("float32"), rng.standard_normal((BATCH, 1))
    return {"predict": lambda: model.predict_on_batch(x), "train": lambda: model.train_on_batch(x, y)}


def measured(rounds: int, seconds: float, only: str | None) -> list[dict[str, Any]]:
    """Milliseconds of every case on the backend that Keras has: of Keras, and of unroll if that is torch."""
    import keras

    from unroll.bench.measure import alternate

    homes: dict[str, Any] = {f"keras on {keras.backend.backend()}": keras.layers}
    if keras.backend.backend() == "torch":
        import torch

        import unroll.keras

        torch.set_num_threads(1)
        homes["unroll.keras"] = unroll.keras
    rows = []
    for name, steps, size in CASES:
        if only is not None and name != only:
            continue
        contenders = {label: calls(home, name, steps, size) for label, home in homes.items()}
        for what in PASSES:
            timings = alternate([one[what] for one in contenders.values()], rounds=rounds, seconds=seconds)
            for label, timing in zip(contenders, timings, strict=True):
                rows.append(
                    {
                        "layer": name,
                        "steps": steps,
                        "size": size,
                        "pass": what,
                        "contender": label,
                        "milliseconds": round(1e3 * timing.median, 3),
                        "quartiles": [round(1e3 * timing.low, 3), round(1e3 * timing.high, 3)],
                        "ratio": round(timings[0].over(timings[-1]), 3),
                    }
                )
    return rows


def elsewhere(backend: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """As `measured`, in a process whose Keras has another backend."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
    command = [sys.executable, __file__, "--rows", "--rounds", str(options.rounds), "--seconds", str(options.seconds)]
    command += ["--only", options.only] if options.only else []
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    rows: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return rows


def table(record: dict[str, Any]) -> str:
    """The record as a page."""
    rows, machine = record["rows"], record["machine"]
    contenders = list(dict.fromkeys(row["contender"] for row in rows))
    lines = [
        f"# Keras layers, {record['date']}",
        "",
        f"{machine['cpu']}, one thread; " + ", ".join(f"{key} {value}" for key, value in record["versions"].items()),
        "",
        f"Two layers and a dense one, {BATCH} rows, as many features as units; milliseconds, medians. The last "
        "column is the median of the ratios within each round.",
        "",
        "| layer | T, H | pass | " + " | ".join(contenders) + " | keras on torch / unroll.keras |",
        "|---" * (len(contenders) + 4) + "|",
    ]
    for name, steps, size in CASES:
        for what in PASSES:
            found = {
                row["contender"]: row
                for row in rows
                if (row["layer"], row["steps"], row["size"], row["pass"]) == (name, steps, size, what)
            }
            if "unroll.keras" in found:
                cells = [f"{found[one]['milliseconds']:.1f}" if one in found else "" for one in contenders]
                ratio = found["unroll.keras"]["ratio"]
                lines.append(f"| {name} | {steps}, {size} | {what} | {' | '.join(cells)} | {ratio:.2f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the record beside its page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder of the record; an old one of this day is added to")
    parser.add_argument("--also", action="append", default=[], help="another backend of Keras")
    parser.add_argument("--only", help="one kind of layer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.05)
    parser.add_argument("--rows", action="store_true", help="print the rows as JSON and write nothing")
    options = parser.parse_args()
    rows = measured(options.rounds, options.seconds, options.only)
    if options.rows:
        print(json.dumps(rows))
        return
    for backend in options.also:
        rows += elsewhere(backend, options)
    # Not before the backend is chosen.
    from records import write
    from timed import file_of, stamp

    record = {**stamp(["keras", "torch", *options.also]), "rows": rows}
    file = file_of(record, options.out)
    if file.exists():
        before = json.loads(file.read_text("utf-8"))
        record["rows"] = [row for row in before["rows"] if row["layer"] not in {one["layer"] for one in rows}] + rows
        record["versions"] = {**before["versions"], **record["versions"]}
    write(record, file)
    file.with_suffix(".md").write_text(table(record), "utf-8")
    print(table(record))


if __name__ == "__main__":
    main()
