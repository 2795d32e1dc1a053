"""An epoch of the same forecaster in unroll and in darts, in turns: windows per second.

    python benchmarks/forecaster.py SERIES.csv --time date --target OT --out benchmarks/results/forecaster

Both train an LSTM of 64 on windows of 96 steps for 24 ahead, three quantiles, in batches of 32, on the same rows, with
AdamW (darts: Adam), float32, and no validation. darts' network is its BlockRNNModel, which PyTorch Lightning trains
with its defaults but for the progress bar and the checkpoints. unroll stands in the table twice: the same network, and
its defaults but for the size (the calendar, a linear path). Building the data and the model is not timed. Needs darts
(`pip install "darts[torch]"`) beside unroll.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from records import write
from timed import file_of, stamp

import unroll

INPUT, HORIZON, BATCH, HIDDEN, STEPS = 96, 24, 32, 64, 8640
QUANTILES = [0.1, 0.5, 0.9]
#: What unroll's forecaster has and darts' has not.
SAME = {
    "model.linear": False,
    "model.time_features": False,
    "model.level": "none",
    "model.spread": False,
    "model.smoothing": False,
    "training.average": 0.0,
}


def own(frame: pd.DataFrame, time_column: str, target: str, **settings: object) -> float:
    """Windows per second of one epoch of unroll's."""
    with tempfile.TemporaryDirectory() as folder:
        model = unroll.train(
            frame,
            task="forecast",
            target=target,
            time=time_column,
            horizon=HORIZON,
            cell="lstm",
            hidden_size=HIDDEN,
            epochs=1,
            settings={
                "model.input_length": INPUT,
                "model.split": (STEPS, 0, 0),
                "model.combine": False,
                "training.batch_size": BATCH,
                **settings,
            },
            out=Path(folder) / "run",
            progress=False,
        )
        events = [json.loads(line) for line in (Path(model.path) / "log.jsonl").read_text("utf-8").splitlines()]
    epoch = next(event for event in events if "epoch" in event)
    return float(epoch["steps"] * BATCH / epoch["seconds"])


def darts(values: np.ndarray) -> float:
    """Windows per second of one epoch of darts'."""
    from darts import TimeSeries
    from darts.models import BlockRNNModel
    from darts.utils.likelihood_models.torch import QuantileRegression
    from pytorch_lightning.callbacks import Callback

    class Clock(Callback):
        began = ended = 0.0
        steps = 0

        def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
            self.began = time.perf_counter()

        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, number: int) -> None:
            self.steps += 1
            self.ended = time.perf_counter()

    clock = Clock()
    model = BlockRNNModel(
        input_chunk_length=INPUT,
        output_chunk_length=HORIZON,
        model="LSTM",
        hidden_dim=HIDDEN,
        n_rnn_layers=1,
        dropout=0.0,
        batch_size=BATCH,
        n_epochs=1,
        likelihood=QuantileRegression(QUANTILES),
        random_state=0,
        pl_trainer_kwargs={
            "accelerator": "cpu",
            "callbacks": [clock],
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "logger": False,
        },
    )
    model.fit(TimeSeries.from_values(values))
    return clock.steps * BATCH / (clock.ended - clock.began)


def main() -> None:
    """Measure in turns, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("series", type=Path)
    parser.add_argument("--time", required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="folder of the record")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    frame = pd.read_csv(options.series)[[options.time, options.target]][:STEPS]
    values = frame[options.target].to_numpy(np.float32)
    standard = (values - values.mean()) / values.std()
    contenders = {
        "unroll, the same network": lambda: own(frame, options.time, options.target, **SAME),
        "unroll, defaults": lambda: own(frame, options.time, options.target),
        "darts": lambda: darts(standard),
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(options.rounds + 1):
        for name, measure in contenders.items():
            rate = measure()
            # The first round warms up.
            if number:
                rates[name].append(rate)
                print(f"{name:28} {rate:10,.0f} windows/s", flush=True)
    ratios = {
        name: round(statistics.median(o / d for o, d in zip(rates[name], rates["darts"], strict=True)), 2)
        for name in rates
    }
    record = {
        **stamp(("torch", "darts", "pytorch-lightning")),
        "threads": torch.get_num_threads(),
        "windows_per_second": {name: round(statistics.median(found)) for name, found in rates.items()},
        "ratio_to_darts": ratios,
        "rounds": options.rounds,
    }
    print(json.dumps(record, indent=1))
    if options.out is not None:
        write(record, file_of(record, options.out))


if __name__ == "__main__":
    main()
