"""Modules with unroll's layers as ONNX files, checked in onnxruntime as they are written."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.engine import AUTO
from unroll.errors import DISTRIBUTION, ConfigError, MissingExtraError
from unroll.interop.cells import OpenGRUCell, OpenLSTMCell, OpenRNNCell
from unroll.interop.onnx.check import Checked, Sample, check, redrawn
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
    need("onnx", "onnxscript", "onnxruntime")
    args, kwargs = _called(example)
    shapes: Any = {name: _open_axes(value) for name, value in kwargs.items()} if kwargs else _open_axes(args)
    with capture(module, args, kwargs, shapes) as captured:
        done = captured.translated(output_names, None, {})
        return write(done, redrawn(captured.program, args, kwargs), path, metadata or {}, tolerance)


class Translated(NamedTuple):
    """A file that is not written yet.

    Attributes:
        module: what it came from.
        proto: the model.
        nodes: how many recurrent nodes it has.
    """

    module: nn.Module
    proto: Any
    nodes: int


class Captured(NamedTuple):
    """A module as torch.export sees it.

    Attributes:
        module: the module.
        program: its program, without anything that ONNX has no word for.
    """

    module: nn.Module
    program: Any

    def placeholders(self) -> list[Tensor]:
        """A stand-in for each input, in order: its shape holds the axes that stayed open as symbols."""
        held = {node.name: node.meta["val"] for node in self.program.graph.nodes if node.op == "placeholder"}
        return [held[name] for name in self.program.graph_signature.user_inputs if isinstance(held.get(name), Tensor)]

    def translated(
        self, output_names: list[str] | None, input_names: list[str] | None, axes: Mapping[str, str]
    ) -> Translated:
        """The program as a model of ONNX.

        Args:
            output_names: of the outputs; None for output, output_1 and so on.
            input_names: of the inputs; None for those of the module.
            axes: what the axes are called, by torch.export's names of them.

        Raises:
            ConfigError: torch.onnx cannot translate the program.
        """
        with torch.no_grad(), _quiet():
            try:
                done = torch.onnx.export(
                    self.program,
                    dynamo=True,
                    custom_translation_table=onnx_translations(),
                    input_names=input_names,
                    output_names=output_names or _output_names(self.program),
                    optimize=True,
                    verbose=False,
                )
            except Exception as error:
                text = _first_line(error)
                raise ConfigError(f"export_onnx: torch.onnx cannot translate the module: {text}") from error
        if done is None:
            raise ConfigError("export_onnx: torch.onnx gave no program")
        nodes = tidy(done.model)
        proto = done.model_proto
        for value in (*proto.graph.input, *proto.graph.output):
            for axis in value.type.tensor_type.shape.dim:
                # torch.onnx writes a size that torch.export found out as if it were a name.
                if axis.dim_param.isdecimal():
                    axis.dim_value = int(axis.dim_param)
                elif axis.dim_param:
                    axis.dim_param = re.sub(r"\w+", lambda found: axes.get(found[0], found[0]), axis.dim_param)
        return Translated(self.module, proto, nodes)


@contextmanager
def capture(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], shapes: Any) -> Iterator[Captured]:
    """A module captured in evaluation mode, and kept in it meanwhile.

    Which engine its layers are to run on is set aside while it is captured: a file has none.

    Args:
        module: the module.
        args: what it is called with.
        kwargs: likewise.
        shapes: torch.export's description of the axes that may be open.

    Raises:
        ConfigError: ONNX cannot express a layer, the weights are too large, or torch.export cannot follow the module.
    """
    layers = list(module.named_modules())
    for name, layer in layers:
        against = _layer_objection(layer)
        if against is not None:
            raise ConfigError(f"export_onnx: '{name or type(module).__name__}' cannot be exported: {against}")
    size = sum(value.numel() * value.element_size() for value in [*module.parameters(), *module.buffers()])
    if size > MOST_BYTES:
        raise ConfigError(f"export_onnx: the weights take {size} bytes, and an ONNX file ends at {MOST_BYTES}")
    training = [(layer, layer.training) for _, layer in layers]
    engines = [(layer, layer.engine) for _, layer in layers if isinstance(getattr(layer, "engine", None), str)]
    module.eval()
    try:
        try:
            for layer, _ in engines:
                layer.engine = AUTO
            program = _exported(module, args, kwargs, shapes)
        finally:
            for layer, engine in engines:
                layer.engine = engine
        yield Captured(module, program)
    finally:
        for layer, mode in training:
            layer.training = mode


def write(
    done: Translated,
    samples: Iterable[Sample],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str],
    tolerance: float,
) -> OnnxExport:
    """Run a file on inputs beside the module that it came from, and write it.

    Raises:
        ConfigError: onnxruntime cannot run it, or the results differ.
    """
    checked = check(done.module, done.proto, samples)
    if not checked.difference <= tolerance:
        raise ConfigError(
            f"export_onnx: in onnxruntime the results differ by {checked.difference:.1e}, more than {tolerance:.0e} "
            f"({checked.where}); nothing was written"
        )
    facts = {
        "unroll.version": _version(),
        "unroll.largest_difference": f"{checked.difference:.3e}",
        "unroll.checked_inputs": str(checked.runs),
        **metadata,
    }
    for key, value in facts.items():
        done.proto.metadata_props.add(key=key, value=value)
    _write(Path(path), done.proto.SerializeToString())
    graph = done.proto.graph
    return OnnxExport(Path(path), _shapes(graph.input), _shapes(graph.output), done.nodes, checked)


def _version() -> str:
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def need(*names: str) -> None:
    """Say which of these packages is not installed.

    Raises:
        MissingExtraError: one of them.
    """
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
    return _cell_objection(layer.cell) if isinstance(layer, Recurrent) else None


def _cell_objection(cell: Cell) -> str | None:
    if isinstance(cell, OpenRNNCell | OpenLSTMCell | OpenGRUCell):
        return f"its activations or its clip, of {cell}, came from another library, and unroll only runs them"
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


def _exported(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], shapes: Any) -> Any:
    """The program that torch.export captures, without anything that ONNX has no word for."""
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


def _output_names(program: Any) -> list[str]:
    count = len(program.graph_signature.user_outputs)
    return [f"output_{index}" if index else "output" for index in range(count)]


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch.onnx, and what it stands on, say about their steps and about what is not installed."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
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
