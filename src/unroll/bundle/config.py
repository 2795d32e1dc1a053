"""The config of a run: a closed, versioned schema, and errors that name the key."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from unroll.bundle.files import decode_json, read_bounded
from unroll.errors import BundleError, ConfigError, nearest

#: Bytes of a config file that are read at most.
CONFIG_LIMIT = 2**20

Schema = TypeVar("Schema", bound=BaseModel)


def _path_text(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


#: A path, kept as the text that the user gave: it may also be the name of a built-in data set.
PathText = Annotated[str, BeforeValidator(_path_text)]


class DataConfig(BaseModel):
    """Where the data is, how it is read and split, and which columns mean what. None: guessed, and said aloud."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: PathText = Field(description="data file or folder, or the name of a built-in data set")
    validation: PathText | None = Field(default=None, description="a further file that holds the validation rows")
    test: PathText | None = Field(default=None, description="a further file that holds the test rows")
    format: str | None = Field(default=None, description="file format, if the name does not say it")
    encoding: str = Field(default="utf-8", description="text encoding of the files")
    delimiter: str | None = Field(default=None, description="column separator of CSV-like files")
    header: bool | None = Field(default=None, description="whether the first line names the columns")
    decimal: Literal[".", ","] | None = Field(default=None, description="decimal mark of numbers")
    day_first: bool | None = Field(default=None, description="whether 03/04/2020 is the third of April")
    missing: tuple[float, ...] = Field(
        default=(), description="numbers that stand for no value: -200, -9999; several with commas"
    )
    files: Literal["rows", "classes"] | None = Field(
        default=None,
        description="whether the files of a folder are classes, named by them, or rows of one table",
    )
    target: str | None = Field(default=None, description="column to predict")
    inputs: tuple[str, ...] = Field(default=(), description="columns to predict from; empty: chosen by the task")
    time: str | None = Field(default=None, description="column that holds the time of a row")
    zone: str | None = Field(
        default=None, description="whose calendar times are in: Europe/Berlin, +09:00; clock changes included"
    )
    series: str | None = Field(default=None, description="names the series of a row; or several: store,item")
    split_column: str | None = Field(default=None, description="column that says train, validation or test")
    validation_fraction: float = Field(
        default=0.1, ge=0, lt=1, allow_inf_nan=False, description="share of the rows held out"
    )
    test_fraction: float = Field(default=0.1, ge=0, lt=1, allow_inf_nan=False, description="share of the rows held out")
    columns: dict[str, str] = Field(
        default_factory=dict, description="what the columns held in training; they are read so again"
    )


