"""The network of a model of the missing word, from its settings."""

from __future__ import annotations

from unroll.bundle import RunFolder
from unroll.bundle.files import load_state
from unroll.cells import CELLS
from unroll.models.both_ways import BothWays, one_way
from unroll.models.fill import GapModel, GapModels
from unroll.tasks.fill.settings import FillSettings

#: How the names of the network's weights began in an earlier version.
_BOTH = "both."


def build_network(vocabulary: int, settings: FillSettings, *, bidirectional: bool) -> GapModel:
    """The untrained network.

    Args:
        vocabulary: V.
        settings: its sizes.
        bidirectional: whether it knows what stands right of a gap.
    """
    cell = CELLS[settings.encoder]
    sizes = [settings.embedding_size, *[settings.hidden_size] * settings.num_layers]
    stacks = [
        one_way(cell, sizes, reverse=reverse, dropout=settings.dropout, engine=settings.engine)
        for reverse in (False, True)[: 2 if bidirectional else 1]
    ]
    return GapModel(vocabulary, BothWays(stacks[0], stacks[1] if bidirectional else None), dropout=settings.dropout)


def build_compared(vocabulary: int, settings: FillSettings) -> GapModels:
    """The untrained network, and beside it the one with the left side only, if the settings ask for it."""
    both = build_network(vocabulary, settings, bidirectional=settings.bidirectional)
    return GapModels(both, build_network(vocabulary, settings, bidirectional=False) if settings.compared else None)


def load_network(folder: RunFolder, vocabulary: int, settings: FillSettings) -> GapModel:
    """The trained network of a run.

    Raises:
        BundleError: its weights are missing, damaged or of another model.
    """
    # The comparison model is built without need, so that what is drawn at random after reading a run (as by one that
    # starts from it) is what earlier versions drew.
    models = build_compared(vocabulary, settings)
    weights = folder.read_weights()
    # An earlier version saved the comparison model, too: its weights are read, and dropped.
    whole = any(name.startswith(_BOTH) for name in weights)
    load_state(models if whole else models.both, weights, folder.weights)
    return models.both
