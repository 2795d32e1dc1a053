"""The loss of an answer that never looks, by task, against frequencies counted by hand."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from unroll.tasks.base import Job
from unroll.tasks.pipeline import plan_run
from unroll.tasks.registry import TASKS


def job_of(task: str, path: Path, store: Path, *overrides: str) -> Job:
    values = {"task": task, "data": {"path": path, "validation_fraction": 0.0, "test_fraction": 0.0}}
    return plan_run(values, list(overrides), TASKS, store, say=lambda text: None).job


def cost(items: Iterable[object]) -> float:
    """Nats of an item by the frequencies."""
    counts = np.array(list(Counter(items).values()), dtype=float)
    return float(-(counts / counts.sum() * np.log(counts / counts.sum())).sum())


def test_tags(tmp_path: Path) -> None:
    sentences = [[("Anna", "B-PER"), ("lives", "O"), ("here", "O")], [("Rome", "B-LOC"), (".", "O")]] * 6
    path = tmp_path / "people.conll"
    path.write_text("\n\n".join("\n".join("\t".join(pair) for pair in one) for one in sentences) + "\n", "utf-8")
    job = job_of("tag", path, tmp_path / "store", "model.hidden_size=4")
    assert job.chance() == pytest.approx(cost(tag for one in sentences for _, tag in one))


def test_characters_of_a_text(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    text = "the cat sat on the mat. " * 40
    path.write_text(text, encoding="utf-8")
    job = job_of("generate", path, tmp_path / "store", "model.tokens=character", "model.hidden_size=4")
    # The model reads a few tokens more than the text has: its beginning and its end.
    assert job.chance() == pytest.approx(cost(text), rel=0.02)


def test_missing_words_are_learnt_by_one_model_or_two(tmp_path: Path) -> None:
    path = tmp_path / "rows.txt"
    path.write_text("the cat sat on the mat\na dog sat on a log\n" * 40, encoding="utf-8")
    words = ["the cat sat on the mat", "a dog sat on a log"]
    expected = cost(word for row in words for word in row.split())
    for compare, models in (("true", 2), ("false", 1)):
        job = job_of("fill", path, tmp_path / compare, "model.hidden_size=4", f"model.compare={compare}")
        assert job.chance() == pytest.approx(models * expected), compare
