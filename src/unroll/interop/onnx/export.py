"""Modules with unroll's layers as ONNX files, checked in onnxruntime as they are written."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.errors import ConfigError, MissingExtraError
from unroll.interop.onnx.check import Checked, check
from unroll.interop.onnx.graph import tidy
from unroll.interop.onnx.translate import arguments, objection, onnx_translations, scan_operator
from unroll.layers import GridLSTM, Recurrent

#: A file of ONNX is one protobuf message, and those end at 2 GiB.
MOST_BYTES = 2**31 - 2**20
TOLERANCE = 1e-4


@dataclass(frozen=True)
class OnnxExport:
    """What was written.

    Attributes:
        path: the file.
        inputs: names and shapes of the inputs; a name in place of a size is an axis of any size.
        outputs: likewise.
        recurrent_nodes: how many RNN, GRU and LSTM nodes it has.
        checked: the comparison with the module in onnxruntime.
    """

    path: Path
    inputs: dict[str, tuple[int | str, ...]]
    outputs: dict[str, tuple[int | str, ...]]
    recurrent_nodes: int
    checked: Checked

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.recurrent_nodes} recurrent nodes; largest difference {self.checked.difference:.1e} in "
            f"onnxruntime over {self.checked.runs} inputs of different shapes"
        )


def export_onnx(
    module: nn.Module,
    example: Tensor | tuple[Any, ...] | Mapping[str, Any],
    path: str | os.PathLike[str],
    *,
    output_names: list[str] | None = None,
    metadata: Mapping[str, str] | None = None,
    tolerance: float = TOLERANCE,
) -> OnnxExport:
    """Write a module that holds unroll's layers as an ONNX file, and run it at once in onnxruntime.

    Each layer becomes one RNN, GRU or LSTM node, both directions in one; time is never unrolled. Every axis that the
    module leaves open (batch, time) stays open in the file, if it is larger than 1 in the example.

    Args:
        module: exported as it is in evaluation; its own mode is left alone.
        example: what the module is called with: one tensor, a tuple, or a mapping of argument names, which also name
            the inputs. States that are given become inputs, and the ones that come back are outputs.
        path: where the file goes.
        output_names: of the outputs, in order; None for output, output_1 and so on.
        metadata: text that goes into the file.
        tolerance: largest difference that is not an error.

    Raises:
        MissingExtraError: onnx, onnxscript or onnxruntime is not installed.
        ConfigError: ONNX cannot express a layer, torch.export cannot follow the module, or the file's results differ.

    Example:
        >>> import torch, unroll
        >>> done = unroll.export_onnx(
        ...     unroll.GRU(3, 5, batch_first=True),
        ...     {"x": torch.zeros(2, 7, 3), "lengths": torch.tensor([7, 4])},
        ...     "gru.onnx",
        ... )  # doctest: +SKIP
    """
    _need("onnx", "onnxscript", "onnxruntime")
    for name, layer in module.named_modules():
        against = _layer_objection(layer)
        if against is not None:
            raise ConfigError(f"export_onnx: '{name or type(module).__name__}' cannot be exported: {against}")
    size = sum(value.numel() * value.element_size() for value in [*module.parameters(), *module.buffers()])
    if size > MOST_BYTES:
        raise ConfigError(f"export_onnx: the weights take {size} bytes, and an ONNX file ends at {MOST_BYTES}")
    args, kwargs = _called(example)
    training = module.training
    module.eval()
    try:
        program = _exported(module, args, kwargs)
        proto, nodes = _translated(program, output_names)
        checked = check(module, program, proto, args, kwargs)
    finally:
        module.train(training)
    if not checked.difference <= tolerance:
        raise ConfigError(
            f"export_onnx: in onnxruntime the results differ by {checked.difference:.1e}, more than {tolerance:.0e} "
            f"({checked.where}); nothing was written"
        )
    facts = {
        "unroll.version": _version(),
        "unroll.largest_difference": f"{checked.difference:.3e}",
        "unroll.checked_inputs": str(checked.runs),
        **(metadata or {}),
    }
    for key, value in facts.items():
        proto.metadata_props.add(key=key, value=value)
    _write(Path(path), proto.SerializeToString())
    return OnnxExport(Path(path), _shapes(proto.graph.input), _shapes(proto.graph.output), nodes, checked)


def _version() -> str:
    try:
        return importlib.metadata.version("unroll")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _need(*names: str) -> None:
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError(name, "export", "export to ONNX")


def _called(example: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(example, Mapping):
        return (), dict(example)
    return (example if isinstance(example, tuple) else (example,)), {}


def _layer_objection(layer: nn.Module) -> str | None:
    """Why time would be unrolled in a layer, or None."""
    if isinstance(layer, GridLSTM):
        return "a Grid LSTM is no recurrent node of ONNX"
    engine = getattr(layer, "engine", "auto")
    if engine not in ("auto", "native"):
        return f"engine='{engine}' is forced on it; use engine='auto'"
    return _cell_objection(layer.cell) if isinstance(layer, Recurrent) else None


def _cell_objection(cell: Cell) -> str | None:
    if type(cell) not in (RNNCell, LSTMCell, GRUCell):
        return f"ONNX has RNN, GRU and LSTM, and not {type(cell).__name__}"
    return None


def _open_axes(value: Any) -> Any:
    """torch.export's description of an argument: every axis as open as the module leaves it."""
    if isinstance(value, Tensor):
        return dict.fromkeys(range(value.dim()), torch.export.Dim.AUTO)
    if isinstance(value, Mapping):
        return {name: _open_axes(one) for name, one in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_open_axes(one) for one in value))
    if isinstance(value, tuple | list):
        return type(value)(_open_axes(one) for one in value)
    return None


def _exported(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The program that torch.export captures, without anything that ONNX has no word for."""
    shapes: Any = {name: _open_axes(value) for name, value in kwargs.items()} if kwargs else _open_axes(args)
    with torch.no_grad(), _quiet():
        try:
            program = torch.export.export(module, args, kwargs, dynamic_shapes=shapes, strict=False)
        except Exception as error:
            raise ConfigError(f"export_onnx: torch.export cannot follow the module: {_first_line(error)}") from error
    for node in program.graph.nodes:
        if node.target is scan_operator():
            against = objection(arguments(node.args, node.kwargs))
            if against is not None:
                raise ConfigError(f"export_onnx: ONNX has no node for {against}")
    return program


def _translated(program: Any, output_names: list[str] | None) -> tuple[Any, int]:
    with torch.no_grad(), _quiet():
        try:
            done = torch.onnx.export(
                program,
                dynamo=True,
                custom_translation_table=onnx_translations(),
                output_names=output_names or _output_names(program),
                optimize=True,
                verbose=False,
            )
        except Exception as error:
            raise ConfigError(f"export_onnx: torch.onnx cannot translate the module: {_first_line(error)}") from error
    if done is None:
        raise ConfigError("export_onnx: torch.onnx gave no program")
    nodes = tidy(done.model)
    proto = done.model_proto
    for value in (*proto.graph.input, *proto.graph.output):
        for axis in value.type.tensor_type.shape.dim:
            # torch.onnx writes a size that torch.export found out as if it were a name.
            if axis.dim_param.isdecimal():
                axis.dim_value = int(axis.dim_param)
    return proto, nodes


def _output_names(program: Any) -> list[str]:
    count = len(program.graph_signature.user_outputs)
    return [f"output_{index}" if index else "output" for index in range(count)]


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch.onnx says about libraries that are not installed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _shapes(values: Any) -> dict[str, tuple[int | str, ...]]:
    return {
        value.name: tuple(axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim)
        for value in values
    }


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