class RunConfig(BaseModel):
    """All that makes a run. `model` is validated further by the task, `training` by `unroll.training`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = Field(default=1, description="version of this schema")
    task: str = Field(description="name of the task")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of everything random")
    data: DataConfig
    model: dict[str, Any] = Field(default_factory=dict, description="settings of the task's model")
    training: dict[str, Any] = Field(default_factory=dict, description="settings of the training loop")


def validate(schema: type[Schema], values: Mapping[str, Any], where: str = "") -> Schema:
    """Check values against a closed schema.

    Args:
        schema: a pydantic model.
        values: what to check.
        where: how messages begin: a file name, or the section that the values stand in ("training").

    Raises:
        ConfigError: one line with the dotted path of the first wrong key, and the nearest key if it is unknown.
    """
    try:
        return schema.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError(_describe(schema, error, where)) from None


def apply_overrides(
    config: RunConfig, overrides: Iterable[str], sections: Mapping[str, type[BaseModel]] | None = None
) -> RunConfig:
    """Return the config with `key=value` settings applied, values converted to the type of their key.

    A value is read as JSON if that fits the key ("3", "0.5", "true", "null"), else as text, else as a
    comma-separated list.

    Args:
        config: where to start from; it is not changed.
        overrides: texts such as "training.epochs=3" or "data.target=label".
        sections: schemas of the open sections "model" and "training"; without one its values are not checked here.

    Raises:
        ConfigError: the text is not key=value, the key is unknown (names the nearest), or the value does not fit it.
    """
    values = config.model_dump()
    for text in overrides:
        key, equals, raw = text.partition("=")
        key = key.strip()
        if not equals or not key:
            raise ConfigError(f"--set {text}: expected key=value, for example training.epochs=3")
        _set(values, key, raw, sections or {})
    return validate(RunConfig, values)


def with_values(values: Mapping[str, Any], given: Mapping[str, object], name: str = "the config") -> dict[str, Any]:
    """Return plain values of a config with those of dotted keys in their places.

    Args:
        values: of a config, or of a part of it; they are not changed.
        given: dotted key, such as "training.epochs" -> value.
        name: what the values are from, for the error.

    Raises:
        ConfigError: a key leads through a single value.
    """
    changed = dict(values)
    for key, value in given.items():
        *parents, last = key.split(".")
        section = changed
        for parent in parents:
            below = section.get(parent, {})
            if not isinstance(below, dict):
                raise ConfigError(f"{name}: '{parent}' must be a section, got {type(below).__name__}")
            section[parent] = dict(below)
            section = section[parent]
        section[last] = value
    return changed


def read_config(path: Path | str) -> dict[str, Any]:
    """Read a config file (JSON, at most 1 MiB) as a mapping that `validate` takes on.

    Raises:
        ConfigError: the file is missing, too large or not a JSON object.
    """
    try:
        value = decode_json(read_bounded(Path(path), CONFIG_LIMIT), Path(path))
    except BundleError as error:
        raise ConfigError(str(error)) from None
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value


def _set(values: dict[str, Any], key: str, raw: str, sections: Mapping[str, type[BaseModel]]) -> None:
    schema: type[BaseModel] | None = RunConfig
    at = values
    walked = ""
    *parents, last = key.split(".")
    for part in parents:
        walked = f"{walked}.{part}".lstrip(".")
        if schema is not None and part not in schema.model_fields:
            raise ConfigError(f"--set {key}: {_unknown(schema, walked)}")
        schema = sections.get(walked, None if schema is None else _section(schema, part))
        at = at.setdefault(part, {})
        if not isinstance(at, dict):
            raise ConfigError(f"--set {key}: '{walked}' is a single value, not a section")
    if schema is None:
        at[last] = _readings(raw)[0]
        return
    if last not in schema.model_fields:
        raise ConfigError(f"--set {key}: {_unknown(schema, key)}")
    if key in sections or isinstance(at.get(last), dict):
        raise ConfigError(f"--set {key}: this is a section; set one of its keys: {key}.KEY=VALUE")
    reasons = []
    for reading in _readings(raw):
        reason = _misfit(schema, at, last, reading)
        if not reason:
            at[last] = reading
            return
        reasons.append(reason)
    raise ConfigError(f"--set {key}: '{raw}' does not fit: {reasons[0]}")


def _readings(raw: str) -> list[Any]:
    """What a text on the command line can mean, the likeliest first."""
    with contextlib.suppress(ValueError, RecursionError):
        return [json.loads(raw), raw, raw.split(",")]
    return [raw, raw.split(",")]


def _misfit(schema: type[BaseModel], values: Mapping[str, Any], name: str, value: Any) -> str:
    """Why the value cannot stand under this key; empty if it can."""
    try:
        schema.model_validate({**values, name: value})
    except ValidationError as error:
        reasons = [item["msg"] for item in error.errors() if item["loc"][:1] == (name,)]
        return reasons[0] if reasons else ""
    return ""


def _section(schema: type[BaseModel], name: str) -> type[BaseModel] | None:
    annotation = schema.model_fields[name].annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _unknown(schema: type[BaseModel], dotted: str) -> str:
    name = dotted.rpartition(".")[2]
    near = nearest(name, schema.model_fields)
    known = "" if near else f"; known: {', '.join(schema.model_fields)}"
    return f"unknown key '{dotted}'{near}{known}"


def _describe(schema: type[BaseModel], error: ValidationError, where: str) -> str:
    first = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    *parents, name = (str(part) for part in first["loc"]) if first["loc"] else ("",)
    section: type[BaseModel] | None = schema
    for part in parents:
        section = _section(section, part) if section is not None and part in section.model_fields else None
    prefix = f"{where}: " if where else ""
    dotted = ".".join([*parents, name])
    if first["type"] == "extra_forbidden" and section is not None:
        return f"{prefix}{_unknown(section, dotted)}"
    if first["type"] == "missing":
        return f"{prefix}key '{dotted}' is missing"
    if not dotted:
        # Settings that do not go together: the text says what came.
        return f"{prefix}{first['msg'].removeprefix('Value error, ')}"
    return f"{prefix}'{dotted}': {first['msg']}, got {str(first['input'])[:80]!r}"
