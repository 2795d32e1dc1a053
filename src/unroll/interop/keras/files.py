"""`.keras` files: from Keras and for Keras.

A file that `model.save` writes names unroll's classes and loads wherever `unroll.keras` is imported. `save_model`
writes one that names Keras's own, for places where unroll is not installed.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import keras

from unroll.errors import BundleError
from unroll.interop.keras.swap import accelerate, every_layer, plain


def load_model(path: str | os.PathLike[str], **options: Any) -> Any:
    """Load a `.keras` file, whoever wrote it, with unroll's layers in place of Keras's.

    Args:
        path: the file.
        options: of keras.saving.load_model, such as `custom_objects`, `compile` and `safe_mode`.

    Raises:
        BundleError: the file is missing, damaged, or no model of Keras.
    """
    if not Path(path).is_file():
        raise BundleError(f"{path}: there is no such file; expected a model that was saved as .keras")
    if zipfile.is_zipfile(path):
        _check_archive(Path(path))
    elif Path(path).suffix == ".keras":
        raise BundleError(f"{path}: not a .keras file, which is a zip archive; it is damaged or of another kind")
    try:
        return accelerate(keras.saving.load_model(path, **options))
    except Exception as error:
        raise BundleError(f"{path}: Keras cannot load it: {' '.join(str(error).split())[:300]}") from error


def save_model(model: Any, path: str | os.PathLike[str], **options: Any) -> None:
    """Save a model as Keras's own, so that it loads where unroll is not installed.

    Args:
        model: a model of Keras.
        path: where to; ends in `.keras`.
        options: of `model.save`, such as `overwrite`.
    """
    swapped = [(layer, type(layer)) for layer in every_layer(model)]
    plain(model)
    try:
        model.save(path, **options)
    finally:
        for layer, kind in swapped:
            layer.__class__ = kind


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            if damaged is not None:
                raise BundleError(f"{path}: '{damaged}' inside it is damaged; copy or save the model again")
            json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError) as error:
        raise BundleError(f"{path}: not a whole .keras file ({error}); copy or save the model again") from error
