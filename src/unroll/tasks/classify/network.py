"""The network of a classifier, from its settings."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from unroll.cells import CELLS
from unroll.errors import ConfigError
from unroll.layers import Stack
from unroll.models.both_ways import BothWays
from unroll.models.classifier import (
    Classifier,
    Decision,
    FeatureEmbedding,
    ManyToOne,
    SeriesSteps,
    Standardise,
    TextSteps,
)
from unroll.models.encoders import (
    GRID,
    OTHER_ENCODERS,
    BagEncoder,
    ConvolutionEncoder,
    RecurrentEncoder,
    WindowEncoder,
    grid_stack,
    recurrent_stack,
)
from unroll.models.ensemble import SeriesEnsemble
from unroll.models.fixed_convolutions import ConvolutionScores, FixedConvolutions
from unroll.models.lstm_fcn import LSTM_FCN, LSTMFCN, ShuffledLSTM
from unroll.models.pooling import POOLINGS, JoinedPooling, WithInput
from unroll.models.towers import Deep, TokenSteps, Tower, TowersToOne
from unroll.models.wide import GramScores, Network, WideAndDeep
from unroll.tasks.classify.data import ClassifyData
from unroll.tasks.classify.settings import ClassifySettings, Saved, SeriesPlan
from unroll.tasks.transfer import Beginning, Start, split_layers, take

#: What stands between steps and pooling.
Encoder = RecurrentEncoder | WithInput | ConvolutionEncoder | WindowEncoder | BagEncoder


def build_network(saved: Saved, settings: ClassifySettings) -> Network:
    """The untrained network for these classes, inputs and settings."""
    deep = _deep(saved, settings)
    # Built last: the network starts from the same weights as without it.
    return deep if saved.wide_size is None else WideAndDeep(deep, GramScores(saved.wide_size, len(saved.classes)))


def deep_part(network: Network) -> Deep:
    """The network without the linear model that may stand beside it."""
    return network.deep if isinstance(network, WideAndDeep) else network


def initialise(network: Network, data: ClassifyData) -> None:
    """Give an untrained network what the data know already: the scale of numbers, the weights of another run."""
    deep = deep_part(network)
    if (
        data.statistics is not None
        and isinstance(deep, ManyToOne | SeriesEnsemble)
        and isinstance(deep.steps, SeriesSteps)
    ):
        mean, deviation = data.statistics
        deep.steps.standardise.fit(torch.from_numpy(mean), torch.from_numpy(deviation))
    if data.pretrained is not None and isinstance(deep, TowersToOne):
        tower = deep.tower(0)
        take({"embedding": cast(TokenSteps, tower.steps).embedding, "encoder": tower.encoder}, data.pretrained)


def _deep(saved: Saved, settings: ClassifySettings) -> Deep:
    decision = Decision(len(saved.classes), exclusive=not saved.several)
    if saved.start is not None:
        return _started(saved, saved.start, settings, decision)
    if saved.plan is not None:
        return _lstm_fcn(saved, saved.plan, settings, decision)
    steps, encoder, pooling = _reading(saved, settings)
    dropout = settings.dropped(settings.network(series=saved.series))
    classifier = Classifier(encoder, pooling, len(saved.classes), dropout=dropout)
    return ManyToOne(steps, classifier, decision)


def _started(saved: Saved, start: Start, settings: ClassifySettings, decision: Decision) -> TowersToOne:
    """The layers of another run, and beside them words with their n-grams."""
    beginning = Beginning(start, dropout=settings.embedding_dropout, engine=settings.engine)
    tokens = TokenSteps(beginning.embedding, dropout=settings.embedding_dropout)
    towers = [Tower(tokens, beginning.encoder, _pooling(beginning.encoder.output_size, settings), inputs=2)]
    if settings.words:
        towers.append(Tower(*_reading(saved, settings), inputs=3))
    return TowersToOne(towers, decision, len(saved.classes), dropout=settings.dropped("lstm"))


def _lstm_fcn(saved: Saved, plan: SeriesPlan, settings: ClassifySettings, decision: Decision) -> SeriesEnsemble:
    """Several LSTM-FCNs side by side; of several channels with squeeze-and-excite."""
    members = []
    for _ in range(plan.members):
        recurrent = ShuffledLSTM(CELLS["lstm"](plan.steps, saved.hidden_size), engine=settings.engine)
        encoder = LSTMFCN(
            saved.input_size,
            recurrent,
            filters=(plan.filters, 2 * plan.filters, plan.filters),
            stride=plan.stride,
            squeeze=saved.input_size > 1,
        )
        sizes = {"last": encoder.last_size}
        parts = [POOLINGS[name](sizes.get(name, encoder.output_size)) for name in settings.poolings(LSTM_FCN)]
        pooling = JoinedPooling(parts)
        members.append(Classifier(encoder, pooling, len(saved.classes), dropout=settings.dropped(LSTM_FCN)))
    fixed = None
    if plan.fixed:
        convolutions = FixedConvolutions(saved.input_size, plan.longest, plan.fixed)
        fixed = ConvolutionScores(convolutions, len(saved.classes))
    return SeriesEnsemble(_series_steps(saved, settings), members, decision, fixed)


def _series_steps(saved: Saved, settings: ClassifySettings) -> SeriesSteps:
    usual = 0.1 if saved.plan is None else 0.0
    noise = usual if settings.noise is None else settings.noise
    return SeriesSteps(Standardise(saved.input_size), noise=noise)


def _pooling(size: int, settings: ClassifySettings) -> JoinedPooling:
    return JoinedPooling([POOLINGS[name](size) for name in settings.poolings(settings.network(series=False))])


def _reading(saved: Saved, settings: ClassifySettings) -> tuple[TextSteps | SeriesSteps, Encoder, JoinedPooling]:
    """Steps, encoder and pooling of features or numbers."""
    steps: TextSteps | SeriesSteps
    if saved.series:
        steps, size = _series_steps(saved, settings), saved.input_size
    else:
        size = settings.embedding_size
        embedding = FeatureEmbedding(saved.input_size, size, dropout=settings.feature_dropout)
        steps = TextSteps(embedding, step_dropout=settings.step_dropout, dropout=settings.embedding_dropout)
    encoder = _encoder(settings.network(series=saved.series), size, saved.hidden_size, settings)
    return steps, encoder, _pooling(encoder.output_size, settings)


def network_layers(network: Deep, start: Start | None) -> list[list[nn.Module]]:
    """The modules with parameters from the answer down to the input. Below the answer lie the layers that were taken
    over; what starts at random beside them is trained with the answer."""
    if isinstance(network, ManyToOne):
        encoder = network.classifier.encoder
        encoder = encoder.encoder if isinstance(encoder, WithInput) else encoder
        deep = list(encoder.stack.layers)[::-1] if isinstance(encoder, RecurrentEncoder) else [encoder]
        return [[network.classifier.pooling, network.classifier.head], *([layer] for layer in deep), [network.steps]]
    if isinstance(network, SeriesEnsemble):
        return [[network]]
    if start is None:
        raise ValueError("network_layers: a network of towers has a start, got None")
    first = network.tower(0)
    taken, random = split_layers(cast(BothWays, first.encoder), start)
    return [[network.head, first.pooling, *network.towers[1:], *random], *taken, [first.steps]]


def _encoder(name: str, size: int, hidden: int, settings: ClassifySettings) -> Encoder:
    other = OTHER_ENCODERS.get(name)
    if name == LSTM_FCN:
        raise ConfigError(f"the encoder {LSTM_FCN} reads numeric sequences, got texts; leave model.encoder out")
    if settings.skip and other is not None:
        raise ConfigError(f"model.skip goes with recurrent layers, got the encoder '{name}'; leave it out")
    if other is BagEncoder:
        return BagEncoder(size)
    if other is WindowEncoder:
        return WindowEncoder(size, hidden, dropout=settings.dropped(name))
    if other is ConvolutionEncoder:
        return ConvolutionEncoder(size, hidden)
    encoder = RecurrentEncoder(_stack(name, size, hidden, settings))
    return WithInput(encoder, size) if settings.skip else encoder


def _stack(name: str, size: int, hidden: int, settings: ClassifySettings) -> Stack:
    if name == GRID:
        return grid_stack(size, hidden, settings.num_layers, bidirectional=settings.bidirectional)
    cell = CELLS[name]
    directions = 2 if settings.bidirectional else 1
    sizes = [size] + [hidden * directions] * (settings.num_layers - 1)
    cells = [tuple(cell(below, hidden) for _ in range(directions)) for below in sizes]
    dropout = settings.dropped(name) if settings.num_layers > 1 else 0.0
    return recurrent_stack(cells, dropout=dropout, engine=settings.engine)
