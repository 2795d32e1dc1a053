"""The public surface is a list, and the list is true."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import unroll


def test_every_public_name_can_be_had_and_is_documented() -> None:
    assert unroll.__all__ == sorted(unroll.__all__, key=lambda name: (not name.isupper(), name))
    for name in unroll.__all__:
        value = getattr(unroll, name)
        assert inspect.getdoc(value), f"{name} has no docstring"


def test_lazy_names_are_the_public_names() -> None:
    assert sorted(unroll._HOME) == sorted(unroll.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="LSTMM"):
        unroll.LSTMM  # noqa: B018 - the access itself is what is tested


def test_the_package_alone_imports_neither_torch_nor_numpy() -> None:
    code = "import sys, unroll; print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
