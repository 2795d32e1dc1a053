"""A setting that takes one of some names."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from unroll.bundle import OneOf, choices, validate
from unroll.errors import ConfigError

CELLS = {"lstm": 1, "gru": 2}


class Settings(BaseModel):
    encoder: Annotated[str, OneOf(CELLS, ("grid",))] = Field("lstm", description="the network")
    size: int = 3


def test_a_name_that_is_not_among_them_names_the_nearest() -> None:
    assert validate(Settings, {"encoder": "grid"}).encoder == "grid"
    with pytest.raises(ConfigError, match=r"'encoder': .*expected one of lstm, gru, grid \(did you mean 'gru'\?\)"):
        validate(Settings, {"encoder": "gruu"})


def test_a_name_that_was_added_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CELLS, "leaky", 3)
    assert validate(Settings, {"encoder": "leaky"}).encoder == "leaky"
    assert choices(Settings, "encoder") == ["lstm", "gru", "leaky", "grid"]


def test_what_takes_anything_has_no_choices() -> None:
    assert choices(Settings, "size") == choices(Settings, "absent") == []
