"""Who takes part: this project, torch, onnxruntime, OpenVINO and JAX, each as a function to call again and again.

Shapes: T time, B batch, I input size, H hidden size.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.bench.cases import TORCH_LAYERS, Problem
from unroll.layers import GRU, LSTM, RNN

OWN = "unroll"
_OWN_LAYERS = {"lstm": LSTM, "gru": GRU, "rnn": RNN}


@dataclass
class Contender:
    """One library on one problem.

    Attributes:
        name: of the library.
        call: does the work once, results ready at its return.
        results: y (T, B, H); in training also dx (T, B, I) and the gradient of the recurrent weights (G*H, H).
    """

    name: str
    call: Callable[[], Any]
    results: Callable[[], tuple[Tensor, ...]]


def _torch_like(name: str, layer: torch.nn.Module, problem: Problem, training: bool) -> Contender:
    layer.load_state_dict(problem.params)
    x, dy = problem.x.clone(), problem.dy
    weights = list(layer.parameters())
    if not training:
        layer.eval()

        def forward() -> Tensor:
            with torch.no_grad():
                y: Tensor = layer(x)[0]
                return y

        return Contender(name, forward, lambda: (forward(),))
    x.requires_grad_()

    def step() -> tuple[Tensor, ...]:
        y = layer(x)[0]
        return (y, *torch.autograd.grad(y, [x, *weights], dy))

    def results() -> tuple[Tensor, ...]:
        y, dx, _, dw, *_ = step()
        return y.detach(), dx, dw

    return Contender(name, step, results)


def own(problem: Problem, training: bool) -> Contender:
    """This project; its native engine is forced, so that no other can stand in for it."""
    case = problem.case
    layer = _OWN_LAYERS[case.cell](case.input_size, case.hidden_size, engine="native")
    return _torch_like(OWN, layer, problem, training)


def _torch(problem: Problem, training: bool) -> Contender:
    case = problem.case
    return _torch_like("torch", TORCH_LAYERS[case.cell](case.input_size, case.hidden_size), problem, training)


#: Where ONNX puts torch's gates: LSTM i o f c from i f g o, GRU z r h from r z n.
_ONNX_ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}


def onnx_model(problem: Problem) -> bytes:
    """The layer as one ONNX node, (T, B, I) to (T, 1, B, H)."""
    from onnx import TensorProto, helper, numpy_helper

    case = problem.case

    def rows(name: str) -> np.ndarray[Any, Any]:
        parts = problem.params[name].chunk(len(_ONNX_ORDER[case.cell]))
        return torch.cat([parts[gate] for gate in _ONNX_ORDER[case.cell]]).numpy()[None]

    constants = {
        "W": rows("weight_ih_l0"),
        "R": rows("weight_hh_l0"),
        "bias": np.concatenate([rows("bias_ih_l0"), rows("bias_hh_l0")], axis=1),
    }
    extra: dict[str, Any] = {"linear_before_reset": 1} if case.cell == "gru" else {}
    node = helper.make_node(
        case.cell.upper(), ["x", "W", "R", "bias"], ["y"], hidden_size=case.hidden_size, direction="forward", **extra
    )
    shapes = {"x": [case.steps, case.batch, case.input_size], "y": [case.steps, 1, case.batch, case.hidden_size]}
    graph = helper.make_graph(
        [node],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shapes["x"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shapes["y"])],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    serialised: bytes = model.SerializeToString()
    return serialised


def _onnxruntime(problem: Problem, training: bool) -> Contender | None:
    if training:
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx_model(problem), options, providers=["CPUExecutionProvider"])
    x = problem.x.numpy()

    def call() -> Any:
        return session.run(None, {"x": x})[0]

    return Contender("onnxruntime", call, lambda: (torch.from_numpy(call())[:, 0],))


def _openvino(problem: Problem, training: bool) -> Contender | None:
    if training:
        return None
    import openvino

    core = openvino.Core()
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    # The precision that everyone else computes in; on some machines bfloat16 would be chosen otherwise.
    settings["INFERENCE_PRECISION_HINT"] = "f32"
    request = core.compile_model(core.read_model(onnx_model(problem)), "CPU", settings).create_infer_request()
    x = openvino.Tensor(problem.x.numpy(), shared_memory=True)
    request.set_input_tensor(x)

    def results() -> tuple[Tensor, ...]:
        request.infer()
        return (torch.from_numpy(request.get_output_tensor(0).data.copy())[:, 0],)

    return Contender("openvino", request.infer, results)


def _jax(problem: Problem, training: bool) -> Contender | None:
    import jax
    from jax import numpy as jnp

    case = problem.case
    w_ih, w_hh, b_ih, b_hh = (
        jnp.asarray(problem.params[f"{name}_l0"].numpy()) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    x, dy = jnp.asarray(problem.x.numpy()), jnp.asarray(problem.dy.numpy())
    zeros = jnp.zeros((case.batch, case.hidden_size), jnp.float32)

    def layer(x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
        projected = x @ w_ih.T + b_ih

        def lstm(carry: Any, x_t: Any) -> Any:
            h, c = carry
            i, f, g, o = jnp.split(x_t + h @ w_hh.T + b_hh, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        def gru(h: Any, x_t: Any) -> Any:
            x_r, x_z, x_n = jnp.split(x_t, 3, axis=1)
            h_r, h_z, h_n = jnp.split(h @ w_hh.T + b_hh, 3, axis=1)
            z = jax.nn.sigmoid(x_z + h_z)
            n = jnp.tanh(x_n + jax.nn.sigmoid(x_r + h_r) * h_n)
            h = n + z * (h - n)
            return h, h

        def rnn(h: Any, x_t: Any) -> Any:
            h = jnp.tanh(x_t + h @ w_hh.T + b_hh)
            return h, h

        step = {"lstm": lstm, "gru": gru, "rnn": rnn}[case.cell]
        return jax.lax.scan(step, (zeros, zeros) if case.cell == "lstm" else zeros, projected)[1]

    arguments = (x, w_ih, w_hh, b_ih, b_hh)
    if not training:
        forward = jax.jit(layer)
        return Contender(
            "jax",
            lambda: forward(*arguments).block_until_ready(),
            lambda: (torch.from_numpy(np.array(forward(*arguments))),),
        )

    def both(*given: Any) -> Any:
        y, pull = jax.vjp(layer, *given)
        return y, pull(dy)

    step = jax.jit(both)

    def results() -> tuple[Tensor, ...]:
        y, grads = step(*arguments)
        return tuple(torch.from_numpy(np.array(value)) for value in (y, grads[0], grads[2]))

    return Contender("jax", lambda: _ready(step(*arguments)), results)


def _ready(values: Any) -> Any:
    import jax

    return jax.block_until_ready(values)  # type: ignore[no-untyped-call]


#: By name, and the module that must be installed. torch always is.
PEERS: dict[str, tuple[str, Callable[[Problem, bool], Contender | None]]] = {
    "torch": ("torch", _torch),
    "onnxruntime": ("onnxruntime", _onnxruntime),
    "openvino": ("openvino", _openvino),
    "jax": ("jax", _jax),
}


def installed() -> list[str]:
    """The peers that can take part here; onnxruntime and OpenVINO also need onnx to be told the model."""
    found = []
    for name, (module, _) in PEERS.items():
        needs = [module, "onnx"] if name in ("onnxruntime", "openvino") else [module]
        if all(importlib.util.find_spec(one) is not None for one in needs):
            found.append(name)
    return found
