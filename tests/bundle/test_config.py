"""Closed schemas, and errors that name the key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from unroll.bundle import DataConfig, RunConfig, apply_overrides, read_config, validate
from unroll.errors import ConfigError
from unroll.training import TrainSettings

CONFIG = RunConfig(task="classify", data=DataConfig(path="a.csv"))
SECTIONS = {"training": TrainSettings}


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: Inner = Inner()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("data.target=3", "3"),
        ("data.target=null", None),
        ('data.delimiter="\\t"', "\t"),
        ("data.delimiter=;", ";"),
        ("data.header=true", True),
        ("data.inputs=a,b", ("a", "b")),
        ('data.inputs=["a,b"]', ("a,b",)),
        ("data.test_fraction=0.25", 0.25),
        ("data.path=x=y.csv", "x=y.csv"),
        ("seed=7", 7),
        ("training.epochs=3", 3),
        ("training.learning_rate=1e-4", 1e-4),
        ("training.schedule=linear", "linear"),
    ],
)
def test_overrides_take_the_type_of_their_key(text: str, value: object) -> None:
    changed = apply_overrides(CONFIG, [text], SECTIONS).model_dump()
    at = changed
    for part in text.partition("=")[0].split("."):
        at = at[part]
    assert at == value
    assert type(at) is type(value)
    assert CONFIG.data.path == "a.csv"


def test_sections_without_a_schema_take_json_or_text() -> None:
    changed = apply_overrides(CONFIG, ["model.hidden_size=64", "model.encoder=lstm", "model.a.b=true"])
    assert changed.model == {"hidden_size": 64, "encoder": "lstm", "a": {"b": True}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training.epoch=3", "unknown key 'training.epoch' (did you mean 'epochs'?)"),
        ("data.taget=x", "unknown key 'data.taget' (did you mean 'target'?)"),
        ("trainin.epochs=3", "unknown key 'trainin' (did you mean 'training'?)"),
        ("sed=3", "unknown key 'sed' (did you mean 'seed'?)"),
        ("data.zzz=3", "unknown key 'data.zzz'; known: path, validation"),
        ("training.epochs=many", "'many' does not fit: Input should be a valid integer"),
        ("training.epochs=0", "'0' does not fit: Input should be greater than or equal to 1"),
        ("training.learning_rate=NaN", "'NaN' does not fit: Input should be a finite number"),
        ("training.schedule=cosin", "'cosin' does not fit: Input should be 'cosine'"),
        ("data.test_fraction=1.5", "'1.5' does not fit: Input should be less than 1"),
        ("data=3", "this is a section"),
        ("data.path.deep=3", "'data.path' is a single value"),
        ("version=2", "'2' does not fit"),
        ("epochs", "expected key=value"),
        ("=3", "expected key=value"),
    ],
)
def test_a_wrong_override_is_one_line_that_names_key_and_way_out(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        apply_overrides(CONFIG, [text], SECTIONS)
    assert message in str(caught.value)
    assert str(caught.value).startswith("--set ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "values", "message"),
    [
        (TrainSettings, {"epoch": 3}, "run.json: unknown key 'epoch' (did you mean 'epochs'?)"),
        (
            RunConfig,
            {"task": "a", "data": {"path": "x", "taget": "y"}},
            "unknown key 'data.taget' (did you mean 'target'?)",
        ),
        (RunConfig, {"task": "a"}, "key 'data' is missing"),
        (RunConfig, {"task": "a", "data": {"path": "x"}, "version": 2}, "'version': Input should be 1, got '2'"),
        (RunConfig, {"task": "a", "data": 3}, "'data'"),
        (TrainSettings, {"clip_norm": -1, "epoch": 3}, "unknown key 'epoch'"),
        (Outer, {"inner": {"sise": 1}}, "unknown key 'inner.sise' (did you mean 'size'?)"),
    ],
)
def test_validate_names_the_first_wrong_key(schema: type[BaseModel], values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(schema, values, "run.json")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_schema_is_closed_frozen_and_described() -> None:
    for schema in (DataConfig, RunConfig, TrainSettings):
        assert schema.model_config["extra"] == "forbid"
        assert schema.model_config["frozen"] is True
        assert all(field.description for name, field in schema.model_fields.items() if name != "data")


def test_a_config_survives_json() -> None:
    config = RunConfig(task="forecast", seed=3, data=DataConfig(path=Path("b"), inputs=("x",)), training={"epochs": 2})
    assert validate(RunConfig, json.loads(config.model_dump_json())) == config
    assert config.data.path == "b"


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not valid JSON"),
        (b"{", ":1: not valid JSON"),
        (b"[1]", "expected a JSON object, got list"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b" " * (2**20 + 1), "expected at most 1048576 bytes, got 1048577"),
    ],
)
def test_a_config_file_that_is_none(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "my.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_config_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing"):
        read_config(tmp_path / "none.json")
