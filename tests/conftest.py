"""What the tests of the native engine share, those of ONNX files, and those of files that are nested without end."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from typing import Any

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


@pytest.fixture
def no_collection() -> Iterator[None]:
    """What other tests left behind is not collected where the depth of the recursion is used up: its finalizers would
    fail there, and this test for it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="session")
def one_registry() -> Iterator[None]:
    """torch.onnx collects all its translations anew for every file, which takes longer than what is tested there."""
    registry = pytest.importorskip("torch.onnx._internal.exporter._registration").ONNXRegistry
    with pytest.MonkeyPatch.context() as patch:
        held: list[Any] = []
        collect = registry.from_torchlib

        def from_torchlib(_: Any, **options: Any) -> Any:
            if not held:
                held.append(collect(**options))
            return held[0]

        patch.setattr(registry, "from_torchlib", from_torchlib)
        yield
