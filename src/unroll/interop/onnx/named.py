"""A network as an ONNX file whose inputs, outputs and axes have names.

Shapes: an axis of a name is of any size, one of a number has that size.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.interop.onnx.check import RUNS, Sample
from unroll.interop.onnx.export import TOLERANCE, Captured, OnnxExport, capture, need, write

#: How much larger than its least size an axis is drawn at most.
_LARGEST = 24


class Fed(Protocol):
    """What may be fed to an input."""

    @property
    def axes(self) -> tuple[int | str, ...]:
        """Its shape."""

    def draw(self, sizes: Mapping[str, int], generator: torch.Generator) -> Tensor:
        """A tensor of that shape at random."""


class _Listed(nn.Module):
    """A module called with a list: torch.export describes no `*given` tensors."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, values: list[Tensor]) -> Any:
        return self.module(*values)


def export_named(
    module: nn.Module,
    inputs: Mapping[str, Fed],
    path: str | os.PathLike[str],
    *,
    outputs: Sequence[str],
    least: Mapping[str, int] | None = None,
    metadata: Mapping[str, str] | None = None,
    tolerance: float = TOLERANCE,
) -> OnnxExport:
    """Write a module as an ONNX file whose inputs, outputs and axes have names, and run it at once in onnxruntime.

    Args:
        module: takes its inputs in order.
        inputs: what may be fed to each, by name; the file is run on draws of it, first with every axis at its least.
        path: where the file goes.
        outputs: names of what the module gives, in order.
        least: the smallest size of an axis by its name, where that is not 1.
        metadata: text that goes into the file.
        tolerance: largest difference that is not an error.

    Raises:
        MissingExtraError: onnx, onnxscript or onnxruntime is not installed.
        ConfigError: ONNX cannot express a layer, an axis cannot stay open, or the file's results differ.
    """
    need("onnx", "onnxscript", "onnxruntime")
    smallest = {
        axis: (least or {}).get(axis, 1) for fed in inputs.values() for axis in fed.axes if isinstance(axis, str)
    }
    # Sizes that no two axes share, and none of them 1: torch.export takes what is equal, or 1, for what must be so.
    example = {axis: size + 2 + 2 * index for index, (axis, size) in enumerate(smallest.items())}
    draw = torch.Generator().manual_seed(0)
    values = [fed.draw(example, draw) for fed in inputs.values()]
    dim = torch.export.Dim.AUTO
    shapes = [{at: dim for at, axis in enumerate(fed.axes) if isinstance(axis, str)} for fed in inputs.values()]
    with capture(_Listed(module), (), {"values": values}, {"values": shapes}) as captured:
        axes = _open_axes(captured, inputs)
        done = captured.translated(list(outputs), list(inputs), axes)
        return write(done, _samples(inputs, smallest, draw), path, metadata or {}, tolerance)


def _open_axes(captured: Captured, inputs: Mapping[str, Fed]) -> dict[str, str]:
    """torch.export's name of every open axis -> its own."""
    found: dict[str, str] = {}
    shapes = [value.shape for value in captured.placeholders()]
    for (name, fed), shape in zip(inputs.items(), shapes, strict=True):
        for axis, size in zip(fed.axes, shape, strict=True):
            if isinstance(axis, str) and (isinstance(size, int) or size.node.expr.is_number):
                raise ConfigError(f"export_onnx: the axis '{axis}' of '{name}' cannot stay open: it came out as {size}")
            if isinstance(axis, str):
                found.setdefault(str(size), axis)
    return found


def _samples(inputs: Mapping[str, Fed], smallest: Mapping[str, int], draw: torch.Generator) -> Iterator[Sample]:
    for run in range(RUNS):
        sizes = {
            axis: size + (int(torch.randint(0, _LARGEST + 1, (), generator=draw)) if run else 0)
            for axis, size in smallest.items()
        }
        values = {name: fed.draw(sizes, draw) for name, fed in inputs.items()}
        yield Sample((), {"values": list(values.values())}, {name: value.numpy() for name, value in values.items()})
