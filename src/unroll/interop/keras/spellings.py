"""What Keras 2 called the shape of a first layer's input, as many lessons still do."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from unroll.errors import ConfigError


def _in_place_of(init: Callable[..., None]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes a constructor look like another one."""

    def dressed(own: Callable[..., None]) -> Callable[..., None]:
        own = functools.wraps(init)(own)
        # Keras reads it in two ways, one of which does not look through wrappers.
        own.__signature__ = inspect.signature(init)  # type: ignore[attr-defined]
        return own

    return dressed


def takes_batch_shape(init: Callable[..., None]) -> Callable[..., None]:
    """A constructor that also knows `batch_input_shape`, which `Sequential` then makes an input of."""

    @_in_place_of(init)
    def initialise(self: Any, *args: Any, **options: Any) -> None:
        batch_shape = options.pop("batch_input_shape", None)
        init(self, *args, **options)
        # Keras would track a list as a part of the layer.
        self.batch_input_shape = None if batch_shape is None else tuple(batch_shape)

    return initialise


def takes_old_spellings(init: Callable[..., None]) -> Callable[..., None]:
    """A constructor that also knows `batch_input_shape`, and `input_dim` with `input_length`: features and steps."""

    @_in_place_of(init)
    def initialise(self: Any, *args: Any, **options: Any) -> None:
        length, features = options.pop("input_length", None), options.pop("input_dim", None)
        if length is not None and features is None:
            raise ConfigError(
                f"{type(self).__name__}: input_length={length} needs input_dim, the features of one step, beside it"
            )
        if features is not None:
            options["input_shape"] = (length, features)
        init(self, *args, **options)

    return takes_batch_shape(initialise)


def takes_steps(init: Callable[..., None]) -> Callable[..., None]:
    """A constructor that makes `batch_input_shape` of `input_length`, the steps of rows of tokens."""

    @_in_place_of(init)
    def initialise(self: Any, *args: Any, **options: Any) -> None:
        steps = options.pop("input_length", None)
        if steps is not None and "input_shape" not in options:
            options.setdefault("batch_input_shape", (None, *(steps if isinstance(steps, list | tuple) else (steps,))))
        init(self, *args, **options)

    return initialise
