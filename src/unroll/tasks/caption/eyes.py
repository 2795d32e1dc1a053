"""From the bytes of a picture to what the network is fed: pixels, or a frozen network's cells, computed once.

Shapes: S cells, C features of a cell, H and W pixels.
"""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn

from unroll.data.images.pictures import as_array, open_picture
from unroll.errors import ConfigError, MissingExtraError
from unroll.models.efficientnet import FEATURES, EfficientNetLite0, cells_of, load_timm

#: The folder of what is computed once, if it is not the usual one.
CACHE = "UNROLL_CACHE"


class Eye(Protocol):
    """What looks at pictures before the network does.

    Attributes:
        size: pixels, H and W, to which every picture is stretched.
        shape: of what it gives for a picture.
        dtype: its type.
        backbone: the frozen network, or None.
        digest: SHA-256 of the frozen network's file, or None.
    """

    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> type[np.generic]: ...
    @property
    def backbone(self) -> EfficientNetLite0 | None: ...
    @property
    def digest(self) -> str | None: ...

    def look(self, content: bytes, path: Path | str) -> np.ndarray:
        """What the network is fed.

        Raises:
            DataError: it is no picture.
        """
        ...

    def plain(self, seen: np.ndarray) -> np.ndarray:
        """What was seen as a few numbers, by which pictures are compared."""
        ...


class PixelEye:
    """The pixels themselves, for a network that is trained on them. Satisfies `Eye`.

    Args:
        size: H and W.
    """

    dtype = np.uint8
    backbone = None
    digest = None

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.shape = (3, *size)

    def look(self, content: bytes, path: Path | str) -> np.ndarray:
        """(3, H, W) uint8."""
        return np.ascontiguousarray(as_array(open_picture(content, path), self.size).transpose(2, 0, 1))

    def plain(self, seen: np.ndarray) -> np.ndarray:
        """The pixels about their mean."""
        flat: np.ndarray = seen.astype(np.float32).reshape(-1)
        flat -= flat.mean()
        return flat


class BackboneEye:
    """The cells of a frozen network, kept on disk by the checksums of picture and weights. Satisfies `Eye`.

    Args:
        backbone: with its weights.
        digest: SHA-256 of their file.
        side: pixels of both sides.
        cache: the folder of what was computed; None: nothing is kept.
    """

    dtype = np.float16

    def __init__(self, backbone: EfficientNetLite0, digest: str, side: int, cache: Path | None) -> None:
        self.backbone = backbone.eval()
        self.digest = digest
        self.size = (side, side)
        rows, columns = cells_of(side, side)
        self.shape = (rows * columns, FEATURES)
        self._cache = None if cache is None else cache / "features" / f"{digest[:16]}-{side}"
        #: How many pictures were computed, not found.
        self.computed = 0

    @torch.no_grad()
    def look(self, content: bytes, path: Path | str) -> np.ndarray:
        """(S, C) float16."""
        kept = None if self._cache is None else self._cache / f"{hashlib.sha256(content).hexdigest()}.npy"
        if kept is not None and (found := self._read(kept)) is not None:
            return found
        pixels = as_array(open_picture(content, path), self.size).transpose(2, 0, 1)
        batch = torch.from_numpy(np.ascontiguousarray(pixels)).unsqueeze(0)
        cells: np.ndarray = self.backbone(batch.to(self.backbone.bn1.weight.device))[0].cpu().numpy().astype(np.float16)
        self.computed += 1
        if kept is not None:
            _write(kept, cells)
        return cells

    def _read(self, path: Path) -> np.ndarray | None:
        try:
            found = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        whole: np.ndarray | None = found if found.shape == self.shape and found.dtype == np.float16 else None
        return whole

    def plain(self, seen: np.ndarray) -> np.ndarray:
        """The mean over the cells."""
        mean: np.ndarray = seen.astype(np.float32).mean(axis=0)
        return mean


def _write(path: Path, cells: np.ndarray) -> None:
    """Keep what was computed; where the folder cannot be written to, it is computed again next time."""
    stream = io.BytesIO()
    np.save(stream, cells, allow_pickle=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        temporary.write_bytes(stream.getvalue())
        temporary.replace(path)
    except OSError:
        return


def cache_folder() -> Path:
    """Where what is computed once is kept: $UNROLL_CACHE, else the user's cache folder."""
    named = os.environ.get(CACHE)
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unroll"
    return Path(named) if named else usual


def read_backbone(path: Path) -> tuple[EfficientNetLite0, str]:
    """A frozen network with the weights of a file, and the file's SHA-256.

    Raises:
        ConfigError: the file is not there, is no safetensors, or holds another network.
    """
    where = f"model.backbone={path}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{where}: {error.strerror or error}; expected timm/tf_efficientnet_lite0.in1k as safetensors"
        ) from None
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load
    except ImportError as error:
        raise MissingExtraError("safetensors", "tasks", "reading weights") from error
    network = EfficientNetLite0()
    try:
        load_timm(network, load(content))
    except SafetensorError as error:
        raise ConfigError(f"{where}: not a safetensors file ({error})") from None
    except ValueError as error:
        raise ConfigError(f"{where}: not the weights of tf_efficientnet_lite0 by timm's names: {error}") from None
    freeze(network)
    return network, hashlib.sha256(content).hexdigest()


def freeze(network: nn.Module) -> None:
    """Leave the weights as they are."""
    for parameter in network.parameters():
        parameter.requires_grad_(False)
