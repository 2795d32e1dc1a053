"""Networks from tensors to tensors, as other programs run them: what a call carries to the next is an input and an
output like any other.

Shapes: B batch, T time, S places of a memory, V vocabulary, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from unroll.errors import ConfigError
from unroll.layers import Memory, Recurrent, Stack
from unroll.models.attention_decoder import AttentionDecoder, Writing
from unroll.models.fill import GapModel
from unroll.models.forecast_window import Window
from unroll.models.forecaster import Forecaster
from unroll.models.language_model import LanguageModel
from unroll.models.next_step import NextStep
from unroll.models.recognizer import Recognizer
from unroll.models.tagger import Tagger
from unroll.models.wide import Network


def state_sizes(stack: Stack) -> dict[str, int]:
    """The states of layers that run forwards, by name: h_0 is the `h` of the lowest, and its features.

    Raises:
        ConfigError: a layer is of another kind.
    """
    found = {}
    for index, layer in enumerate(stack.layers):
        if not isinstance(layer, Recurrent) or layer.reverse:
            raise ConfigError(f"a stream needs layers of one cell that read forwards, got {type(layer).__name__}")
        found.update({f"{name}_{index}": size for name, size in layer.cell.state_sizes().items()})
    return found


def _states(stack: Stack, given: Sequence[Tensor]) -> tuple[Any, ...]:
    """The states of layers from tensors in the order of `state_sizes`."""
    parts = iter(given)
    cells = [layer.cell for layer in stack.layers if isinstance(layer, Recurrent)]
    return tuple(cell.State(*(next(parts) for _ in cell.state_sizes())) for cell in cells)


def _flat(states: Any) -> list[Tensor]:
    """The tensors of states, in the order of `state_sizes`."""
    return [part for state in states for part in state]


class Carried(nn.Module):
    """A network of a stream.

    Args:
        network: called as `network(x, state)`, gives what it says and the states after it; its layers are its `body`.
    """

    def __init__(self, network: LanguageModel | NextStep) -> None:
        super().__init__()
        self.network = network
        self._count = len(state_sizes(network.body))

    def forward(self, x: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        """Its input, lengths where it takes some, and states, to what it says, and states."""
        lengths, states = given[: -self._count], given[-self._count :]
        options = {"lengths": lengths[0]} if lengths else {}
        said, after = self.network(x, _states(self.network.body, states), **options)
        return (said, *_flat(after))


class Heard(nn.Module):
    """A transcriber of a stream: some frames at a time.

    Args:
        network: reads forwards only.
    """

    def __init__(self, network: Recognizer) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """(B, S, K * M) features of K frames side by side, and states, to (B, S, V) log-probabilities, and states."""
        network = self.network
        x = network.normalised(features.view(*features.shape[:2], network.frames, network.bands)).flatten(2)
        log_p, after = network.read(x, _states(network.stack, states))
        return (log_p, *_flat(after))


#: Names of what a decoder looks at, in the order of `Memory`.
MEMORY = ("memory_values", "memory_keys", "memory_mask")


class Reading(nn.Module):
    """What is read before a text is written.

    Args:
        network: has a method `read`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """The arguments of `read`, to a memory, states, and what the first step is fed with."""
        begun: Writing = self.network.read(*given)  # type: ignore[operator]
        return (*begun.memory, *_flat(begun.layers), begun.attended)


