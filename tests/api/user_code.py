"""What a user writes, for mypy --strict: no ignore is needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import unroll


def labels(model: unroll.Model, texts: Sequence[str]) -> list[str]:
    return [prediction.label for prediction in model.predict(texts)]


def best(model: unroll.Model, text: str) -> tuple[str, float]:
    probabilities = model.predict(text)[0].probabilities
    name = max(probabilities, key=lambda label: probabilities[label])
    return name, probabilities[name]


def run() -> None:
    columns = {"text": ["a", "b"], "label": ["x", "y"]}
    model = unroll.train(columns, target="label", cell="gru", hidden_size=64, epochs=3, settings={"model.dropout": 0.1})
    scores = model.evaluate(columns)
    value: float = scores["accuracy"].value
    interval = scores["accuracy"].interval
    low: float = interval[0] if interval is not None else value
    print(labels(model, ["a"]), best(model, "b"), value, low, scores.headline, model.report.path)
    model.save("runs/reviews")
    loaded = unroll.load("runs/reviews")
    print(loaded.task, loaded.network.training, loaded.encode(["a"]), loaded.config["seed"])
    checked = unroll.check((["a", "b"], ["x", "y"]))
    print([finding.text for finding in checked.errors], checked.to_frame())
    compared = unroll.compare(columns, target="label", cells=["lstm", "gru", "cnn"], callbacks=[lambda e: e.loss])
    print(compared.best.path, compared.to_frame(), sorted(compared.models))
    x = np.zeros((8, 20, 3))
    other = unroll.train((x, ["up", "down"] * 4), epochs=1, progress=False)
    steps: list[float] = other.predict(x)[0].quantiles["0.5"]
    print(steps, other.predict(x, format="csv").to_frame())
