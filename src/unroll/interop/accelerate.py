"""torch.nn's recurrent modules in a model, turned into unroll's."""

from __future__ import annotations

import warnings
from typing import TypeVar

from torch import nn
from torch.nn.utils import parametrize

from unroll.interop.detect import is_keras
from unroll.layers import GRU, LSTM, RNN
from unroll.layers.steps import GRUCell, LSTMCell, RNNCell

Model = TypeVar("Model", bound=nn.Module)


def _called(module: nn.Module) -> str:
    """What a module is called in its repr: as torch.nn's, or as a parametrisation names the class that it makes."""
    return type(module).__name__.replace("Accelerated", "", 1)


class AcceleratedRNN(RNN, nn.RNN):
    """`unroll.RNN`, and a torch.nn.RNN to code that asks with isinstance."""

    _get_name = _called


class AcceleratedLSTM(LSTM, nn.LSTM):
    """`unroll.LSTM`, and a torch.nn.LSTM to code that asks with isinstance."""

    _get_name = _called


class AcceleratedGRU(GRU, nn.GRU):
    """`unroll.GRU`, and a torch.nn.GRU to code that asks with isinstance."""

    _get_name = _called


#: torch.nn's recurrent modules, and what each becomes.
RECURRENT: dict[type, type] = {
    nn.RNN: AcceleratedRNN,
    nn.LSTM: AcceleratedLSTM,
    nn.GRU: AcceleratedGRU,
    nn.RNNCell: RNNCell,
    nn.LSTMCell: LSTMCell,
    nn.GRUCell: GRUCell,
}


def _accelerated(module: nn.Module) -> type | None:
    """The class that a module gets; None for one that is none of torch.nn's recurrent modules."""
    kind = type(module)
    if not parametrize.is_parametrized(module):
        return RECURRENT.get(kind)
    # A parametrised module has a class of its own, which holds its computed attributes, over the one it was made of.
    made = RECURRENT.get(kind.__bases__[0])
    return made and type(
        kind.__name__, (made,), {name: value for name, value in vars(kind).items() if name != "__dict__"}
    )


def accelerate(model: Model) -> Model:
    """Turn every torch.nn.RNN, LSTM, GRU, RNNCell, LSTMCell and GRUCell inside a model into unroll's, in place.

    Every module stays the object that it was, with another class: with its parameters (an optimiser made before goes
    on, and tied ones stay tied), names in the state_dict, hooks, parametrisations, weights that are pruned, and
    attributes of your own. `isinstance(module, torch.nn.LSTM)` still holds.

    What cannot be made faster is left as it is, with a warning that names it: a class derived from torch.nn's, whose
    own methods would be lost, and a module whose `forward` was replaced.

    A model of Keras gets unroll's loops in its own layers: see `unroll.interop.keras.swap`.

    Example:
        >>> import torch
        >>> from unroll.interop import accelerate
        >>> model = torch.nn.ModuleDict({"encoder": torch.nn.LSTM(3, 5), "head": torch.nn.Linear(5, 2)})
        >>> type(accelerate(model)["encoder"]).__module__
        'unroll.interop.accelerate'

    Args:
        model: any module, or one of those itself.

    Returns:
        The model.
    """
    if is_keras(model):
        from unroll.interop.keras.swap import accelerate as accelerate_keras

        return accelerate_keras(model)
    left = []
    for name, module in model.named_modules():
        made = _accelerated(module)
        if "forward" in vars(module) and made is not None:
            left.append(f"'{name or type(model).__name__}' has a forward of its own")
        elif made is not None:
            module.__class__ = made
        elif isinstance(module, tuple(RECURRENT)) and not isinstance(module, tuple(RECURRENT.values())):
            left.append(f"'{name or type(model).__name__}' is a {type(module).__name__}, derived from torch.nn's class")
    if left:
        warnings.warn(f"accelerate: left as they were: {'; '.join(left)}", stacklevel=2)
    return model
