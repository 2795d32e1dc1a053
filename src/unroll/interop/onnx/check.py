"""An exported file against the module it came from: onnxruntime on inputs of several shapes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree

from unroll.errors import ConfigError

#: How often the shapes are drawn anew.
RUNS = 20
_LARGEST = 24


class Checked(NamedTuple):
    """The comparison.

    Attributes:
        difference: the largest absolute difference of any output.
        runs: on how many inputs.
        where: the shapes of the input with the largest difference.
    """

    difference: float
    runs: int
    where: str


class Sample(NamedTuple):
    """One input of both.

    Attributes:
        args: of the module.
        kwargs: likewise.
        feed: of the file, by name.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    feed: Mapping[str, np.ndarray]


def check(module: nn.Module, proto: Any, samples: Iterable[Sample]) -> Checked:
    """Run both on inputs.

    Raises:
        ConfigError: onnxruntime cannot run the file at all.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Threads that wait for one another cost more than such small runs.
    options.intra_op_num_threads = 1
    run_options = onnxruntime.RunOptions()
    run_options.log_severity_level = 4
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    fed = {value.name for value in session.get_inputs()}
    worst, where, runs = 0.0, "all the same", 0
    for sample in samples:
        runs += 1
        with torch.no_grad():
            expected = module(*sample.args, **sample.kwargs)
        shapes = ", ".join(f"{name} {value.shape}" for name, value in sample.feed.items())
        try:
            given = session.run(None, {name: sample.feed[name] for name in sample.feed if name in fed}, run_options)
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"export_onnx: onnxruntime cannot run the file on {shapes}: {reason}") from error
        expected = [one for one in _pytree.tree_leaves(expected) if isinstance(one, Tensor)]
        for ours, theirs in zip(expected, given, strict=True):
            found = _difference(ours.numpy(), theirs)
            if not found <= worst:
                worst, where = found, shapes
    return Checked(worst, runs, where)


def _difference(ours: Any, theirs: Any) -> float:
    if ours.shape != theirs.shape:
        return float("inf")
    if ours.size == 0:
        return 0.0
    return float(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max())


def redrawn(program: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Sample]:
    """Inputs of an example's kinds with every open axis drawn anew.

    Numbers are drawn from a normal distribution, integers from those of the example; an input named "lengths" gets
    lengths that fit.
    """
    leaves, form = _pytree.tree_flatten((args, kwargs))
    tensors = [index for index, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
    placeholders = {node.name: node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"}
    names = [name for name in program.graph_signature.user_inputs if isinstance(placeholders.get(name), Tensor)]
    draw = torch.Generator().manual_seed(0)
    for _ in range(RUNS):
        sizes: dict[str, int] = {}
        shapes = [_drawn_shape(placeholders[name].shape, program, sizes, draw) for name in names]
        feed = {}
        for index, name, shape in zip(tensors, names, shapes, strict=True):
            leaves[index] = _drawn(leaves[index], name, shape, shapes, draw)
            feed[name] = leaves[index].numpy()
        again_args, again_kwargs = _pytree.tree_unflatten(leaves, form)
        yield Sample(again_args, again_kwargs, feed)


def _drawn_shape(shape: Any, program: Any, sizes: dict[str, int], draw: torch.Generator) -> tuple[int, ...]:
    """A shape with every open axis drawn within what the program allows; the same axis gets the same size."""
    found = []
    for size in shape:
        if isinstance(size, int) or size.node.expr.is_number:
            found.append(int(size))
            continue
        name = str(size)
        if name not in sizes:
            bounds = program.range_constraints.get(size.node.expr)
            low = 1 if bounds is None else max(int(bounds.lower), 1)
            high = _LARGEST if bounds is None else min(int(min(bounds.upper, 10**9)), low + _LARGEST)
            sizes[name] = int(torch.randint(low, high + 1, (), generator=draw))
        found.append(sizes[name])
    return tuple(found)


def _drawn(
    like: Tensor, name: str, shape: tuple[int, ...], shapes: list[tuple[int, ...]], draw: torch.Generator
) -> Tensor:
    """A tensor of the example's kind and of another shape."""
    if like.is_floating_point():
        return torch.randn(shape, generator=draw, dtype=torch.float64).to(like.dtype)
    if "lengths" in name:
        # Of a batch (B, T, ...) or (T, B, ...) the steps are the first axis that is not the rows.
        axes = [size for other in shapes if len(other) > 1 for size in other[:2] if (size,) != shape]
        longest = axes[0] if axes else shape[0] if shape else 1
        return torch.randint(1, longest + 1, shape, generator=draw).to(like.dtype)
    values = like.reshape(-1)
    return values[torch.randint(0, len(values), shape, generator=draw)]
