"""The state of every random generator as tensors, so that it can stand in a safetensors file."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from torch import Tensor


def seed_all(seed: int, rank: int) -> None:
    """Seed Python, NumPy and torch (every device), differently on every process."""
    state = np.random.SeedSequence((seed, rank)).generate_state(3)
    random.seed(int(state[0]))
    np.random.seed(int(state[1]))
    torch.manual_seed(int(state[2]))


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of Python's, NumPy's and torch's generators and, if `device` is a GPU, of its own."""
    _version, words, gauss = random.getstate()
    numpy_state = cast("tuple[str, np.ndarray, int, int, float]", np.random.get_state())
    _name, key, position, has_gauss, numpy_gauss = numpy_state
    state = {
        "python": torch.tensor(words, dtype=torch.int64),
        "python_gauss": torch.tensor(float("nan") if gauss is None else gauss, dtype=torch.float64),
        "numpy": torch.tensor([*key.tolist(), position, has_gauss], dtype=torch.int64),
        "numpy_gauss": torch.tensor(numpy_gauss, dtype=torch.float64),
        "torch": torch.get_rng_state(),
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: Mapping[str, Tensor], device: torch.device) -> None:
    """Put the generators into a state that `random_state` gave."""
    gauss = float(state["python_gauss"])
    random.setstate((3, tuple(state["python"].tolist()), None if gauss != gauss else gauss))
    *key, position, has_gauss = state["numpy"].tolist()
    words = np.array(key, dtype=np.uint32)
    np.random.set_state(("MT19937", words, position, has_gauss, float(state["numpy_gauss"])))
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
