"""The network of a transcriber, recordings as it takes them, and letters as it gives them.

Shapes: B batch, T frames, M bands, S steps, V letters and blank.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from unroll.cells import CELLS
from unroll.data.batches import pad_series
from unroll.models.encoders import recurrent_stack
from unroll.models.recognizer import Recognizer
from unroll.tasks.transcribe.settings import Saved, TranscribeSettings

#: Recordings that are heard at once, and frames of them, padding counted.
_HEARD, _FRAMES = 32, 40_000
#: Recordings in memory at a time, among which those of like length are heard together.
_BLOCK = 256


def build_network(saved: Saved, settings: TranscribeSettings) -> Recognizer:
    """The untrained network."""
    directions = 2 if settings.bidirectional else 1
    cell, size = CELLS[settings.encoder], settings.hidden_size
    sizes = [settings.bands * settings.frames, *[size * directions] * (settings.num_layers - 1)]
    stack = recurrent_stack(
        [tuple(cell(below, size) for _ in range(directions)) for below in sizes],
        dropout=settings.dropout if settings.num_layers > 1 else 0.0,
        engine=settings.engine,
    )
    return Recognizer(
        stack,
        len(saved.letters),
        settings.bands,
        frames=settings.frames,
        delay=saved.delay,
        dropout=settings.dropout,
    )


def layers_of(network: Recognizer) -> list[list[nn.Module]]:
    """The letters, then the recurrent layers from the highest down."""
    return [[network.output], *([layer] for layer in list(network.stack.layers)[::-1])]


def fit_normalisation(network: Recognizer, features: Iterable[np.ndarray]) -> None:
    """Set the means and scales of the bands by the frames of recordings, each (T, M)."""
    total, squares, count = np.zeros(network.bands), np.zeros(network.bands), 0
    for own in features:
        wide = own.astype(np.float64)
        total += wide.sum(axis=0)
        squares += (wide**2).sum(axis=0)
        count += len(wide)
    mean = total / max(count, 1)
    deviation = np.sqrt(np.maximum(squares / max(count, 1) - mean**2, 1e-4))
    network.mean.copy_(torch.from_numpy(mean))
    network.scale.copy_(torch.from_numpy(1 / deviation))


@torch.no_grad()
def log_probabilities(network: Recognizer, features: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The log-probabilities (S, V) of recordings (T, M); of one without frames (0, V)."""
    network.eval()
    device = network.output.weight.device
    found = [np.empty((0, network.output.out_features), np.float32) for _ in features]
    order = [row for row in np.argsort([len(own) for own in features], kind="stable") if len(features[row])]
    at = 0
    while at < len(order):
        # Lengths rise, so the last of a batch sets its frames.
        end = at + 1
        while end < min(len(order), at + _HEARD) and len(features[order[end]]) * (end + 1 - at) <= _FRAMES:
            end += 1
        x, lengths = pad_series([np.asarray(features[row]) for row in order[at:end]])
        log_p, steps = network(x.to(device), lengths)
        for row, own, count in zip(order[at:end], log_p.cpu().numpy(), steps.tolist(), strict=True):
            found[row] = own[:count]
        at = end
    return found


def hear(network: Recognizer, features: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The log-probabilities of any number of recordings in order, of which some are in memory at a time."""
    waiting = iter(features)
    while block := list(itertools.islice(waiting, _BLOCK)):
        yield from log_probabilities(network, block)


def letters_of(text: str, saved: Saved) -> list[int]:
    """The numbers of a text's letters, from 1; one that training did not know has none."""
    numbers = {letter: number for number, letter in enumerate(saved.letters, start=1)}
    return [numbers[letter] for letter in text if letter in numbers]


def text_of(letters: Iterable[int], saved: Saved) -> str:
    """A text by the numbers of its letters."""
    return "".join(saved.letters[number - 1] for number in letters)


def padded(features: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Recordings of a batch, (B, T, M), and their frames, (B,)."""
    return pad_series([np.array(own) for own in features])
