"""What the tests of the native engine share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from unroll.kernels.native_plan import LIBRARY, MISSING

LEVELS = LIBRARY.levels() if LIBRARY is not None else []


@pytest.fixture(scope="session")
def native():
    """The extension module."""
    if LIBRARY is None:
        if any(shutil.which(name) for name in ("c++", "g++", "clang++")):
            pytest.fail(f"the native engine was not built although there is a compiler: {MISSING}")
        pytest.skip(f"no native engine and no compiler to build it: {MISSING}")
    return LIBRARY


@pytest.fixture(params=LEVELS or ["unbuilt"])
def level(request, native) -> Iterator[str]:
    """Every instruction set that this machine has, in force during the test."""
    before = native.level()
    native.set_level(request.param)
    yield request.param
    native.set_level(before)
