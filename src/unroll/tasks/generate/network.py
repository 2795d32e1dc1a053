"""The network of a language model, from its settings."""

from __future__ import annotations

from unroll.cells import CELLS
from unroll.layers import Stack, weight_drop
from unroll.models.encoders import GRID, grid_stack, recurrent_stack
from unroll.models.language_model import LanguageModel
from unroll.tasks.generate.settings import GenerateSettings


def build_network(vocabulary: int, settings: GenerateSettings) -> LanguageModel:
    """The untrained network."""
    return LanguageModel(
        vocabulary,
        _body(settings),
        tied=settings.tied,
        dropout_input=settings.dropout_input,
        dropout_output=settings.dropout,
    )


def _body(settings: GenerateSettings) -> Stack:
    if settings.encoder == GRID:
        return grid_stack(settings.embedding_size, settings.hidden_size, settings.num_layers)
    cell = CELLS[settings.encoder]
    sizes = [settings.embedding_size, *[settings.hidden_size] * (settings.num_layers - 1)]
    body = recurrent_stack(
        [(cell(size, settings.hidden_size),) for size in sizes],
        dropout=settings.dropout if settings.num_layers > 1 else 0.0,
        engine=settings.engine,
    )
    for layer in body.layers:
        weight_drop(layer, settings.weight_drop)
    return body
