"""One small run that the tests of the task share."""

from __future__ import annotations

from pathlib import Path

import pytest

import unroll
from tasks.detect import machine
from unroll.trained import Model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("detect")
    data = machine.write(folder / "machine.csv", machine.lines())
    return unroll.train(data, task="detect", epochs=3, hidden_size=8, out=folder / "run", progress=False)


@pytest.fixture
def folder(model: Model) -> Path:
    return model.path
