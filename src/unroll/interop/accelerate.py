"""torch.nn's recurrent layers in a model, replaced by unroll's."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

from unroll.errors import ConfigError
from unroll.interop.detect import is_keras
from unroll.layers import GRU, LSTM, RNN

Model = TypeVar("Model", bound=nn.Module)


def _skeleton(module: nn.Module) -> RNN | LSTM | GRU | None:
    """unroll's layer of the same form, with parameters that hold no memory; None for any other module.

    A class derived from torch.nn's is left alone: its own methods would be lost.
    """
    made: RNN | LSTM | GRU
    if type(module) is nn.LSTM:
        made = LSTM(
            module.input_size,
            module.hidden_size,
            module.num_layers,
            module.bias,
            module.batch_first,
            bidirectional=module.bidirectional,
            proj_size=module.proj_size,
            device="meta",
        )
    elif type(module) is nn.GRU:
        made = GRU(
            module.input_size,
            module.hidden_size,
            module.num_layers,
            module.bias,
            module.batch_first,
            bidirectional=module.bidirectional,
            device="meta",
        )
    elif type(module) is nn.RNN:
        made = RNN(
            module.input_size,
            module.hidden_size,
            module.num_layers,
            "tanh" if module.mode == "RNN_TANH" else "relu",
            module.bias,
            module.batch_first,
            bidirectional=module.bidirectional,
            device="meta",
        )
    else:
        return None
    # Not through the constructor, which would warn once more about dropout in a single layer.
    made.dropout = float(module.dropout)
    return made


def _replacement(module: nn.Module, name: str) -> RNN | LSTM | GRU | None:
    made = _skeleton(module)
    if made is None:
        return None
    own = dict(module.named_parameters(recurse=False))
    wanted = dict(made.named_parameters())
    if set(own) != set(wanted) or any(own[key].shape != wanted[key].shape for key in own):
        raise ConfigError(
            f"accelerate: '{name}' does not hold the parameters of a plain {type(module).__name__}"
            " (pruned, parametrised or quantised); remove that first"
        )
    if any(True for _ in module.children()) or _has_hooks(module):
        raise ConfigError(
            f"accelerate: '{name}' has submodules or hooks of its own, which would be lost; remove them first"
        )
    for key, parameter in own.items():
        # The parameter itself, not a copy: an optimiser that holds it, and layers that share it, go on as before.
        made.register_parameter(key, parameter)
    return made.train(module.training)


def _has_hooks(module: nn.Module) -> bool:
    stores = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks", "_state_dict_hooks")
    return any(bool(getattr(module, store, None)) for store in stores)


def accelerate(model: Model) -> Model:
    """Replace every torch.nn.RNN, LSTM and GRU inside a model by unroll's, in place and with the same parameters.

    A model of Keras gets unroll's loops in its own layers: see `unroll.interop.keras.swap`.

    Parameters are not copied, so an optimiser made before goes on; names in the state_dict stay, so checkpoints load
    both ways. A layer that stands at several places stays one layer. Classes derived from torch.nn's stay as they are.

    Example:
        >>> import torch
        >>> from unroll.interop import accelerate
        >>> model = torch.nn.ModuleDict({"encoder": torch.nn.LSTM(3, 5), "head": torch.nn.Linear(5, 2)})
        >>> type(accelerate(model)["encoder"]).__module__
        'unroll.layers.dropin'

    Args:
        model: any module; if it is a torch.nn.RNN, LSTM or GRU itself, its replacement is only returned.

    Returns:
        The model, or the replacement if the model itself was a recurrent layer.

    Raises:
        ConfigError: a recurrent layer was pruned, parametrised or given hooks; nothing is replaced then.
    """
    if is_keras(model):
        from unroll.interop.keras.swap import accelerate as accelerate_keras

        return accelerate_keras(model)
    made: dict[int, nn.Module] = {}
    for name, module in model.named_modules():
        replacement = _replacement(module, name or type(model).__name__)
        if replacement is not None:
            made[id(module)] = replacement
    if id(model) in made:
        return made[id(model)]  # type: ignore[return-value]
    for parent in list(model.modules()):
        # Not named_children, which leaves out a second name for the same child.
        for name, child in list(parent._modules.items()):
            if child is not None and id(child) in made:
                parent._modules[name] = made[id(child)]
    return model
