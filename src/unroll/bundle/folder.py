"""A run as one folder: every file whole, listed with its checksum, and verified before it is believed."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from unroll.bundle.card import model_card
from unroll.bundle.config import CONFIG_LIMIT, RunConfig, validate
from unroll.bundle.files import (
    JSON_LIMIT,
    check_header,
    decode_json,
    decode_tensors,
    encode_json,
    encode_tensors,
    load_state,
    make_folder,
    read_bounded,
    write_atomic,
)
from unroll.bundle.provenance import environment
from unroll.errors import BundleError, ConfigError

_CONFIG = "config.json"
_MANIFEST = "manifest.json"
_WEIGHTS = "model.safetensors"
#: What training leaves beside the listed files.
_TRAINING = ("checkpoints", "tensorboard", "log.jsonl")


class RunFolder:
    """One run: config, weights, tokenizer, metrics, report and what they depend on. Made by `create` or `open`.

    Attributes:
        path: the folder.
        config: the run's config.
    """

    def __init__(self, path: Path, config: RunConfig, manifest: dict[str, dict[str, Any]]) -> None:
        self.path = path
        self.config = config
        self._manifest = manifest

    @classmethod
    def create(cls, path: Path | str, config: RunConfig, *, force: bool = False) -> RunFolder:
        """Make the folder of a new run and write its config.

        Args:
            path: where; may exist if it is empty.
            config: the run's config, columns filled in.
            force: replace the run that is there. Only files that unroll wrote are removed.

        Raises:
            BundleError: the folder is not empty and `force` is not set, or it is not a run folder.
        """
        path = Path(path)
        if path.exists() and not path.is_dir():
            raise BundleError(f"{path}: expected a folder, this is a file; choose another --out")
        if path.is_dir() and any(path.iterdir()):
            if not (path / _MANIFEST).is_file():
                raise BundleError(f"{path}: the folder is not empty and is not a run folder; choose another --out")
            if not force:
                raise BundleError(
                    f"{path}: a run is there already; continue it with --resume {path}, replace it with --force,"
                    " or choose another --out"
                )
            _clear(path)
        make_folder(path)
        folder = cls(path, config, {})
        folder._write_manifest()
        folder.write_json(_CONFIG, config.model_dump())
        return folder

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """Open the folder of a run, finished or not.

        Raises:
            BundleError: it is not a run folder, or its manifest or config is damaged.
            ConfigError: the config has an unknown key or a wrong value.
        """
        path = Path(path)
        if not path.is_dir():
            raise BundleError(f"{path}: expected the folder of a run, which `unroll train` makes; there is none")
        if not (path / _MANIFEST).is_file():
            raise BundleError(f"{path}: this is not a run folder: it has no {_MANIFEST}")
        manifest = _read_manifest(path / _MANIFEST)
        # A config may be read, and edited, by people: its errors are those of the schema, not of a checksum.
        values = decode_json(read_bounded(path / _CONFIG, CONFIG_LIMIT), path / _CONFIG)
        if not isinstance(values, dict):
            raise ConfigError(f"{path / _CONFIG}: expected a JSON object, got {type(values).__name__}")
        return cls(path, validate(RunConfig, values, str(path / _CONFIG)), manifest)

    @property
    def report(self) -> Path:
        """Where the report stands."""
        return self.path / "report.html"

    @property
    def metrics(self) -> Path:
        """Where the metrics stand."""
        return self.path / "metrics.json"

    @property
    def tokenizer(self) -> Path:
        """Where the tokenizer stands, if the task has one."""
        return self.path / "tokenizer.json"

    @property
    def weights(self) -> Path:
        """Where the trained weights stand."""
        return self.path / _WEIGHTS

    def has(self, name: str) -> bool:
        """Whether this file was written completely."""
        return name in self._manifest and (self.path / name).is_file()

    def write_json(self, name: str, value: object) -> None:
        """Write a value as JSON. NaN and infinities become null."""
        self.write_bytes(name, encode_json(value))

    def write_text(self, name: str, text: str) -> None:
        """Write a text as UTF-8."""
        self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, content: bytes) -> None:
        """Replace a file of the folder, wholly or not at all, and list its checksum. `name` is without folders."""
        if Path(name).name != name:
            raise ValueError(f"expected the name of a file in the run folder, got {name!r}")
        # Unlisted first: a crash then leaves "not completely written", not a checksum that looks like damage.
        if self._manifest.pop(name, None) is not None:
            self._write_manifest()
        write_atomic(self.path / name, content)
        self._manifest[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        self._write_manifest()

    def read_json(self, name: str, limit: int = JSON_LIMIT) -> Any:
        """Read a JSON file of at most `limit` bytes.

        Raises:
            BundleError: it is missing, was not completely written, is too large, is damaged or is not JSON.
        """
        return decode_json(self.read_bytes(name, limit), self.path / name)

    def read_text(self, name: str, limit: int = JSON_LIMIT) -> str:
        """Read a UTF-8 file of at most `limit` bytes; raises as `read_json` does."""
        try:
            return self.read_bytes(name, limit).decode()
        except UnicodeDecodeError:
            raise BundleError(f"{self.path / name}: not UTF-8; the file is damaged") from None

    def read_bytes(self, name: str, limit: int = JSON_LIMIT) -> bytes:
        """Read a file of at most `limit` bytes; raises as `read_json` does."""
        path = self.path / name
        entry = self._manifest.get(name)
        if path.is_file() and entry is None:
            raise BundleError(f"{path}: not listed in {_MANIFEST}: it was not completely written, or is not unroll's")
        if path.is_file() and entry is not None and path.stat().st_size != entry["bytes"]:
            size = path.stat().st_size
            raise BundleError(f"{path}: expected {entry['bytes']} bytes, got {size}; the file is truncated or altered")
        content = read_bounded(path, limit)
        if entry is None or hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise BundleError(f"{path}: its checksum differs from {_MANIFEST}; the file is damaged or altered")
        return content

    def save_weights(self, model: nn.Module) -> None:
        """Write the model's state as safetensors."""
        self.write_bytes(_WEIGHTS, encode_tensors(model.state_dict()))

    def load_weights(self, model: nn.Module) -> None:
        """Copy the saved weights into a model of the same shape.

        Raises:
            BundleError: the file is missing, a pickle, truncated, altered, or of another model.
        """
        load_state(model, self.read_weights(), self.weights)

    def read_weights(self) -> dict[str, Tensor]:
        """The saved weights by their names.

        Raises:
            BundleError: the file is missing, a pickle, truncated or altered.
        """
        path = self.weights
        if path.is_file():
            with open(path, "rb") as file:
                check_header(file.read(9), path.stat().st_size, path)
        content = self.read_bytes(_WEIGHTS, self._manifest.get(_WEIGHTS, {}).get("bytes", 0))
        return decode_tensors(content, path)

    def record_environment(self, data: Sequence[Mapping[str, Any]]) -> None:
        """Write environment.json: versions, CPU, threads, and the fingerprint of the data."""
        self.write_json("environment.json", {**environment(), "data": data})

    def copy_to(self, path: Path | str, *, force: bool = False) -> RunFolder:
        """Copy the run, every file verified, without what training leaves beside it.

        Args:
            path: the new folder; may exist if it is empty.
            force: replace the run that is there.

        Raises:
            BundleError: a file is damaged, or the folder is not empty and `force` is not set.
        """
        if Path(path).resolve() == self.path.resolve():
            return self
        copy = RunFolder.create(path, self.config, force=force)
        for name, content in self._contents():
            copy.write_bytes(name, content)
        return copy

    def packed(self) -> dict[str, bytes]:
        """Every file by its name, verified, without what training leaves beside them.

        Raises:
            BundleError: a file is missing or damaged.
        """
        return dict(self._contents())

    @classmethod
    def unpacked(cls, path: Path, files: Mapping[str, bytes]) -> RunFolder:
        """Make the folder of a run from what `packed` gave.

        Raises:
            BundleError: the folder is not empty, or there is no config among the files.
            ConfigError: the config has an unknown key or a wrong value.
        """
        values = decode_json(files.get(_CONFIG, b""), path / _CONFIG)
        folder = cls.create(path, validate(RunConfig, values, _CONFIG))
        for name, content in files.items():
            folder.write_bytes(name, content)
        return folder

    def _contents(self) -> Iterator[tuple[str, bytes]]:
        for name, entry in self._manifest.items():
            yield name, self.read_bytes(name, entry["bytes"])

    def write_card(self, notes: Sequence[str] = ()) -> None:
        """Write README.md, the model card, from the config, metrics.json and environment.json as far as they exist.

        Args:
            notes: what was decided on the way, one sentence each.
        """
        metrics = self.read_json("metrics.json") if self.has("metrics.json") else {}
        about = self.read_json("environment.json") if self.has("environment.json") else {}
        self.write_text("README.md", model_card(self.config, metrics, about, notes))

    def _write_manifest(self) -> None:
        write_atomic(self.path / _MANIFEST, encode_json({"version": 1, "files": dict(sorted(self._manifest.items()))}))


def _read_manifest(path: Path) -> dict[str, dict[str, Any]]:
    value = decode_json(read_bounded(path, CONFIG_LIMIT), path)
    if not isinstance(value, dict) or value.get("version") != 1 or not isinstance(value.get("files"), dict):
        raise BundleError(f"{path}: expected a manifest of version 1; the file is damaged or of a newer unroll")
    for name, entry in value["files"].items():
        good = isinstance(entry, dict) and isinstance(entry.get("bytes"), int) and isinstance(entry.get("sha256"), str)
        if not good or Path(name).name != name or name in (".", ".."):
            raise BundleError(f"{path}: the entry of '{name}' is damaged")
    return dict(value["files"])


def _clear(path: Path) -> None:
    listed = _read_manifest(path / _MANIFEST)
    for name in (*_TRAINING, *listed):
        target = path / name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        elif os.path.lexists(target):
            target.unlink()
    (path / _MANIFEST).unlink()