class WritingStep(nn.Module):
    """One step of a decoder.

    Args:
        decoder: the decoder.
    """

    def __init__(self, decoder: AttentionDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, tokens: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        """(B,) tokens, and what `Reading` or the step before gave, to (B, V) logits, states, what the next step is fed
        with, and (B, S) where it looked."""
        memory, states, attended = Memory(*given[:3]), given[3:-1], given[-1]
        weights = torch.zeros_like(memory.mask, dtype=memory.values.dtype)
        begun = Writing(memory, _states(self.decoder.body, states), attended, weights)
        logits, after = self.decoder.step(tokens.unsqueeze(1), begun)
        return (logits, *_flat(after.layers), after.attended, after.weights)


class GapScores(nn.Module):
    """A model of gaps up to its scores.

    Args:
        model: the model.
    """

    def __init__(self, model: GapModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """(B, T), (B,) -> (B, T, V - 2), as `GapModel.contexts` and `GapModel.scores`."""
        return self.model.scores(self.model.contexts(tokens, lengths))


class TokenTags(nn.Module):
    """A tagger that takes every token's own characters.

    Args:
        tagger: the tagger.
    """

    def __init__(self, tagger: Tagger) -> None:
        super().__init__()
        self.tagger = tagger

    def forward(self, features: Tensor, lengths: Tensor, *given: Tensor) -> tuple[Tensor, Tensor]:
        """Features and lengths of tokens; their characters, (B, T, C) and (B, T), if it reads any; pieces, as `Tagger`
        takes them, if it reads any. To (B, T) tags, and (B, T, K) scores."""
        rest = list(given)
        batch, steps = features.shape[:2]
        characters, counts = features.new_zeros(1, 1), features.new_ones(1)
        if self.tagger.words is not None:
            characters = rest.pop(0).flatten(0, 1)
            # In the padding there is nothing to read; one character is read there, and not used.
            counts = rest.pop(0).flatten().clamp(min=1)
        place = torch.arange(batch * steps, device=features.device).view(batch, steps)
        pieces = rest or [features.new_zeros(batch, 0), lengths, features, features]
        scores = self.tagger.scores(features, lengths, characters, counts, place, *pieces)
        crf = self.tagger.crf
        return (scores.argmax(dim=-1) if crf is None else crf.path(scores, lengths)), scores


class Probabilities(nn.Module):
    """A classifier up to its probabilities, whose texts are padded.

    Args:
        network: the classifier.
        readings: the forms of its inputs in order: "steps" for (B, T, ...) and (B,) lengths, "features" for (B, T, F)
            features of every step, 0 where there is none, and (B,) lengths, "grams" for (B, F) of the whole text.
    """

    def __init__(self, network: Network, readings: Sequence[str]) -> None:
        super().__init__()
        self.network = network
        self._readings = tuple(readings)

    def forward(self, *given: Tensor) -> Tensor:
        """(B, K)."""
        rest, batch = list(given), list[Tensor]()
        for form in self._readings:
            first = rest.pop(0)
            if form == "steps":
                batch += [first, rest.pop(0)]
                continue
            lengths = first.new_ones(first.shape[0]) if form == "grams" else rest.pop(0)
            features = first.unsqueeze(1) if form == "grams" else first
            batch += [features, (features != 0).sum(dim=-1), lengths]
        probabilities: Tensor = self.network.decision(self.network(*batch))
        return probabilities


class Horizon(nn.Module):
    """A forecaster that takes what is known of a window and of its horizon one by one.

    Args:
        network: the forecaster.
        known: F, features that are known ahead.
        seen: P, features that are known for the past only.
    """

    def __init__(self, network: Forecaster, known: int, seen: int) -> None:
        super().__init__()
        self.network = network
        self._known, self._seen = known, seen

    def forward(self, past: Tensor, *given: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T), and where there are such (B, T, F), (B, N, F), (B, T, P), and values far back (B, T, K) and
        (B, N, K), to (B, N, Q) quantiles and (B, N) means."""
        rest = list(given)
        batch, steps = past.shape
        if self._known:
            known = torch.cat([rest.pop(0), rest.pop(0)], dim=1)
        else:
            known = past.new_zeros(batch, steps + self.network.head.horizon, 0)
        seen = rest.pop(0) if self._seen else past.new_zeros(batch, steps, 0)
        lagged = torch.cat([rest.pop(0), rest.pop(0)], dim=1) if self.network.lags else None
        forecast = self.network(Window(past, known, seen, lagged=lagged))
        return forecast.quantiles, forecast.mean
